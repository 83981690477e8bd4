"""`acir drift`."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Index, Json

app = typer.Typer()


@app.command(epilog="Example:  acir drift --index DIR --html drift.html")
def drift(
    index: Index,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the histogram to this file, as a page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether the queries of an index still look like the calibration pictures."""
    from acir.workflows.drift import drift as workflow

    found = workflow(index, html=html)
    if as_json:
        show.json_line(found)
    else:
        show.out.print(found["in_words"], markup=False)
        steps = [f"{step / 10:.1f} to {(step + 1) / 10:.1f}" for step in range(10)]
        show.table("", ("p-value", "queries"), list(zip(steps, found["histogram"], strict=True)))
    if html:
        show.say(f"the page is {html}")
