"""`acir bench`: index."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import SOURCES, pairs
from acir.errors import UsageError

app = typer.Typer(
    name="bench",
    help="Measure how fast this machine is.",
    epilog="Example:  acir bench index benchmarks/index.toml --out runs/index",
    no_args_is_help=True,
)


@app.callback()
def bench() -> None:
    """Measure how fast this machine is."""


@app.command(epilog="Example:  acir bench index benchmarks/index.toml --out runs/index")
def index(
    benchmark: Annotated[
        Path, typer.Argument(metavar="BENCH", help="What to measure, a .toml file.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the results.")],
    model: Annotated[
        Path | None, typer.Option("--model", help="Folder of a bundle, to measure its codes too.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="SOURCE", help=f"Pictures for --model to encode. {SOURCES}"),
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(
            "--server",
            metavar="ENGINE=ADDRESS",
            help="Address of an engine's server; may be repeated.",
        ),
    ] = None,
) -> None:
    """Time engines and an index on disk beside bare FAISS, numpy and the speed of memory.

    Goes on where an earlier call stopped.
    """
    from acir.workflows import bench as workflow

    if (model is None) != (data is None):
        raise UsageError("--model and --data belong together; give both or neither")
    written = workflow.bench_index(
        benchmark,
        out,
        real=None if model is None or data is None else workflow.RealCodes(model, data),
        servers=pairs(server),
        progress=show.progress,
        say=show.say,
    )
    show.say(f"the report is {written}")
