"""The command line: one command a verb. Exit codes: 0 ok, 1 failure, 2 wrong use, 3 unknown.

Workflows are imported inside the commands, because they load torch and `--help` must not.
"""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from acir import __version__
from acir.cli import show
from acir.errors import AcirError, UsageError

FAILED = 1
UNKNOWN = 3
INTERRUPTED = 130

SOURCES = (
    "A SOURCE is a folder of class folders, a zip of one, a MedMNIST-style .npz, a .csv manifest, "
    "DICOM files, medmnist:NAME or phantom: (synthetic); SOURCE#train, #val or #test names a split."
)

app = typer.Typer(
    help=f"Retrieve similar medical images, and know when not to answer.\n\n{SOURCES}",
    epilog="Examples:  acir demo  |  acir train tiny --data DIR --out runs/first  |  acir doctor. "
    "Not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
index_app = typer.Typer(
    help="Build an index, change it, check it.",
    epilog="Example:  acir index info --index DIR --json",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(index_app, name="index")


def _set_threads(count: int) -> int:
    if count:
        import torch  # noqa: PLC0415 - only where it is asked for: torch loads slowly

        torch.set_num_threads(count)
    return count


Index = Annotated[Path, typer.Option("--index", help="Folder of the index.")]
Data = Annotated[str, typer.Option("--data", metavar="SOURCE", help=SOURCES)]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse unreadable pictures.")]
Download = Annotated[bool, typer.Option("--download", help="Fetch an official file if missing.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:n.")]
Threads = Annotated[
    int, typer.Option("--threads", min=0, help="Threads to use; 0 for all.", callback=_set_threads)
]
Where = Annotated[
    list[str] | None, typer.Option("--where", metavar="KEY=VALUE", help="Keep to these; repeat.")
]


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app(prog_name="acir")
    except AcirError as error:
        show.say(f"error: {error}")
        sys.exit(error.exit_code)
    except OSError as error:
        place = f" at {error.filename}" if error.filename else ""
        show.say(
            f"error: the files{place} cannot be used ({error.strerror or error}); make room or "
            "give access, then run the same command again"
        )
        sys.exit(FAILED)
    except KeyboardInterrupt:  # before typer took over
        sys.exit(INTERRUPTED)


@app.callback(invoke_without_command=True)
def common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Options of every command."""
    if version:
        show.out.print(__version__)
        raise typer.Exit


@app.command(epilog="Example:  acir demo --data cells.zip --out demo")
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder of the demo.")] = Path("demo"),
    data: Annotated[str, typer.Option("--data", metavar="SOURCE", help=SOURCES)] = "phantom:150",
    download: Download = False,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Train, index and search in minutes, and write a page that shows the result."""
    from acir.workflows import demo as workflow  # noqa: PLC0415 - see the module's docstring

    with show.logging_to(out / "acir.log"):
        page = workflow.demo(
            data, out, download=download, device=device, progress=show.progress, say=show.say
        )
    show.out.print(f"\nOpen {page} in a browser. Then try:")
    for line in workflow.next_commands(data, out):
        show.out.print(f"  {line}")


@app.command(
    epilog="Example:  acir train tiny --data cells.zip --out runs/cells --set model.bits=64"
)
def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or the path of a .toml file.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder of the run.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a key of the recipe; repeat."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The only source of chance.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    download: Download = False,
    strict: Strict = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Train a model; write OUT/bundle, OUT/log.csv and OUT/metrics.json."""
    from acir.workflows.train import train as workflow  # noqa: PLC0415 - see the module's docstring

    with show.logging_to(out / "train.log"):
        metrics = workflow(
            recipe,
            data=data,
            out=out,
            settings=_pairs(settings),
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


@index_app.command(
    "build", epilog="Example:  acir index build --model runs/cells/bundle --data DIR --index DIR"
)
def index_build(
    model: Annotated[Path, typer.Option("--model", help="Folder of the bundle.")],
    data: Data,
    index: Index,
    no_thumbnails: Annotated[
        bool, typer.Option("--no-thumbnails", help="Keep no small pictures for reports.")
    ] = False,
    no_paths: Annotated[bool, typer.Option("--no-paths", help="Keep no paths.")] = False,
    download: Download = False,
    strict: Strict = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Encode a source into a new index."""
    from acir.workflows import index as workflow  # noqa: PLC0415 - see the module's docstring

    options = workflow.IndexOptions(not no_thumbnails, not no_paths, strict, download)
    added = workflow.build(
        model, data, index, options, device=device, progress=show.progress, say=show.say
    )
    show.counts(asdict(added), as_json)


@index_app.command("add", epilog="Example:  acir index add --index DIR --data new-cases.zip")
def index_add(
    index: Index,
    data: Data,
    download: Download = False,
    strict: Strict = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Add a source to an index; adding the same again changes nothing."""
    from acir.workflows import index as workflow  # noqa: PLC0415 - see the module's docstring

    added = workflow.add(
        index,
        data,
        strict=strict,
        download=download,
        device=device,
        progress=show.progress,
        say=show.say,
    )
    show.counts(asdict(added), as_json)


@index_app.command("delete", epilog="Example:  acir index delete --index DIR --where label=cyst")
def index_delete(
    index: Index,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids to delete.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="KEY=VALUE", help="Delete what has all of these; repeat."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete pictures by id or by what is known about them."""
    from acir.workflows import index as workflow  # noqa: PLC0415 - see the module's docstring

    if bool(ids) == bool(where):
        raise UsageError("give the ids to delete or --where key=value, one of the two")
    show.counts({"deleted": workflow.delete(index, ids or [], _pairs(where))}, as_json)


@index_app.command("verify", epilog="Example:  acir index verify --index DIR")
def index_verify(index: Index, as_json: Json = False) -> None:
    """Read every byte of an index and report what was altered."""
    from acir.workflows import index as workflow  # noqa: PLC0415 - see the module's docstring

    problems = workflow.verify(index)
    if as_json:
        show.json_line({"problems": problems})
    else:
        for line in problems or ["the index is whole"]:
            show.out.print(line, markup=False)
    if problems:
        raise UsageError(f"the index at {index} was altered; restore a copy or build it again")


@index_app.command("info", epilog="Example:  acir index info --index DIR --json")
def index_info(index: Index, as_json: Json = False) -> None:
    """Say what an index holds."""
    from acir.workflows import index as workflow  # noqa: PLC0415 - see the module's docstring

    show.counts(workflow.info(index), as_json)


@app.command(epilog="Example:  acir search --index DIR scan.png -k 5 --html answer.html")
def search(
    index: Index,
    queries: Annotated[list[str], typer.Argument(metavar="QUERY...", help=SOURCES)],
    k: Annotated[int, typer.Option("-k", min=1, help="Hits wanted.")] = 10,
    radius: Annotated[
        int | None, typer.Option("--radius", help="Largest Hamming distance of a hit.")
    ] = None,
    where: Where = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="plain, within-distance or fused; else validation's choice."),
    ] = None,
    include_self: Annotated[
        bool, typer.Option("--include-self", help="Allow hits with the query's own pixels.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Answer unknown queries too.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page of answers.")] = None,
    fail_on_unknown: Annotated[
        bool, typer.Option("--fail-on-unknown", help="Exit with 3 if a query is unknown.")
    ] = False,
    device: Device = "cpu",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Retrieve the stored pictures most like each query."""
    from acir.workflows import search as workflow  # noqa: PLC0415 - see the module's docstring

    request = workflow.Request(
        k=k,
        radius=radius,
        where=_pairs(where),
        mode=mode,
        include_self=include_self,
        force=force,
        least=workflow.LEAST if html else 0,
    )
    unknown = 0
    for answer in workflow.search(index, queries, request, html=html, device=device, say=show.say):
        unknown += answer.verdict.verdict == "unknown"
        if as_json:
            show.json_line(workflow.search_line(answer))
        else:
            show.answer(answer)
        for notice in answer.notices:
            show.say(f"{answer.query}: {notice}")
    if html:
        show.say(f"the page is {html}")
    if unknown and fail_on_unknown:
        raise typer.Exit(UNKNOWN)


@app.command(epilog="Example:  acir check --model runs/cells/bundle scan.png --json")
def check(
    model: Annotated[Path, typer.Option("--model", help="Folder of the bundle.")],
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help=SOURCES)],
    device: Device = "cpu",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Say of each picture whether it is of a kind that the model knows."""
    from acir.workflows import search as workflow  # noqa: PLC0415 - see the module's docstring

    for name, verdict in workflow.check(model, sources, device=device, say=show.say):
        if as_json:
            show.json_line(workflow.check_line(name, verdict))
        else:
            show.verdict(name, verdict)


@app.command(
    epilog="Example:  acir evaluate runs/cells/bundle --gallery DIR#train --queries DIR#test"
)
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    gallery: Annotated[str, typer.Option("--gallery", metavar="SOURCE", help="What is searched.")],
    queries: Annotated[str, typer.Option("--queries", metavar="SOURCE", help="What is asked.")],
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="plain, within-distance or fused, for the re-ranked block."),
    ] = None,
    drop_overlap: Annotated[
        bool, typer.Option("--drop-overlap", help="Leave out queries that the gallery holds.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page of pictures of the evaluation.")
    ] = None,
    unknown: Annotated[
        str | None,
        typer.Option("--unknown", metavar="SOURCE", help="Kinds it does not know, for the page."),
    ] = None,
    strict: Strict = False,
    device: Device = "auto",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Measure retrieval: queries against a gallery that must not hold them."""
    from acir.workflows.evaluate import evaluate as workflow  # noqa: PLC0415 - see the module

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


@app.command(epilog="Example:  acir compare benchmarks/small.toml --out runs/small --jobs 2")
def compare(
    benchmark: Annotated[Path, typer.Argument(metavar="BENCH", help="A .toml file.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the comparison.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PART=NAMES",
            help="Run these data, method, bits or seed only, names parted by commas; repeat.",
        ),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="NAME=SOURCE", help="Take data from there; repeat."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Runs at a time.")] = 1,
    download: Download = False,
    device: Device = "cpu",
) -> None:
    """Compare methods under equal conditions; go on where an earlier call stopped."""
    from acir.workflows import compare as workflow  # noqa: PLC0415 - see the module's docstring

    with show.logging_to(out / "compare.log"):
        written = workflow.compare(
            benchmark,
            out,
            only={part: names.split(",") for part, names in _pairs(only).items()},
            sources=_pairs(source),
            means=workflow.Means(jobs, device, download),
            progress=show.progress,
            say=show.say,
        )
    show.say(f"the report is {written}")


@app.command(epilog="Example:  acir doctor --json")
def doctor(as_json: Json = False) -> None:
    """Say which versions, devices and extras are here, and how to get what is missing."""
    from acir.workflows.upkeep import doctor as workflow  # noqa: PLC0415 - see the module

    found = workflow()
    if as_json:
        show.json_line(found)
    else:
        show.sections(found)


def _pairs(texts: Iterable[str] | None) -> dict[str, str]:
    """Read key=value options."""
    pairs = {}
    for text in texts or ():
        key, sign, value = text.partition("=")
        if not (key and sign):
            raise UsageError(f"the option value is {text!r}, expected key=value")
        pairs[key] = value
    return pairs
