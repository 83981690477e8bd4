"""`acir demo`."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Data, Device, Download, Threads

app = typer.Typer()


@app.command(epilog="Example:  acir demo --data cells.zip --out demo")
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder of the demo.")] = Path("demo"),
    data: Data = "phantom:150",
    download: Download = False,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Train, index and search in minutes, and write a page that shows the result."""
    from acir.workflows import demo as workflow

    with show.logging_to(out / "acir.log"):
        page = workflow.demo(
            data, out, download=download, device=device, progress=show.progress, say=show.say
        )
    show.out.print(f"\nOpen {page} in a browser. Then try:")
    for line in workflow.next_commands(data, out):
        show.out.print(f"  {line}")
