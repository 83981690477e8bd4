"""The table from paper to code names code and tests that exist."""

import re
from importlib import import_module

import pytest
from blocks import ROOT

TEXT = (ROOT / "docs" / "explanation" / "paper.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| .+ \| `(acir[\w.]+):(\w+)` \| `([\w./]+)(?:::(\w+))?` \|$", TEXT, re.MULTILINE
)


def test_every_row_of_the_table_is_read() -> None:
    table = TEXT.split("|---|---|---|")[1].split("\n\n")[0].strip().splitlines()
    assert len(ROWS) == len(table) > 20


@pytest.mark.parametrize(("module", "name", "file", "test"), ROWS)
def test_a_part_of_the_paper_has_its_code_and_its_test(
    module: str, name: str, file: str, test: str
) -> None:
    assert hasattr(import_module(module), name)
    tests = (ROOT / file).read_text(encoding="utf-8")
    assert f"def {test}(" in tests if test else "def test_" in tests
