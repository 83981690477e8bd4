"""`acir index`: build, change, check and copy an index."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import Data, Device, Download, Index, Json, Model, Strict, Threads, pairs
from acir.errors import StorageError, UsageError

Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="ENGINE",
        help="Name of an engine, or a server's address that begins with milvus:// or postgresql://.",
    ),
]

Collection = Annotated[
    str | None,
    typer.Option(
        "--collection",
        metavar="NAME",
        help="Collection of all these pictures; else the one in their metadata, or default.",
        show_default=False,
    ),
]

Ray = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="Encode on a Ray cluster: auto or HOST:PORT."),
]

app = typer.Typer(
    name="index",
    help="Build an index, change it, check it, copy it.",
    epilog="Example:  acir index info --index DIR --json",
    no_args_is_help=True,
)


@app.command(epilog="Example:  acir index build --model runs/cells/bundle --data DIR --index DIR")
def build(
    model: Model,
    data: Data,
    index: Index,
    engine: Engine = "faiss",
    no_thumbnails: Annotated[
        bool, typer.Option("--no-thumbnails", help="Keep no small pictures to show with answers.")
    ] = False,
    no_paths: Annotated[
        bool, typer.Option("--no-paths", help="Keep no paths of the pictures' files.")
    ] = False,
    download: Download = False,
    strict: Strict = False,
    collection: Collection = None,
    audited: Annotated[
        bool,
        typer.Option("--audited", help="Record every search and change in the index's audit log."),
    ] = False,
    device: Device = "auto",
    ray: Ray = None,
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Encode a source into a new index."""
    from acir.workflows import index as workflow
    from acir.workflows.index_creation import IndexOptions

    options = IndexOptions(
        thumbnails=not no_thumbnails,
        paths=not no_paths,
        strict=strict,
        download=download,
        engine=engine,
        collection=collection,
        audited=audited,
    )
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
    collection: Collection = None,
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
        collection=collection,
        device=device,
        ray=ray,
        progress=show.progress,
        say=show.say,
    )
    show.counts(asdict(added), as_json)


@app.command(epilog="Example:  acir index delete --index DIR --where label=cyst")
def delete(
    index: Index,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of pictures to delete.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="KEY=VALUE",
            help="Delete pictures with this value; of several, with all.",
        ),
    ] = None,
    patient: Annotated[
        str | None,
        typer.Option(
            "--patient",
            metavar="PSEUDONYM",
            help="Erase this patient, and prove that nothing remains.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete pictures by id or by what is known about them, or erase a patient."""
    from acir.workflows import index as workflow

    if patient and not (ids or where):
        _erase(index, patient, as_json)
        return
    if patient or bool(ids) == bool(where):
        raise UsageError(
            "give the ids to delete, --where key=value or --patient pseudonym, one of the three"
        )
    show.counts({"deleted": workflow.delete(index, ids or [], pairs(where))}, as_json)


@app.command(epilog="Example:  acir index copy --index DIR --to DIR --engine milvus://127.0.0.1")
def copy(
    index: Index,
    to: Annotated[Path, typer.Option("--to", help="Folder of the copy, new or empty.")],
    engine: Engine,
    as_json: Json = False,
) -> None:
    """Copy an index for another engine; nothing is encoded again."""
    from acir.workflows import index as workflow

    show.counts(workflow.copy(index, to, engine), as_json)


@app.command(epilog="Example:  acir index orphans --engine milvus://127.0.0.1 --index DIR")
def orphans(
    engine: Engine,
    index: Annotated[
        list[Path] | None,
        typer.Option("--index", metavar="DIR", help="An index in use; may be repeated."),
    ] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Remove these copies from the server.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the copies on a server that none of the given indexes uses."""
    from acir.workflows import index_servers as workflow

    found = workflow.orphans(engine, index or [], drop=drop)
    if as_json:
        show.json_line({"orphans": found, "dropped": drop})
        return
    for name in found or ["no copy is without an index"]:
        show.out.print(name, markup=False)


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


@app.command(epilog="Example:  acir index compact --index DIR")
def compact(index: Index, as_json: Json = False) -> None:
    """Give back the space of deleted pictures."""
    from acir.workflows import index_copies as workflow

    show.counts(workflow.compact(index), as_json)


@app.command(epilog="Example:  acir index backup --index DIR --to DIR")
def backup(
    index: Index,
    to: Annotated[Path, typer.Option("--to", help="New folder for the copy.")],
    as_json: Json = False,
) -> None:
    """Copy an index with its bundle and its key while others search and write."""
    from acir.workflows import index_copies as workflow

    show.counts(workflow.backup(index, to), as_json)


@app.command(epilog="Example:  acir index restore --from DIR --index DIR")
def restore(
    backup: Annotated[Path, typer.Option("--from", help="Folder of a backup.")],
    index: Annotated[Path, typer.Option("--index", help="New folder for the index.")],
    as_json: Json = False,
) -> None:
    """Make an index of a backup, once every byte of it was checked."""
    from acir.workflows import index_copies as workflow

    show.counts(workflow.restore(backup, index), as_json)


@app.command(epilog="Example:  acir index export --index DIR --to cells.parquet")
def export(
    index: Index,
    to: Annotated[Path, typer.Option("--to", help="New Parquet file to write.")],
    as_json: Json = False,
) -> None:
    """Write all pictures of an index to a Parquet file."""
    from acir.workflows import index_copies as workflow

    show.counts(workflow.export(index, to), as_json)


@app.command("import", epilog="Example:  acir index import --index DIR --from cells.parquet")
def import_(
    index: Index,
    file: Annotated[Path, typer.Option("--from", help="Parquet file that export wrote.")],
    as_json: Json = False,
) -> None:
    """Add the pictures of a Parquet file to an index of the same model."""
    from acir.workflows import index_copies as workflow

    show.counts(asdict(workflow.import_(index, file)), as_json)


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


def _erase(index: Path, patient: str, as_json: bool) -> None:
    from acir.workflows import erasure as workflow

    found = workflow.erase(index, patient)
    if as_json:
        show.json_line(asdict(found))
    else:
        show.out.print(f"deleted: {found.deleted}", markup=False)
        for line in found.lines():
            show.out.print(line, markup=False)
    if found.remains:
        raise StorageError(
            "something of the patient remains in the index; end what else reads it, run acir index "
            "compact, and erase again"
        )
