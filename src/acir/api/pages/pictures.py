"""The pictures that a page shows, by addresses of their own, so that pages stay small."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.exceptions import HTTPException

from acir.api.asking import recorded
from acir.api.regions import Box, asked_about
from acir.api.routes.records import shown, stored
from acir.api.schemas import WORD
from acir.api.security import Guarded, Searching, Viewer
from acir.api.state import Server
from acir.workflows.recording import described
from acir.workflows.serving.queries import Asked

router = APIRouter(route_class=Guarded)
Key = Annotated[str, Query(max_length=WORD)]
Number = Annotated[int, Query(ge=0, le=1000)]
PNG = "image/png"


@router.get("/query/picture")
async def picture(
    server: Server, caller: Searching, q: Key, view: Number = 0, box: Box = None
) -> Response:
    """Return a picture that was given, or a region of it, windowed, as PNG."""
    asked = _view((await asked_about(server, caller, q, box)).views, view)
    found = await server.pool.run(caller.name, lambda: asked.picture)
    return _png(found)


@router.get("/query/heat")
async def heat(
    server: Server, caller: Searching, q: Key, view: Number = 0, box: Box = None
) -> Response:
    """Return where a picture that was given, or a region of it, differs from known ones, as PNG."""
    query = await asked_about(server, caller, q, box)
    asked = _view(query.views, view)
    shown = _png(await server.pool.run(caller.name, query.heat_map, view, server.served))
    # It is what the model says of a picture, about which nobody may have searched.
    event = described(server.served.searcher.store, "view", caller.actor)
    patients = (asked.patient,) if asked.patient else ()
    event = replace(event, patients=patients, query=asked.digest, detail="heat map")
    await recorded(server, event)
    return shown


@router.get("/thumbnail")
async def thumbnail(server: Server, caller: Viewer, id: Key) -> Response:
    """Return the small picture of a stored one."""
    entry = stored(server, caller, "view", id)
    found = _png(entry.thumbnail)
    await shown(server, caller, [entry])
    return found


def _view(views: tuple[Asked, ...], number: int) -> Asked:
    if number >= len(views):
        raise HTTPException(404, "there is no such picture")
    return views[number]


def _png(found: bytes | None) -> Response:
    if found is None:
        raise HTTPException(404, "there is no such picture")
    return Response(found, media_type=PNG)
