"""`acir pacs`: what goes back to an archive of images."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Device, Index, Json, Threads
from acir.errors import ComponentError

HITS = 10

app = typer.Typer(
    name="pacs",
    help="Work beside an archive of DICOM images (PACS).",
    epilog="Example:  acir pacs export --index DIR query.dcm --out results",
    no_args_is_help=True,
)


@app.callback()
def group() -> None:
    """Stay a group, also with one command."""


@app.command(epilog="Example:  acir pacs export --index DIR query.dcm --out results")
def export(
    index: Index,
    query: Annotated[Path, typer.Argument(metavar="QUERY", help="A DICOM file.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write to, new or empty.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Hits wanted.")] = HITS,
    force: Annotated[bool, typer.Option("--force", help="Answer unknown queries too.")] = False,
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
    done = workflow.export(index, query, out, request, device=device, say=show.say)
    verdict = done.verdict
    if as_json:
        show.json_line(
            {
                "verdict": verdict.verdict,
                "p_value": verdict.p_value,
                "files": list(done.files),
                "cases": done.cases,
            }
        )
        return
    show.verdict("the query", verdict)
    rows = list(done.cases.items())
    if rows:
        show.table("", ("case in the objects", "id in the index"), rows)
    for name in done.files:
        show.out.print(str(out / name), markup=False)
