"""Pictures side by side."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from acir.api.asking import asked_before
from acir.api.pages.address import Address
from acir.api.pages.rendering import Render
from acir.api.routes.records import viewed
from acir.api.schemas import WORD
from acir.api.security import Guarded, Viewer
from acir.api.state import Server

NOTHING = (
    "there is nothing to compare with; search first, then choose Compare below a similar picture"
)
router = APIRouter(route_class=Guarded)
Ids = Annotated[list[Annotated[str, Query(max_length=WORD)]], Query(max_length=4)]


@router.get("/compare")
async def compare(
    request: Request,
    server: Server,
    caller: Viewer,
    render: Render,
    show: Ids = [],  # noqa: B006 - FastAPI copies it
    q: Annotated[str | None, Query(max_length=WORD)] = None,
    id: Annotated[str | None, Query(max_length=WORD)] = None,
) -> Response:
    """Show stored pictures beside the one that was given, with one window and one zoom."""
    if not show or (q is None and id is None):
        raise HTTPException(422, NOTHING)
    query = asked_before(server, caller, q) if q is not None else None
    base = await viewed(server, caller, id) if id is not None else None
    entries = [await viewed(server, caller, name) for name in show]
    address = Address.of(request)
    return render(
        request,
        "compare.html",
        query=query,
        base=base,
        entries=entries,
        back=address.at("/search", show=""),
    )
