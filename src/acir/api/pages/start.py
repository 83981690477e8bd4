"""The first page: give a picture, or begin with a stored one."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from acir.api.pages.rendering import Render
from acir.api.security import Guarded, Known
from acir.api.state import Server

router = APIRouter(route_class=Guarded)
SAMPLES = 8


@router.get("/")
async def start(request: Request, server: Server, caller: Known, render: Render) -> Response:
    """Show where to drop a picture, and a few stored ones to try."""
    served = server.served
    samples = []
    if caller.may("search"):
        samples = await server.pool.run(caller.name, served.samples, SAMPLES, caller.within("view"))
    return render(request, "start.html", served=served, samples=samples)
