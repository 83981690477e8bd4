"""What the index holds."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from starlette.exceptions import HTTPException

from acir.api.asking import WORD, recorded
from acir.api.schemas import PREFIX, Index, Record
from acir.api.security import Caller, Guarded, Viewer
from acir.api.state import Server, State
from acir.workflows.recording import described
from acir.workflows.serving.served import Entry, collection_of

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["index"])
Id = Annotated[str, Query(max_length=WORD, description="of a stored picture")]
PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


@router.get("/index", response_model=Index)
async def index(server: Server, caller: Viewer) -> Any:  # noqa: ANN401 - checked by the model
    """Describe the index, and what its pictures can be filtered by."""
    return await server.pool.run(caller.name, server.served.described, caller.within("view"))


@router.get("/record", response_model=Record)
async def record(server: Server, caller: Viewer, id: Id) -> Any:  # noqa: ANN401 - its name in the address
    """Return what is stored of one picture."""
    entry = await viewed(server, caller, id)
    return {
        "id": entry.id,
        "label": entry.label,
        "patient": entry.patient,
        "path": entry.path,
        "metadata": dict(entry.metadata),
        "has_thumbnail": entry.thumbnail is not None,
    }


@router.get("/thumbnail", response_class=Response, responses=PNG)
async def thumbnail(server: Server, caller: Viewer, id: Id) -> Response:
    """Return the small picture of one stored picture, as PNG."""
    entry = server.served.entry(id, caller.within("view"))
    if entry is None or entry.thumbnail is None:
        raise HTTPException(404, "there is no such picture")
    return Response(entry.thumbnail, media_type="image/png")


async def viewed(server: State, caller: Caller, name: str) -> Entry:
    """Return one stored picture, once it is recorded who looks at it.

    Raises:
        HTTPException: There is none.
    """
    entry = server.served.entry(name, caller.within("view"))
    if entry is None:
        raise HTTPException(404, "there is no such picture")
    event = described(server.served.searcher.store, "view", caller.actor)
    patients = (entry.patient,) if entry.patient else ()
    collection = collection_of(entry.metadata)
    event = replace(event, patients=patients, collection=collection, count=1)
    await recorded(server, event)
    return entry
