"""Write the pages of `docs/reference` that the program itself can tell: run this file to do so.

The tests compare what it would write with what is there.
"""

import ast
import dataclasses
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer
from api_reference import api_page
from python_reference import python_page
from typer.models import ArgumentInfo, OptionInfo, ParameterInfo

from acir import recipe, registry
from acir.cli.main import COMMANDS
from acir.cli.options import SOURCES
from acir.errors import ComponentError
from acir.gate import ORDINARY
from acir.index.engines.base import Engine
from acir.losses.base import Loss
from acir.models.stems.base import Stem
from acir.ood.base import Detector
from acir.pacs import coding, own
from acir.prep.preflight import Finding
from acir.privacy.deid import NUMBERS, REMOVED, STAYING
from acir.privacy.kept import EMPTIED, KEPT, REPLACED
from acir.privacy.table import actions, description
from acir.ranking.base import Ranker
from acir.sources.base import Source
from acir.tables import Component

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
GENERATED = "<!-- Written by tests/docs/reference.py; do not edit. -->"
FAMILIES: Mapping[str, tuple[type[Any], str]] = {
    "acir.sources": (Source, "Where pictures come from; `SOURCE` on the command line"),
    "acir.models.stems": (Stem, "Convolutional networks below the attention; `model.stem`"),
    "acir.losses": (Loss, "What training minimises; `loss`"),
    "acir.ood": (Detector, "Is this picture of a kind we know; `gate.detectors`"),
    "acir.index.engines": (
        Engine,
        "Hamming search; an index says [which one](../how-to/engines.md) searches it",
    ),
    "acir.ranking": (Ranker, "The order of the hits; `search.mode` and `--mode`"),
}
GIVEN = {
    "class_counts",
    "bits",
    "pictures",
    "steps",
    "lengths",
}  # what the program passes to a component itself
SET_LOSS = (
    "acir train tiny --data cells.zip --out runs/csq"
    " --set loss.name=csq --set model.head.posterior=false"
)
# Keys whose dataclass says in one sentence what the whole table means.
MEANINGS = {
    "model.attention.on": "Whether the block is there.",
    "model.attention.window": "Largest side of a window, in positions of the map.",
    "model.attention.heads": "Attention heads.",
    "model.attention.head_dim": "Width of a head.",
    "model.fusion.on": "Whether the block is there.",
    "model.fusion.heads": "Attention heads.",
    "model.fusion.head_dim": "Width of a head.",
    "model.decoder.on": "Whether there is a decoder; detectors that rebuild the picture need it.",
    "model.decoder.widths": "Channels of its three blocks.",
    "calibration.fraction": "Share of train kept for each of the two sets; 0 for no promise.",
    "search.mode": "Component of `acir.ranking`; `auto` takes the one that validation favours.",
    "loss": "Component of `acir.losses`.",
}


def pages() -> dict[str, str]:
    """Return the content of each generated page by its file name."""
    return {
        "cli.md": "\n".join(_cli()),
        "recipe.md": "\n".join(_recipe()),
        "components.md": "\n".join(_components()),
        "coding-scheme.md": "\n".join(_coding_scheme()),
        "deidentified.md": "\n".join(_deidentified()),
        "api.md": api_page(GENERATED),
        "python.md": python_page(GENERATED),
    }


# Command line


def commands() -> dict[str, Callable[..., object]]:
    """Return the function behind each command by the words that call it."""
    found: dict[str, Callable[..., object]] = {}
    for prefix, part in _apps():
        for info in part.registered_commands:
            assert info.callback is not None
            name = info.name or info.callback.__name__.replace("_", "-")
            # A command called like its group is what the group itself does.
            found[prefix.strip() if name == part.info.name else f"{prefix}{name}"] = info.callback
    return found


def parameters(function: Callable[..., object]) -> dict[str, ParameterInfo]:
    """Return what typer knows of each parameter, as it is written on the command line."""
    hints = get_type_hints(function, include_extras=True)
    found = {}
    for name in inspect.signature(function).parameters:
        info = next(m for m in hints[name].__metadata__ if isinstance(m, ParameterInfo))
        # In an annotation typer takes the first declaration for the default until it runs.
        declared = info.default if isinstance(info, OptionInfo) else info.metavar
        found[declared or name.upper()] = info
    return found


def _apps() -> Iterator[tuple[str, typer.Typer]]:
    for part in COMMANDS:
        yield f"{part.info.name} " if part.info.name else "", part


def _cli() -> Iterator[str]:
    epilogs = {
        info.callback: info.epilog for _, part in _apps() for info in part.registered_commands
    }
    yield from ("# Command line", "", GENERATED, "", SOURCES, "")
    yield "Progress and remarks go to standard error; standard output is the answer alone."
    yield from ("", "| exit code | meaning |", "|---|---|", "| 0 | done |", "| 1 | it failed |")
    yield "| 2 | wrong use or bad input; the message says what was given, expected and to do |"
    yield "| 3 | `acir search --fail-on-unknown` met an unknown query |"
    yield from ("| 130 | interrupted |", "", "`acir --version` prints the version.")
    for words, function in commands().items():
        yield from ("", f"## acir {words}", "", inspect.getdoc(function) or "", "")
        example = (epilogs[function] or "").removeprefix("Example:").strip()
        yield from ("```bash", example, "```", "", "| | value | default | meaning |")
        yield "|---|---|---|---|"
        yield from _rows(function)
    yield ""


