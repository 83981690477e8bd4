"""The command line: one command a verb. Exit codes: 0 ok, 1 failure, 2 wrong use, 3 unknown.

A command is a file beside this one, with an `app` of its own that is named below. It imports its
workflow when it is called, because workflows load torch and `--help` must not.
"""

import sys
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Annotated

import typer

from acir import __version__
from acir.cli import (
    audit,
    bench,
    calibrate,
    check,
    compare,
    deid,
    demo,
    doctor,
    drift,
    evaluate,
    index,
    model,
    pacs,
    search,
    serve,
    show,
    stress,
    train,
    user,
)
from acir.cli.options import SOURCES
from acir.errors import AcirError, UsageError

FAILED = 1
INTERRUPTED = 130

COMMANDS = (  # in the order of help
    demo.app,
    train.app,
    calibrate.app,
    search.app,
    check.app,
    evaluate.app,
    compare.app,
    stress.app,
    drift.app,
    doctor.app,
    index.app,
    serve.app,
    audit.app,
    user.app,
    model.app,
    pacs.app,
    deid.app,
    bench.app,
)

app = typer.Typer(
    help=f"Retrieve similar medical images, and know when not to answer.\n\n{SOURCES}",
    epilog="Examples:  acir demo  |  acir train tiny --data DIR --out runs/first  |  acir doctor. "
    "Not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for command in COMMANDS:
    app.add_typer(command)


def main() -> None:
    """Run the command line and exit with its code."""
    show.spell_out()
    try:
        _refuse_empty(sys.argv)
        app(prog_name="acir")
    except AcirError as error:
        show.say(f"error: {error}")
        sys.exit(error.exit_code)
    except OSError as error:
        place = f" at {error.filename}" if error.filename else ""
        show.say(
            f"error: the files{place} cannot be used ({error.strerror or error}); make room or "
            "give access, then run the same command again"
        )
        sys.exit(FAILED)
    except KeyboardInterrupt:  # before typer took over
        sys.exit(INTERRUPTED)


def _refuse_empty(words: Sequence[str]) -> None:
    """Refuse an empty word, as a variable that is not set leaves it: a path would be this folder.

    Raises:
        UsageError: There is one, alone or behind the equals sign of an option.
    """
    parted = (word.split("=", 1) if word.startswith("--") else [word] for word in words)
    for before, given in pairwise(chain.from_iterable(parted)):
        if not given:
            what = f"what follows {before}" if before.startswith("-") else "an argument"
            raise UsageError(f"{what} is empty; give a value, or `.` for this folder")


@app.callback(invoke_without_command=True)
def common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Options of every command."""
    if version:
        show.out.print(__version__)
        raise typer.Exit
