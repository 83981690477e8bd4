"""The layout that a contributor reads is the one that the build enforces."""

import re
import tomllib

from blocks import ROOT


def _read() -> list[set[str]]:
    """Return the packages of each line of the table, from the top."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = text.split("| in `src/acir` | what it is |\n|---|---|\n")[1].split("\n\n")[0]
    return [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in rows.splitlines()]


def test_the_lines_of_the_table_are_those_of_the_contract() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    (flow,) = (contract for contract in contracts if contract["id"] == "flow")
    assert _read() == [set(re.findall(r"\w+", line)) for line in flow["layers"]]


def test_every_package_and_module_is_in_the_table() -> None:
    source = ROOT / "src" / "acir"
    packages = {path.parent.name for path in source.glob("*/__init__.py")}
    modules = {path.stem for path in source.glob("*.py")} - {"__init__"}
    assert set.union(*_read()) == packages | modules
