"""The generated references are current, and the written ones leave nothing out."""

import re

import pytest
from reference import FAMILIES, FOLDER, commands, pages, parameters, recipe_keys

from acir import bundle, registry
from acir.promise import largest_rank, pictures_needed


@pytest.mark.parametrize("name", pages())
def test_a_generated_page_is_what_the_program_says_today(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == pages()[name], "run: .venv/bin/python tests/docs/reference.py"


def test_every_command_has_a_section() -> None:
    text = (FOLDER / "cli.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## acir (.+)$", text, re.MULTILINE)) == set(commands())


def test_every_help_text_is_a_sentence() -> None:
    said = [
        (words, written, info.help or "")
        for words, function in commands().items()
        for written, info in parameters(function).items()
    ]
    assert [(w, o, text) for w, o, text in said if not re.fullmatch(r"[A-Z].+\.", text)] == []


def test_every_recipe_key_has_a_row() -> None:
    text = (FOLDER / "recipe.md").read_text(encoding="utf-8")
    assert {key for key in recipe_keys() if f"| `{key}` |" not in text} == set()
    assert {"model.attention.on", "loss", "gate.detectors"} <= set(recipe_keys())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_component_has_a_row(family: str) -> None:
    text = (FOLDER / "components.md").read_text(encoding="utf-8")
    section = text.split(f"## `{family}`")[1].split("\n## ")[0]
    named = {name.replace("-", "_") for name in re.findall(r"^\| `([\w-]+)` \|", section, re.M)}
    assert named == set(registry.names(family))


def test_every_reason_code_is_explained() -> None:
    text = (FOLDER / "json.md").read_text(encoding="utf-8")
    base, _ = FAMILIES["acir.ood"]
    codes = [registry.find("acir.ood", base, n).reason_code for n in registry.names("acir.ood")]
    assert {code for code in codes if f"`{code}`" not in text} == set()


def test_the_format_of_a_bundle_is_todays() -> None:
    text = (FOLDER / "bundle.md").read_text(encoding="utf-8")
    assert f"\nFormat {bundle.FORMAT}; " in text


def test_the_ranks_of_the_gates_table_are_those_of_the_program() -> None:
    text = (FOLDER.parent / "explanation" / "gate.md").read_text(encoding="utf-8")
    header, *rows = [
        line.strip("|").split("|")
        for line in text.splitlines()
        if line.startswith(("| 0.0", "| alpha"))
    ]
    sizes = [int(re.sub(r"\D", "", cell)) for cell in header[1:-1]]
    assert len(rows) == 3
    for alpha, *ranks, fewest in rows:
        found = [largest_rank(n, float(alpha), 0.95) for n in sizes]
        assert [int(rank) for rank in ranks] == found
        assert int(fewest) == pictures_needed(float(alpha), 0.95)