def _rows(function: Callable[..., object]) -> Iterator[str]:
    signature, hints = inspect.signature(function).parameters, get_type_hints(function)
    for (written, info), (name, parameter) in zip(
        parameters(function).items(), signature.items(), strict=True
    ):
        required = parameter.default is parameter.empty
        shown = "required" if required else _default(parameter.default)
        meaning = "A SOURCE, as above." if info.help == SOURCES else info.help
        yield f"| `{written}` | {_kind(info, hints[name])} | {shown} | {meaning} |"


def _kind(info: ParameterInfo, hint: Any) -> str:  # noqa: ANN401 - any annotation
    if hint is bool:
        return ""
    if info.metavar and isinstance(info, OptionInfo):
        return info.metavar
    names = {int: "whole number", float: "number", str: "text", Path: "path"}
    plain = [n for kind, n in names.items() if kind in (hint, *get_args(hint))]
    return plain[0] if plain else "several" if isinstance(info, ArgumentInfo) else "text"


def _default(value: object) -> str:
    return "" if value is None or value is False else f"`{value}`"


# What de-identification leaves


def _deidentified() -> Iterator[str]:
    yield from ("# What `acir deid` leaves in a file", "", GENERATED, "")
    yield f"What the standard's table names ({description()}, {len(actions())}"
    yield "attributes and the repeating groups) is removed, emptied or replaced as it says."
    yield "Of everything else, this stays; it is the whole list."
    yield from ("", f"- Numbers: the kinds {', '.join(sorted(NUMBERS))}.")
    yield "- UIDs that the standard itself defines, such as those of transfer syntaxes. Every other"
    yield "  UID becomes `2.25.` and a number of 128 bit: a keyed hash."
    yield "- Sequences, of whose items the same holds."
    yield f"- Of text, codes and bytes, the {len(STAYING)} attributes below; a code string only if"
    yield "  it is written like one, in at most 16 capitals, digits, spaces and underscores."
    yield "  One with a name of the patient or of staff, an ID or the accession number is"
    yield f"  `{REMOVED}`."
    yield f"- In the place of text that an object must have, the word `{REMOVED}`:"
    yield f"  {', '.join(f'`{keyword}`' for keyword in REPLACED)}."
    yield f"- Empty, for the same reason: {', '.join(f'`{keyword}`' for keyword in EMPTIED)}."
    yield from ("", "With `--dates`, dates of the table stay too, but birth, shifted by a secret")
    yield "number of days, and times of day as they are."
    yield from ("", "| what for | attributes that may keep text, codes or bytes |", "|---|---|")
    for group, keywords in KEPT.items():
        yield f"| {group} | {', '.join(f'`{keyword}`' for keyword in keywords)} |"
    yield from (
        "",
        "Private attributes, curves, overlays, icons, colour profiles and waveforms go, and",
    )
    yield "so do values that cannot be read and those of another kind than their attribute's."
    yield "The preamble is blank, the file meta is written anew, and bits of a pixel beyond the"
    yield from ("stored ones are cleared.", "")


# Recipes


def recipe_keys() -> list[str]:
    """List every dotted key of a recipe, tables left out."""
    return [key for key, *_ in _keys(recipe.Recipe, "")]


def _recipe() -> Iterator[str]:
    yield from ("# Recipes", "", GENERATED, "")
    yield "A recipe is a TOML file; what it leaves out has the default below. `--set KEY=VALUE`"
    yield "replaces a key. An unknown key is an error that names the nearest known one. Options of"
    yield "components are in [Components](components.md)."
    yield from (
        "",
        "`--set loss.name=NAME` names another loss than the recipe does, and leaves out",
    )
    yield "what the recipe says of the options of its own; so does `--set model.stem.name=NAME`."
    yield "Options that are given with `--set` must be the new one's. Where the recipe has"
    yield "`model.head.posterior`, a loss that does not teach the class head also needs"
    yield "`--set model.head.posterior=false`:"
    yield from ("", "```bash", SET_LOSS, "```")
    yield from ("", "## Shipped recipes", "")
    for name in recipe.shipped():
        text = files("acir").joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
        header = [line for line in text.splitlines() if line.startswith("#")]
        yield from (f"### `{name}`", "", "```toml", *header, "```", "")
    tables: dict[str, list[str]] = {}
    for key, kind, default, meaning in _keys(recipe.Recipe, ""):
        row = f"| `{key}` | {kind} | `{default}` | {meaning} |"
        tables.setdefault(key.rpartition(".")[0] or key, []).append(row)
    yield from ("## Keys", "")
    yield "Values are said as TOML writes them."
    for table, rows in tables.items():
        yield from ("", f"### `[{table}]`", "", "| key | value | default | meaning |")
        yield from ("|---|---|---|---|", *rows)
    yield ""


