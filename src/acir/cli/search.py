"""`acir search`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import (
    SOURCES,
    Device,
    FailOnUnknown,
    Force,
    Html,
    Index,
    Json,
    Threads,
    Where,
    pairs,
)
from acir.errors import UsageError
from acir.types import Answer

HITS = 10
UNKNOWN = 3  # the exit code of --fail-on-unknown

app = typer.Typer()

Queries = Annotated[
    list[str] | None, typer.Argument(metavar="QUERY...", help=SOURCES, show_default=False)
]
Hits = Annotated[
    int | None,
    typer.Option("-k", min=1, help="Number of hits; 10 if left out.", show_default=False),
]
Risk = Annotated[
    float | None,
    typer.Option(
        "--risk",
        help="Give as many hits as it takes to miss the query's class no more often than this.",
    ),
]
Radius = Annotated[int | None, typer.Option("--radius", help="Largest Hamming distance of a hit.")]
Mode = Annotated[
    str | None,
    typer.Option(
        "--mode",
        help="Order of hits: plain, within-distance, fused or content; else as validation chose.",
    ),
]
Stored = Annotated[
    list[str] | None,
    typer.Option("--id", metavar="ID", help="Ask about this stored picture too; may be repeated."),
]
Together = Annotated[
    bool, typer.Option("--together", help="Take all queries for views of one case.")
]
SeriesOf = Annotated[
    list[str] | None,
    typer.Option(
        "--series",
        metavar="FOLDER",
        help="Ask for series like each in a folder, or in another SOURCE; may be repeated.",
    ),
]
Per = Annotated[
    str | None,
    typer.Option(
        "--per",
        metavar="KEY",
        help="Show one hit a case: a patient, a label, or a value of another key of --where.",
    ),
]
Like = Annotated[
    list[str] | None,
    typer.Option("--like", metavar="ID", help="Look for more like this hit; may be repeated."),
]
Unlike = Annotated[
    list[str] | None,
    typer.Option("--unlike", metavar="ID", help="Look for less like this hit; may be repeated."),
]
KeepDuplicates = Annotated[
    bool, typer.Option("--keep-duplicates", help="Show near-duplicates too.")
]
IncludeSelf = Annotated[
    bool, typer.Option("--include-self", help="Allow hits with the query's own pixels.")
]


@app.command(epilog="Example:  acir search --index DIR scan.png -k 5 --html answer.html")
def search(
    index: Index,
    queries: Queries = None,
    k: Hits = None,
    risk: Risk = None,
    radius: Radius = None,
    where: Where = None,
    mode: Mode = None,
    stored: Stored = None,
    together: Together = False,
    series: SeriesOf = None,
    per: Per = None,
    like: Like = None,
    unlike: Unlike = None,
    keep_duplicates: KeepDuplicates = False,
    include_self: IncludeSelf = False,
    force: Force = False,
    html: Html = None,
    fail_on_unknown: FailOnUnknown = False,
    device: Device = "cpu",
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Retrieve the stored pictures most like each query."""
    from acir.workflows import search as workflow

    _refuse_beside_series(series, queries or stored or together or per)
    request = workflow.Request(
        k=_wanted(k, risk),
        risk=risk,
        radius=radius,
        where=pairs(where),
        mode=mode,
        include_self=include_self,
        force=force,
        least=workflow.LEAST if html else 0,
        keep_duplicates=keep_duplicates,
        per=per,
        like=tuple(like or ()),
        unlike=tuple(unlike or ()),
    )
    answers = workflow.search(
        index,
        series or queries or [],
        request,
        stored=stored or [],
        together=together,
        series=bool(series),
        html=html,
        device=device,
        say=show.say,
    )
    tell(answers, as_json, html, fail_on_unknown)


def _refuse_beside_series(series: list[str] | None, others: object) -> None:
    if series and others:
        raise UsageError(
            "--series asks about whole series, and for one hit a series; leave out the other "
            "pictures, --id, --together and --per"
        )


def _wanted(k: int | None, risk: float | None) -> int:
    if k is not None and risk is not None:
        raise UsageError("-k and --risk both say how many hits are wanted; give one of them")
    return k or HITS


def tell(
    answers: Iterator[Answer], as_json: bool, html: Path | None, fail_on_unknown: bool
) -> None:
    """Print answers as they come, then say where their page is.

    Raises:
        typer.Exit: A query is unknown, and this is to be a failure.
    """
    from acir.workflows import search as workflow

    unknown = False
    for answer in answers:
        unknown |= answer.verdict is not None and answer.verdict.verdict == "unknown"
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
