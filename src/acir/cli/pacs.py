"""`acir pacs`: what speaks with an archive of DICOM images."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import (
    Device,
    FailOnUnknown,
    Force,
    Html,
    Index,
    Json,
    Threads,
    Where,
    pairs,
)
from acir.cli.search import HITS, tell
from acir.errors import ComponentError

Configuration = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="TOML file with the index and the servers.")
]

app = typer.Typer(
    name="pacs",
    help="Follow a PACS, search for its pictures, give it results.",
    epilog="Example:  acir pacs sync pacs.toml --once",
    no_args_is_help=True,
)


@app.command(epilog="Example:  acir pacs sync pacs.toml")
def sync(
    configuration: Configuration,
    once: Annotated[
        bool, typer.Option("--once", help="End when the index has what the servers have.")
    ] = False,
    erase: Annotated[
        bool,
        typer.Option(
            "--erase",
            help="Erase what a server no longer lists, even if it is most of what it had.",
        ),
    ] = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Keep an index like the servers of a configuration; the log is beside CONFIG."""
    from acir.workflows import pacs as workflow

    with show.logging_to(configuration.with_suffix(".log")):
        found = workflow.sync(
            configuration,
            once=once,
            erase=erase,
            device=device,
            progress=show.progress,
            say=show.say,
        )
    show.counts(found, as_json)


@app.command(epilog="Example:  acir pacs listen pacs.toml")
def listen(configuration: Configuration, device: Device = "auto", threads: Threads = 0) -> None:
    """Take what known senders store (C-STORE) into an index; the log is beside CONFIG."""
    from acir.workflows import pacs as workflow

    with show.logging_to(configuration.with_suffix(".log")):
        workflow.listen(configuration, device=device, say=show.say)


@app.command(epilog="Example:  acir pacs search pacs.toml STUDY-UID/SERIES-UID/SOP-UID -k 5")
def search(
    configuration: Configuration,
    instance: Annotated[
        str,
        typer.Argument(
            metavar="STUDY/SERIES/SOP",
            help="UIDs of an instance; the first two of a series, the first of a study.",
        ),
    ],
    server: Annotated[
        str, typer.Option("--server", metavar="NAME", help="Server that has it; else the only one.")
    ] = "",
    series: Annotated[
        bool,
        typer.Option("--series", help="Ask for series like this one, or like each of the study."),
    ] = False,
    k: Annotated[int, typer.Option("-k", min=1, help="Number of hits.")] = HITS,
    where: Where = None,
    force: Force = False,
    html: Html = None,
    fail_on_unknown: FailOnUnknown = False,
    device: Device = "cpu",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Fetch an instance from a server and retrieve the stored pictures most like it."""
    from acir.workflows import pacs as workflow

    found = workflow.Question(instance, server, k, pairs(where), force, series)
    answers = workflow.search(configuration, found, html, device, show.say)
    tell(answers, as_json, html, fail_on_unknown)


@app.command(epilog="Example:  acir pacs export --index DIR query.dcm --out results")
def export(
    index: Index,
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help="A DICOM file; with --from, its UIDs as STUDY/SERIES/SOP."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write to, new or empty.")],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="CONFIG", help="Send the objects to a server of this TOML file too."
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="CONFIG", help="Fetch the query from a server of this TOML file."
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            "--server", metavar="NAME", help="Server of the TOML file; else the only one."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Number of hits.")] = HITS,
    force: Force = False,
    device: Device = "cpu",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Write the answer to a DICOM image as DICOM objects for its study."""
    try:
        from acir.workflows import pacs_export as workflow
    except ModuleNotFoundError as error:
        raise ComponentError(
            f"acir pacs export needs {error.name!r}, which is not installed. Install it with: "
            "pip install 'acir[pacs]'"
        ) from error
    request = workflow.Request(k=k, force=force)
    place = workflow.Place(out, to, server)
    done = workflow.export(index, query, place, request, source=source, device=device, say=show.say)
    if as_json:
        show.json_line(workflow.export_line(done))
        return
    show.verdict("the query", done.verdict)
    if done.cases:
        show.table("", ("case in the objects", "id in the index"), list(done.cases.items()))
    for name in done.files:
        show.out.print(str(out / name), markup=False)
