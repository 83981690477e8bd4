"""`acir evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Device, Json, Strict, Threads

app = typer.Typer()


@app.command(
    epilog="Example:  acir evaluate runs/cells/bundle --gallery DIR#train --queries DIR#test"
)
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    gallery: Annotated[
        str, typer.Option("--gallery", metavar="SOURCE", help="Pictures that are searched.")
    ],
    queries: Annotated[
        str, typer.Option("--queries", metavar="SOURCE", help="Pictures that are asked about.")
    ],
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode",
            help="Order of the re-ranked scores: plain, within-distance, fused or content.",
        ),
    ] = None,
    drop_overlap: Annotated[
        bool,
        typer.Option(
            "--drop-overlap",
            help="Leave out queries that the gallery holds, and those of a patient in it.",
        ),
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the evaluation to this file, as a page.")
    ] = None,
    unknown: Annotated[
        str | None,
        typer.Option(
            "--unknown",
            metavar="SOURCE",
            help="Pictures of kinds that the model does not know, for the page.",
        ),
    ] = None,
    strict: Strict = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Measure retrieval: queries against a gallery that must not hold them."""
    from acir.workflows.evaluate import evaluate as workflow

    metrics = workflow(
        bundle,
        gallery,
        queries,
        mode=mode,
        drop_overlap=drop_overlap,
        html=html,
        unknown=unknown,
        strict=strict,
        device=device,
        progress=show.progress,
        say=show.say,
    )
    if as_json:
        show.json_line(metrics)
    else:
        show.metrics(metrics)
    if html:
        show.say(f"the page is {html}")
