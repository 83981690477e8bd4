"""The first page: give a picture, begin with a stored one, or come from the PACS."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from acir.api.fetching import fetched
from acir.api.pages.answer import leading_on
from acir.api.pages.pacs import Link
from acir.api.pages.rendering import Render
from acir.api.routes.records import shown
from acir.api.security import Guarded, Known, require
from acir.api.state import Server

router = APIRouter(route_class=Guarded)
SAMPLES = 8


@router.get("/")
async def start(
    request: Request,
    server: Server,
    caller: Known,
    render: Render,
    link: Annotated[Link, Depends()],
) -> Response:
    """Show where to drop a picture, and a few stored ones; or go on to what a link names."""
    if link.is_given:
        await require(request, caller, "search")
        await require(request, caller, "fetch")
        query = await fetched(server, caller, link.wanted())
        return await leading_on(server, caller, query)
    served = server.served
    samples = []
    if caller.may("search"):
        samples = await server.pool.run(caller.name, served.samples, SAMPLES, caller.within("view"))
        await shown(server, caller, samples)
    fetches = server.pacs is not None and caller.may("fetch")
    return render(request, "start.html", served=served, samples=samples, fetches=fetches)
