"""Every command line of the documentation is one that the program understands."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from json import loads
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import typer
from blocks import PAGES, ROOT, blocks, inline_commands, prose, shell_lines
from PIL import Image
from reference import commands, parameters
from typer.models import OptionInfo
from typer.testing import CliRunner

from acir import recipe
from acir.cli.main import app

OF_EVERY_COMMAND = {"--help"}
GROUPS = [[name.split()[0]] for name in commands() if " " in name]  # of commands, such as index
BY_NAME = {page.relative_to(ROOT).as_posix(): page for page in PAGES}
# What makes the training of the tour take seconds.
QUICKLY = [
    *("--set", "training.epochs=1", "--set", "training.decoder_epochs=1"),
    *("--set", "training.least_views=0", "--device", "cpu"),
]


def acir_lines(page: Path) -> list[list[str]]:
    """Return what follows `acir`, which a launcher may start by its path."""
    found = []
    for words in shell_lines(page):
        start = [i for i, word in enumerate(words) if Path(word).name == "acir"]
        found += [words[start[0] + 1 :]] if start else []
    return found


def split_off_command(words: list[str]) -> tuple[str, list[str]]:
    known = commands()
    for count in (2, 1):
        name = " ".join(words[:count])
        if name in known:
            return name, words[count:]
    pytest.fail(f"there is no command `acir {' '.join(words)}`")


def assert_understood(words: list[str]) -> None:
    """Let typer read a command line without running it; it raises what it does not understand."""
    command: Any = typer.main.get_command(app)
    name, rest = split_off_command(words)
    for part in name.split():
        command = command.commands[part]
    command.make_context(name, rest)


@pytest.mark.parametrize("name", [n for n, page in BY_NAME.items() if acir_lines(page)])
def test_typer_understands_every_command_that_a_reader_can_copy(name: str) -> None:
    for words in acir_lines(BY_NAME[name]):
        assert_understood(words)


@pytest.mark.parametrize("name", [n for n, p in BY_NAME.items() if [*inline_commands(p)]])
def test_commands_in_sentences_name_only_what_exists(name: str) -> None:
    for words in inline_commands(BY_NAME[name]):
        if words[1].startswith("-"):
            assert words[1:] in (["--help"], ["--version"])
        elif words[1:] not in GROUPS:
            command, rest = split_off_command(words[1:])
            known = {w for w, p in parameters(commands()[command]).items() if is_option(p)}
            given = {word for word in rest if word.startswith("-")}
            assert given <= known | OF_EVERY_COMMAND, f"{command} has no {given - known}"


def is_option(parameter: object) -> bool:
    return isinstance(parameter, OptionInfo)


@pytest.mark.parametrize("name", BY_NAME)
def test_options_in_sentences_belong_to_some_command(name: str) -> None:
    known = OF_EVERY_COMMAND | {"--version"}
    known |= {w for function in commands().values() for w in parameters(function)}
    spoken = {word for text in code_spans(BY_NAME[name]) for word in [text.split()[0]]}
    assert {word for word in spoken if word.startswith("--")} <= known


def code_spans(page: Path) -> Iterator[str]:
    for text in prose(page).split("`")[1::2]:
        if text.strip():
            yield text


@pytest.mark.parametrize("name", BY_NAME)
def test_recipe_settings_of_every_command_are_ones_that_exist(name: str) -> None:
    page = BY_NAME[name]
    for words in [*acir_lines(page), *(w[1:] for w in inline_commands(page))]:
        if words[0] == "train":
            values = [v for key, v in pairwise(words) if key == "--set"]
            settings = dict(value.split("=", maxsplit=1) for value in values)
            assert recipe.load(words[1] if len(words) > 1 else "tiny", settings)


# The tour of the README runs, on drawn pictures and with little training.


@dataclass(frozen=True)
class Tour:
    """Where it ran, and what the last call of each command printed on standard output."""

    folder: Path
    printed: dict[str, str]


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Tour:
    folder = tmp_path_factory.mktemp("tour")
    draw_cells(folder)
    printed: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in acir_lines(ROOT / "README.md"):
            extra = QUICKLY if words[0] == "train" else []
            result = CliRunner().invoke(app, [*words, *extra], catch_exceptions=False)
            assert result.exit_code == 0, result.output
            printed[split_off_command(words)[0]] = result.stdout
        python = "\n".join(blocks(ROOT / "README.md", "python"))
        exec(compile(python, "README.md", "exec"), {})
        assert (folder / "answer.html").exists()
    return Tour(folder, printed)


def draw_cells(folder: Path) -> None:
    """Draw two kinds of noise, coarse and fine, of twelve pictures each."""
    random = np.random.default_rng(0)
    with ZipFile(folder / "cells.zip", "w") as archive:
        for number in range(24):
            kind, side = ("coarse", 8) if number % 2 else ("fine", 64)
            noise = random.integers(0, 256, (side, side), dtype=np.uint8)
            picture = Image.fromarray(noise).resize((64, 64))
            png = BytesIO()
            picture.save(png, "PNG")
            archive.writestr(f"{kind}/{number}.png", png.getvalue())
    picture.save(folder / "scan.png")


def json_keys_of(heading: str) -> set[str]:
    """Return the keys that a section of the JSON reference explains."""
    text = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {word.strip(" `") for row in rows for word in row.split(",")}


def test_the_tour_of_the_readme_runs_and_its_json_is_what_the_reference_says(
    tour: Tour,
) -> None:
    answer = loads(tour.printed["search"])
    hit = {
        f"hits[].{key}"
        for key in ("rank", "id", "label", "distance", "similarity", "path", "case", "matches")
    }
    explained = json_keys_of("acir search")
    assert set(answer) | hit == explained
    assert all({f"hits[].{key}" for key in found} == hit for found in answer["hits"])
    verdict = loads(tour.printed["check"])
    calibration = {f"calibration.{key}" for key in verdict.pop("calibration")}
    assert set(verdict) | calibration == json_keys_of("acir check")
    assert set(loads(tour.printed["evaluate"])) == json_keys_of("acir evaluate")


def test_the_keys_of_the_other_commands_are_explained(tour: Tour) -> None:
    index = str(tour.folder / "indexes" / "cells")

    def keys(*words: str) -> set[str]:
        result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        return set(loads(result.stdout))

    assert keys("index", "info", "--index", index) == json_keys_of("acir index info")
    assert keys("doctor") == json_keys_of("acir doctor")
    changed = keys("index", "delete", "--index", index, "nothing")
    changed |= keys("index", "verify", "--index", index)
    assert changed == json_keys_of("acir index delete and acir index verify")
    added = keys("index", "add", "--index", index, "--data", str(tour.folder / "scan.png"))
    assert added == json_keys_of("acir index build and acir index add")
    metrics = loads((tour.folder / "runs" / "cells" / "metrics.json").read_text("utf-8"))
    assert set(metrics) - json_keys_of("acir evaluate") == json_keys_of("metrics.json")
