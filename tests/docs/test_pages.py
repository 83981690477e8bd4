"""Links lead somewhere, examples in Python are valid, and a change is written down."""

import ast
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from blocks import PAGES, ROOT, blocks, prose

from acir.sources.base import open_source

BY_NAME = {page.relative_to(ROOT).as_posix(): page for page in PAGES}


@pytest.mark.parametrize("name", BY_NAME)
def test_every_relative_link_leads_to_a_file(name: str) -> None:
    page = BY_NAME[name]
    links = [t for t in re.findall(r"\]\(([^)#\s]+)", prose(page)) if "://" not in t]
    targets = {(page.parent / link).resolve() for link in links}
    missing = {t.relative_to(ROOT).as_posix() for t in targets if not t.exists()}
    assert not missing


@pytest.mark.parametrize("name", [n for n, page in BY_NAME.items() if blocks(page, "python")])
def test_python_examples_compile_and_import_only_what_exists(name: str) -> None:
    for block in blocks(BY_NAME[name], "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = import_module(node.module or "")
                assert all(hasattr(module, alias.name) for alias in node.names)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "acir":
                assert hasattr(import_module("acir"), node.attr)


def test_the_file_that_a_message_means_is_found_as_the_page_says(
    tmp_path: Path,
    make_dicom: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cut = make_dicom(np.zeros((4, 5), np.int16))[:300]
    names = ("B.dcm", "a/10", "a/9", "a.dcm", "test/x.IMA", "DICOMDIR", ".hidden.dcm", "README")
    for name in names:
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"text" if name == "README" else cut)
    source = open_source(f"{tmp_path / 'scans'}#test")
    assert list(source) == []
    assert "DICOM file 5 of 5" in [skipped.path for skipped in source.skipped]
    monkeypatch.chdir(tmp_path)
    (block,) = blocks(ROOT / "docs/how-to/dicom.md", "python")
    for number in range(1, 6):
        exec(compile(block.replace("185", str(number)), "dicom.md", "exec"), {})
    assert capsys.readouterr().out.split() == [f"scans/{name}" for name in names[:5]]


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"- ([\w/.-]+\.md)$", text, re.MULTILINE))
    docs = ROOT / "docs"
    assert named == {page.relative_to(docs).as_posix() for page in docs.glob("**/*.md")}


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[Unreleased\]\n\n### \w+\n\n- ", text, re.MULTILINE)


def test_decisions_are_numbered_without_a_gap_and_have_three_parts() -> None:
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in found] == list(range(1, len(found) + 1))
    for page in found:
        parts = re.findall(r"^\*\*(\w+)\.\*\*", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences"], page.name


def test_words_of_the_glossary_are_in_order() -> None:
    text = (ROOT / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8")
    words = [word.casefold() for word in re.findall(r"^\| \*\*(.+?)\*\*", text, re.MULTILINE)]
    assert words == sorted(words)


def test_no_page_names_a_place_on_somebodys_machine() -> None:
    private = re.compile(r"(?<![\w.])/(home|Users|work|root|tmp)/")
    found = {n for n, page in BY_NAME.items() if private.search(page.read_text("utf-8"))}
    assert found == set()
