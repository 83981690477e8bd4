"""What every command has in common: help, version, light start, exit codes of the program."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from io import BytesIO, TextIOWrapper
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
import typer

from acir import cli
from acir.cli import show
from acir.cli.main import COMMANDS as LISTED
from acir.cli.main import app, main
from acir.errors import AcirError, UsageError
from acir.types import Answer
from made_model import acir, program

COMMANDS = {
    *("demo", "train", "index build", "index add", "index delete", "index copy", "index verify"),
    *("index info", "index failed", "index orphans"),
    *("index compact", "index backup", "index restore", "index export", "index import"),
    *("search", "check", "evaluate", "compare", "stress", "doctor", "serve"),
    *(
        "calibrate",
        "drift",
        "bench index",
        "pacs export",
        "pacs listen",
        "pacs search",
        "pacs sync",
    ),
    *("audit verify", "audit export", "audit report", "audit archive"),
    *("user add", "user password", "user list", "user grant", "user revoke", "user token"),
    *("user remove", "model register", "model approve", "model list", "model rollback"),
    *("deid", "deid review"),
}
GROUPS = {"index", "bench", "audit", "user", "model", "pacs"}


def commands() -> Iterator[str]:
    """Name every command and group that the program has."""
    root: Any = typer.main.get_command(app)
    for name, command in root.commands.items():
        yield name
        below = getattr(command, "commands", ())
        yield from (f"{name} {word}" for word in below if word != name)  # else what a group does


def test_the_commands_are_those_of_the_contract() -> None:
    assert set(commands()) == COMMANDS | GROUPS


def test_a_file_with_commands_is_listed_in_the_program() -> None:
    homes = [import_module(f"acir.cli.{m.name}") for m in iter_modules(cli.__path__)]
    apps = [home.app for home in homes if hasattr(home, "app")]
    assert len(apps) == len(LISTED) + 1
    assert all(part in (app, *LISTED) for part in apps)


@pytest.mark.parametrize("name", ["", *sorted(COMMANDS | GROUPS)])
def test_help_has_an_example_of_its_command(name: str) -> None:
    outcome = acir(*name.split(), "--help")
    assert outcome.code == 0
    _, found, example = outcome.out.partition("Example")
    assert found
    assert f"acir {name}" in " ".join(example.split())


@pytest.mark.parametrize(
    "words", [(), ("index", "info"), ("search",), ("check",), ("train",), ("evaluate",)]
)
def test_help_says_what_json_prints_and_what_a_source_is(words: tuple[str, ...]) -> None:
    text = " ".join(acir(*words, "--help").out.split())
    if words:
        assert "--json" in text
    if words[:1] != ("index",) and words != ("evaluate",):
        assert "SOURCE#train, #val or #test" in text


def test_without_a_command_the_help_is_shown() -> None:
    outcome = acir()
    assert outcome.code == 2
    assert "Usage: acir" in outcome.out + outcome.err


def test_the_version_is_that_of_the_package() -> None:
    outcome = acir("--version")
    assert (outcome.code, outcome.out) == (0, version("acir") + "\n")


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_neither_help_nor_version_loads_a_heavy_library(word: str) -> None:
    code = (
        "import sys; sys.argv = ['acir', sys.argv[1]]\n"
        "from acir.cli.main import main\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)\n"
    )
    run = [sys.executable, "-c", code, word]
    done = subprocess.run(run, check=True, capture_output=True, text=True)
    heavy = {"torch", "lightning_fabric", "faiss", "sklearn", "matplotlib", "pydicom", "PIL"}
    assert heavy.isdisjoint(done.stderr.split())
    assert "acir.cli.main" in done.stderr.split()


def test_the_installed_program_gives_the_exit_codes_of_the_contract(
    index: Path, pictures: Path, tmp_path: Path
) -> None:
    query = pictures / "test" / "disc" / "120.png"
    blank = tmp_path / "empty.png"
    blank.write_bytes(b"")
    expected = {
        2: ("search", "--index", index, tmp_path / "nowhere.png"),
        3: ("search", "--index", index, query, blank, "--fail-on-unknown"),
    }
    for code, words in expected.items():
        done = subprocess.run(**program(*words), check=False, capture_output=True, text=True)
        assert done.returncode == code
        assert "Traceback" not in done.stderr


def test_doctor_says_what_is_here_as_json() -> None:
    found = acir("doctor", "--json").line()
    assert found["acir"] == version("acir")
    assert found["packages"]["torch"] == version("torch")
    assert found["devices"][0] == "cpu"
    assert "tiny" in found["recipes"]
    assert "sch" in found["components"]["acir.losses"]
    assert all(line.startswith(tuple(found["packages"])) for line in found["missing"])


def test_doctor_tells_a_person_the_same() -> None:
    outcome = acir("doctor")
    assert outcome.code == 0
    assert f"acir: {version('acir')}" in outcome.out
    assert "faiss" in outcome.out


def test_an_error_of_the_system_is_one_sentence_and_exit_code_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails() -> None:
        raise OSError(5, "Input/output error", "some/file")

    monkeypatch.setattr("acir.workflows.upkeep.doctor", fails)
    outcome = acir("doctor")
    assert outcome.code == 1
    assert outcome.err == (
        "error: the files at some/file cannot be used (Input/output error); make room or give "
        "access, then run the same command again\n"
    )


def test_json_floats_have_six_significant_digits(capsys: pytest.CaptureFixture[str]) -> None:
    show.json_line({"a": 1 / 3, "b": [123456.789], "c": {"d": 1e-9 / 7}, "e": None, "f": 3})
    assert capsys.readouterr().out == (
        '{"a": 0.333333, "b": [123457.0], "c": {"d": 1.42857e-10}, "e": null, "f": 3}\n'
    )


def test_a_person_is_shown_names_whole_and_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    name = f"a:smile:[red]{'b' * 200}"
    show.counts({name: 1}, as_json=False)
    assert capsys.readouterr().out == f"{name}: 1\n"
    show.table("", ("id", "rank"), [(name, 1)])
    lines = capsys.readouterr().out.splitlines()
    assert "".join(line.split("│")[1].strip() for line in lines if "│" in line) == name
    show.say(name)
    assert capsys.readouterr().err == f"{name}\n"


def test_a_name_can_neither_begin_a_line_nor_move_the_cursor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, shown = "a\n\x1b[2Jb\x9b", r"a\x0a\x1b[2Jb\x9b"
    show.answer(Answer(name, None, "plain", ()))
    show.counts({"names": [name]}, as_json=False)
    show.table("", ("id",), [(name,)])
    show.say(f"  {name}: it is cut off")
    printed = capsys.readouterr()
    assert printed.out.count(shown) == 3
    assert printed.err == f"  {shown}: it is cut off\n"
    assert not {"\x1b", "\x9b"} & set(printed.out)


def test_what_an_encoding_lacks_is_spelt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "argv", ["acir", "--version"])
    with pytest.raises(SystemExit):
        main()
    show.json_line({"a": "M\xfcller"})
    show.counts({"M\xfcller": 1}, as_json=False)
    sys.stdout.flush()
    said = raw.getvalue().decode("ascii").splitlines()
    assert said == [version("acir"), '{"a": "M\\u00fcller"}', r"M\xfcller: 1"]


def test_a_log_has_the_error_that_stopped_the_work_but_no_refusal(tmp_path: Path) -> None:
    path = tmp_path / "made" / "log"
    with pytest.raises(UsageError, match="no use"), show.logging_to(path):
        raise UsageError("no use")
    assert not path.parent.exists()
    with pytest.raises(AcirError, match="failed"), show.logging_to(path):
        raise AcirError("it failed")
    assert "it failed" in path.read_text(encoding="utf-8")


def test_an_interruption_before_any_command_has_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("acir.cli.main.app", interrupted)
    assert acir("doctor").code == 130
