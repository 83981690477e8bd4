"""`acir calibrate`."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Data, Device, Download, Json, Strict, Threads

app = typer.Typer()


@app.command(
    epilog="Example:  acir calibrate runs/cells/bundle --data new-site --out runs/cells/new-site"
)
def calibrate(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder of the new bundle.")],
    index: Annotated[
        Path | None,
        typer.Option(
            "--index",
            help="Index whose pictures are refused and that sizes answers; else BUNDLE's own.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Seed by which the two sets are drawn.")
    ] = 0,
    download: Download = False,
    strict: Strict = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Make the promise of a trained model anew, from a site's own pictures."""
    from acir.workflows.recalibrate import recalibrate as workflow

    found = workflow(
        bundle,
        data,
        out,
        index=index,
        seed=seed,
        strict=strict,
        download=download,
        device=device,
        progress=show.progress,
        say=show.say,
    )
    if as_json:
        show.json_line(found)
    else:
        show.flagged(found["classes"])
        show.say(f"the bundle is {out}")
