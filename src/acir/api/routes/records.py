"""What the index holds."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from starlette.exceptions import HTTPException

from acir.api.asking import recorded
from acir.api.schemas import PREFIX, WORD, Index, Record
from acir.api.security import Caller, Guarded, Viewer
from acir.api.state import Server, State
from acir.governance.access import Verb
from acir.workflows.recording import described
from acir.workflows.serving.served import Entry

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
    entry = stored(server, caller, "view", id)
    if entry.thumbnail is None:
        raise HTTPException(404, "there is no such picture")
    await shown(server, caller, [entry])
    return Response(entry.thumbnail, media_type="image/png")


def stored(server: State, caller: Caller, verb: Verb, name: str) -> Entry:
    """Return a stored picture to which the caller may do this.

    Raises:
        HTTPException: There is none.
    """
    entry = server.served.entry(name, caller.within(verb))
    if entry is None:
        raise HTTPException(404, "there is no such picture")
    return entry


async def viewed(server: State, caller: Caller, name: str) -> Entry:
    """Return one stored picture, once it is recorded who looks at it.

    Raises:
        HTTPException: There is none.
    """
    entry = stored(server, caller, "view", name)
    await _record_view(server, caller, [entry])
    return entry


async def shown(server: State, caller: Caller, entries: Sequence[Entry]) -> None:
    """Record who is shown small pictures, but for those that a record of late tells of.

    An answer names all whose pictures are on its page: one record for each of them again would
    tell nothing more.
    """
    fresh = [entry for entry in entries if not server.seen.has(caller.actor, entry.id)]
    if fresh:
        await _record_view(server, caller, fresh)


async def _record_view(server: State, caller: Caller, entries: Sequence[Entry]) -> None:
    await recorded(server, described(server.served.searcher.store, "view", caller.actor, entries))
    server.seen.note(caller.actor, [entry.id for entry in entries])
