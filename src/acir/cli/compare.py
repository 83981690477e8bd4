"""`acir compare`."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Device, Download, pairs

app = typer.Typer()


@app.command(epilog="Example:  acir compare benchmarks/small.toml --out runs/small --jobs 2")
def compare(
    benchmark: Annotated[
        Path, typer.Argument(metavar="BENCH", help="The benchmark, a .toml file.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the comparison.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PART=NAMES",
            help="Run only these data, method, bits or seed, as bits=16,32; may be repeated.",
        ),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME=SOURCE",
            help="Take the data NAME from SOURCE; may be repeated.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Number of runs at a time.")] = 1,
    download: Download = False,
    device: Device = "cpu",
) -> None:
    """Compare methods under equal conditions; go on where an earlier call stopped."""
    from acir.workflows import compare as workflow

    with show.logging_to(out / "compare.log"):
        written = workflow.compare(
            benchmark,
            out,
            only={part: names.split(",") for part, names in pairs(only).items()},
            sources=pairs(source),
            means=workflow.Means(jobs, device, download),
            progress=show.progress,
            say=show.say,
        )
    show.say(f"the report is {written}")
