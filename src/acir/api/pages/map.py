"""The map of the collection."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from acir.api.asking import recorded
from acir.api.pages.address import Address
from acir.api.pages.rendering import Render
from acir.api.regions import Box, asked_about
from acir.api.routes.records import viewed
from acir.api.schemas import WORD
from acir.api.security import Guarded, Viewer
from acir.api.state import Server
from acir.errors import ComponentError, UsageError
from acir.workflows.recording import described
from acir.workflows.serving.maps import UnmadeError

router = APIRouter(route_class=Guarded)
Key = Annotated[str | None, Query(max_length=WORD)]


@router.get("/map")
async def show(
    request: Request,
    server: Server,
    caller: Viewer,
    render: Render,
    q: Key = None,
    id: Key = None,
    box: Box = None,
) -> Response:
    """Show the pictures of the index as points, near where they are similar, and what was asked."""
    asked = await asked_about(server, caller, q, box) if q is not None else None
    stored = await viewed(server, caller, id) if id is not None else None
    plan, missing = None, ""
    try:
        within = caller.within("view")
        plan = await server.pool.run(caller.name, server.maps.plan, within, asked or stored)
    except ComponentError:
        missing = "map-not-installed"
    except UsageError:
        missing = "map-too-few"
    except UnmadeError:
        missing = "map-failed"
    if plan is not None:
        event = described(server.served.searcher.store, "view", caller.actor)
        await recorded(server, replace(event, count=len(plan.points), detail="map"))
    address = Address.of(request)
    back = address.at("/search") if q or id else ""
    return render(
        request, "map.html", plan=plan, missing=missing, asked=asked, address=address, back=back
    )
