"""`acir pacs`: what speaks with an archive of DICOM images."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Device, Json, Threads

Configuration = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="TOML file with the index and the servers.")
]

app = typer.Typer(
    name="pacs",
    help="Follow a PACS, search for its images.",
    epilog="Example:  acir pacs sync pacs.toml --once",
    no_args_is_help=True,
)


@app.callback()
def group() -> None:
    """Keep `pacs` a group while it has one command."""


@app.command(epilog="Example:  acir pacs sync pacs.toml")
def sync(
    configuration: Configuration,
    once: Annotated[
        bool, typer.Option("--once", help="End when the index has what the servers have.")
    ] = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Keep an index like the servers of a configuration; the log is beside it."""
    from acir.workflows import pacs as workflow

    with show.logging_to(configuration.with_suffix(".log")):
        found = workflow.sync(
            configuration, once=once, device=device, progress=show.progress, say=show.say
        )
    show.counts(found, as_json)