def _keys(table: type, where: str) -> Iterator[tuple[str, str, str, str]]:
    said = _entries(inspect.getdoc(table) or "", "Attributes")
    hints = get_type_hints(table, include_extras=True)
    for field in dataclasses.fields(table):
        key = f"{where}.{field.name}" if where else field.name
        hint = hints[field.name]
        if hint is not Component and dataclasses.is_dataclass(hint):
            assert isinstance(hint, type)
            yield from _keys(hint, key)
        else:
            meaning = said.get(field.name) or MEANINGS[key]
            yield key, _range(hint), _toml(field.default), meaning


def _range(hint: Any) -> str:  # noqa: ANN401 - any annotation
    if hint is Component:
        return "a table with a `name`"
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(f'`"{value}"`' for value in get_args(hint))
    if get_origin(hint) is tuple:
        return f"list of: {_range(get_args(hint)[0])}"
    limits = getattr(hint, "__metadata__", ())
    kind = get_args(hint)[0] if limits else hint
    names = {int: "whole number", float: "number", bool: "`true` or `false`", str: "text"}
    return ", ".join([names[kind], *(str(limit) for limit in limits)])


def _toml(value: object) -> str:
    if isinstance(value, Component):
        options = {"name": value.name, **value.options}
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in options.items()) + " }"
    return json.dumps(list(value) if isinstance(value, tuple) else value)


# Components


def _components() -> Iterator[str]:
    yield from ("# Components", "", GENERATED, "")
    yield "A component is a file of its family and is found by the file's name; on the command"
    yield "line and in recipes a dash may stand for an underscore."
    for family, (base, purpose) in FAMILIES.items():
        yield from ("", f"## `{family}`", "", f"{purpose}.", "", "| name | what | options |")
        yield "|---|---|---|"
        for name in registry.names(family):
            try:
                kind = registry.find(family, base, name)
                said, options = inspect.getdoc(kind), _options(family, kind)
            except ComponentError:  # its library is not here: engines alone, which have no options
                said, options = _written(family, name), ""
            what = " ".join((said or "").split("\n\n")[0].split())
            written = name.replace("_", "-") if family == "acir.ranking" else name
            yield f"| `{written}` | {what} | {options} |"
    yield ""


# Coding scheme


def _coding_scheme() -> Iterator[str]:
    yield from (f"# Coding scheme {own.DESIGNATOR}", "", GENERATED, "")
    yield "The terms of [results as DICOM](../how-to/dicom-results.md) that no public scheme has."
    yield f"Version {coding.VERSION}; a code that was once published keeps its meaning."
    yield from ("", "| code | meaning | definition |", "|---|---|---|")
    for value, (meaning, definition) in coding.TERMS.items():
        yield f"| `{value}` | {meaning} | {definition} |"
    yield from ("", "## Reasons of a verdict", "")
    yield "The value of `reason` is a reason code of the gate, as in [JSON](json.md). One of more"
    yield "than 16 letters stands in Long Code Value (0008,0119)."
    yield from ("", "| code | meaning | of |", "|---|---|---|")
    yield from (f"| `{code}` | {coding.reason(code).meaning} | {of} |" for code, of in _reasons())
    yield ""


def _reasons() -> Iterator[tuple[str, str]]:
    yield ORDINARY, "no detector: nothing is wrong"
    for name in registry.names("acir.ood"):
        yield registry.find("acir.ood", Detector, name).reason_code, f"detector `{name}`"
    for code in get_args(get_type_hints(Finding)["reason_code"]):
        yield code, "the pre-flight, which asks no detector"


def _written(family: str, name: str) -> str | None:
    """Read the docstring of a component's class without importing its file."""
    text = files(family).joinpath(f"{name}.py").read_text(encoding="utf-8")
    (kind,) = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    return ast.get_docstring(kind)


def _options(family: str, kind: type) -> str:
    if issubclass(kind, Source):
        named = [f"`{scheme}:`" for scheme in kind.schemes]
        return ", ".join(named + [f"`{suffix}`" for suffix in kind.suffixes])
    if family not in ("acir.models.stems", "acir.losses"):
        return ""
    said = _entries(inspect.getdoc(kind) or "", "Args")
    return "<br>".join(
        f"`{name}` = `{_toml(parameter.default)}`: {said[name]}"
        for name, parameter in inspect.signature(kind).parameters.items()
        if name not in GIVEN
    )


def _entries(docstring: str, section: str) -> dict[str, str]:
    """Read the names and meanings of a section of a Google docstring."""
    found = re.search(rf"^{section}:\n((?:    .*\n?|\n)+)", docstring, re.MULTILINE)
    entries: dict[str, str] = {}
    name = ""
    for line in (found.group(1) if found else "").splitlines():
        start = re.match(r"    (\w+): (.*)", line)
        if start:
            name = start.group(1)
            entries[name] = start.group(2)
        elif line.strip():
            entries[name] += f" {line.strip()}"
    return entries


if __name__ == "__main__":
    for file_name, content in pages().items():
        (FOLDER / file_name).write_text(content, encoding="utf-8")
