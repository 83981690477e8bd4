"""`acir index`: build, add, delete, verify, info and failed."""

from dataclasses import asdict
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Data, Device, Download, Index, Json, Model, Strict, Threads, pairs
from acir.errors import UsageError

Ray = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="Encode on a Ray cluster: auto or HOST:PORT."),
]

app = typer.Typer(
    name="index",
    help="Build an index, change it, check it.",
    epilog="Example:  acir index info --index DIR --json",
    no_args_is_help=True,
)


@app.command(epilog="Example:  acir index build --model runs/cells/bundle --data DIR --index DIR")
def build(
    model: Model,
    data: Data,
    index: Index,
    no_thumbnails: Annotated[
        bool, typer.Option("--no-thumbnails", help="Keep no small pictures for reports.")
    ] = False,
    no_paths: Annotated[bool, typer.Option("--no-paths", help="Keep no paths.")] = False,
    download: Download = False,
    strict: Strict = False,
    device: Device = "auto",
    ray: Ray = None,
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Encode a source into a new index."""
    from acir.workflows import index as workflow

    options = workflow.IndexOptions(not no_thumbnails, not no_paths, strict, download)
    added = workflow.build(
        model, data, index, options, device=device, ray=ray, progress=show.progress, say=show.say
    )
    show.counts(asdict(added), as_json)


@app.command(epilog="Example:  acir index add --index DIR --data new-cases.zip")
def add(
    index: Index,
    data: Data,
    download: Download = False,
    strict: Strict = False,
    device: Device = "auto",
    ray: Ray = None,
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Add a source to an index; adding the same again changes nothing."""
    from acir.workflows import index as workflow

    added = workflow.add(
        index,
        data,
        strict=strict,
        download=download,
        device=device,
        ray=ray,
        progress=show.progress,
        say=show.say,
    )
    show.counts(asdict(added), as_json)


@app.command(epilog="Example:  acir index delete --index DIR --where label=cyst")
def delete(
    index: Index,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids to delete.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="KEY=VALUE", help="Delete what has all of these; repeat."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete pictures by id or by what is known about them."""
    from acir.workflows import index as workflow

    if bool(ids) == bool(where):
        raise UsageError("give the ids to delete or --where key=value, one of the two")
    show.counts({"deleted": workflow.delete(index, ids or [], pairs(where))}, as_json)


@app.command(epilog="Example:  acir index verify --index DIR")
def verify(index: Index, as_json: Json = False) -> None:
    """Read every byte of an index and report what was altered."""
    from acir.workflows import index as workflow

    problems = workflow.verify(index)
    if as_json:
        show.json_line({"problems": problems})
    else:
        for line in problems or ["the index is whole"]:
            show.out.print(line, markup=False)
    if problems:
        raise UsageError(f"the index at {index} was altered; restore a copy or build it again")


@app.command(epilog="Example:  acir index info --index DIR --json")
def info(index: Index, as_json: Json = False) -> None:
    """Say what an index holds."""
    from acir.workflows import index as workflow

    show.counts(workflow.info(index), as_json)


@app.command(epilog="Example:  acir index failed --index DIR")
def failed(index: Index, as_json: Json = False) -> None:
    """List the pictures that could not be read; adding their source tries them again."""
    from acir.workflows import index as workflow

    letters = workflow.failed(index)
    if as_json:
        show.json_line({"failed": [asdict(letter) for letter in letters]})
        return
    for letter in letters:
        show.out.print(f"{letter.path}: {letter.reason}", markup=False)
    if not letters:
        show.out.print("no picture failed", markup=False)
