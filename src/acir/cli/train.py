"""`acir train`."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Data, Device, Download, Json, Strict, Threads, last_of_each

MOST_SEED = 2**63 - 1  # torch takes none that is larger

app = typer.Typer()


@app.command(
    epilog="Example:  acir train tiny --data cells.zip --out runs/cells --set model.bits=64"
)
def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or the path of a .toml file.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder of the run.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Replace a key of the recipe; may be repeated."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=MOST_SEED, help="Seed, the only source of chance.")
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    download: Download = False,
    strict: Strict = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Train a model; write OUT/bundle, OUT/log.csv and OUT/metrics.json."""
    from acir.workflows.train import train as workflow

    with show.logging_to(out / "train.log"):
        metrics = workflow(
            recipe,
            data=data,
            out=out,
            settings=last_of_each(settings),
            seed=seed,
            resume=resume,
            download=download,
            strict=strict,
            device=device,
            progress=show.progress,
            say=show.say,
        )
    if as_json and metrics:
        show.json_line(metrics)
    elif metrics:
        show.metrics(metrics)
        show.say(f"the bundle is {out / 'bundle'}")
