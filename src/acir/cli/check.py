"""`acir check`."""

from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import SOURCES, Device, Json, Model, Threads

app = typer.Typer()


@app.command(epilog="Example:  acir check --model runs/cells/bundle scan.png --json")
def check(
    model: Model,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help=SOURCES)],
    together: Annotated[
        bool, typer.Option("--together", help="Give one verdict on all pictures, as on a series.")
    ] = False,
    device: Device = "cpu",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Say of each picture whether it is of a kind that the model knows."""
    from acir.workflows import search as workflow

    checked = workflow.check(model, sources, together=together, device=device, say=show.say)
    for name, verdict in checked:
        if as_json:
            show.json_line(workflow.check_line(name, verdict))
        else:
            show.verdict(name, verdict)
