"""The examples in docstrings are true."""

import ast
import doctest
from importlib import import_module
from pathlib import Path

import pytest

import acir

PACKAGE = Path(acir.__file__).parent
FINDER = doctest.DocTestFinder(exclude_empty=True)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def examples(file: Path) -> int:
    """Count the docstrings with examples as they are written, whatever wraps the functions."""
    nodes = [n for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, DOCUMENTED)]
    return sum(">>> " in (ast.get_docstring(node) or "") for node in nodes)


FILES = {
    file.relative_to(PACKAGE.parent).as_posix(): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if examples(file)
}


@pytest.mark.parametrize("name", FILES)
def test_the_examples_of_a_file_run_and_none_is_missed(name: str) -> None:
    home = import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    found = [test for test in FINDER.find(home) if test.examples]
    assert len(found) == examples(FILES[name])
    for test in found:
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_there_are_examples() -> None:
    assert "acir/losses/sch.py" in FILES
