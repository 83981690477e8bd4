"""The values of a picture that was given, for the page that compares."""

import json
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.exceptions import HTTPException

from acir.api.asking import asked_before
from acir.api.schemas import WORD
from acir.api.security import Guarded, Searching
from acir.api.state import Server

router = APIRouter(route_class=Guarded)
HEADER = "X-Frame"  # what the numbers mean, as JSON


@router.get("/query/frame")
async def frame(
    server: Server,
    caller: Searching,
    q: Annotated[str, Query(max_length=WORD)],
    view: Annotated[int, Query(ge=0, le=1000)] = 0,
) -> Response:
    """Return the values of a grey picture that was given, 16 bits each; only its owner may."""
    views = asked_before(server, caller, q).views
    found = None
    if view < len(views):
        found = await server.pool.run(caller.name, lambda: views[view].frame)
    if found is None:
        raise HTTPException(404, "there is no such picture in grey")
    about = asdict(found)
    data = about.pop("data")
    headers = {HEADER: json.dumps(about)}
    return Response(data, media_type="application/octet-stream", headers=headers)
