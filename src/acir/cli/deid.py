"""`acir deid`: remove identity from DICOM files, and list what a person has to look at."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from acir.cli import show
from acir.cli.options import Json


class _OwnCommand(TyperGroup):
    """A group whose own name is its first command: `acir deid IN OUT` needs no further word."""

    # Any: some versions of typer bring a click of their own.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Put the command that is meant before arguments that begin with none."""
        if not args or args[0] not in self.commands:
            args = [str(self.name), *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Find a command; that of the group's own name shows no second one in its usage."""
        name, command, rest = super().resolve_command(ctx, args)
        return None if name == self.name else name, command, rest


app = typer.Typer(
    name="deid",
    cls=_OwnCommand,
    help="Remove identity from DICOM files.",
    epilog="Example:  acir deid scans released --key-file secret.key",
)


@app.command(epilog="Example:  acir deid scans released --key-file secret.key")
def deid(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A DICOM file or a folder of them.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to.")],
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            help="File of the secret, made where there is none; else ACIR_KEY_FILE names it.",
        ),
    ] = None,
    dates: Annotated[
        bool,
        typer.Option(
            "--dates", help="Keep dates, shifted by a secret number of days for each patient."
        ),
    ] = False,
    every_picture: Annotated[
        bool,
        typer.Option(
            "--every-picture",
            help="Look for text in every picture, not only in kinds that mostly have some.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write DICOM files without identity; pictures that may show a name go to OUT.quarantine.

    Files that cannot be read are passed over, counted and listed: the exit code is 0 unless none
    can. `acir deid review OUT` lists what was kept back.
    """
    from acir.workflows import deid as workflow

    outcome = workflow.deidentify(
        source,
        out,
        key_file=key_file,
        dates=dates,
        every_picture=every_picture,
        progress=show.progress,
        say=show.say,
    )
    show.counts(asdict(outcome), as_json)


@app.command(epilog="Example:  acir deid review released")
def review(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder that was written to.")],
    as_json: Json = False,
) -> None:
    """List the files that were kept back: a person has to look at them, or they are unreadable."""
    from acir.workflows import deid as workflow

    kept_back = workflow.review(out)
    if as_json:
        show.json_line({"kept_back": [asdict(entry) for entry in kept_back]})
        return
    for entry in kept_back:
        show.out.print(f"{entry.state} {entry.name} ({entry.file}): {entry.reason}", markup=False)
    if not kept_back:
        show.out.print("nothing was kept back", markup=False)
