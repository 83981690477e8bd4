"""`acir search`."""

from pathlib import Path
from typing import Annotated

import typer

from acir.cli import show
from acir.cli.options import SOURCES, Device, Index, Json, Threads, pairs

UNKNOWN = 3  # the exit code of --fail-on-unknown

app = typer.Typer()


@app.command(epilog="Example:  acir search --index DIR scan.png -k 5 --html answer.html")
def search(
    index: Index,
    queries: Annotated[list[str], typer.Argument(metavar="QUERY...", help=SOURCES)],
    k: Annotated[int, typer.Option("-k", min=1, help="Hits wanted.")] = 10,
    radius: Annotated[
        int | None, typer.Option("--radius", help="Largest Hamming distance of a hit.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="KEY=VALUE", help="Keep to these; repeat."),
    ] = None,
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
    from acir.workflows import search as workflow

    request = workflow.Request(
        k=k,
        radius=radius,
        where=pairs(where),
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
