"""Add pictures, watch how far that is, and delete them."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Response, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from acir.api.routes.records import stored
from acir.api.schemas import PREFIX, WORD, Deleted, Job
from acir.api.security import Adding, Caller, Deleting, Guarded, refuse
from acir.api.state import Server, State
from acir.governance.audit import AuditEvent
from acir.workflows import index
from acir.workflows.recording import described, elsewhere, logged
from acir.workflows.serving.additions import Job as Work

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["changes"])
Images = Annotated[list[UploadFile], File(description="DICOM, PNG, JPEG, TIFF or BMP")]
Word = Annotated[str, Query(max_length=WORD)]
EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
PACE_S = 0.2


@router.post("/pictures", status_code=202, response_model=Job)
async def add(
    server: Server,
    caller: Adding,
    image: Images,
    response: Response,
    label: Annotated[Word, Query(description="class name of all of them")] = "",
    collection: Annotated[Word, Query(description="where they are to belong")] = "default",
) -> Any:  # noqa: ANN401 - checked by the model
    """Add pictures to the index; once this answers, that will be done whatever happens."""
    await _refuse_elsewhere(server, caller, collection)
    files = [await one.read() for one in image]
    event = described(server.served.searcher.store, "add", caller.actor)
    event = replace(event, collection=collection, count=len(files), detail="begun")
    job = await run_in_threadpool(_begun, server, event, files, label)
    response.headers["Location"] = f"{PREFIX}/jobs/{job.id}"
    return _plain(job)


@router.get("/jobs/{name}", response_model=Job)
async def job(server: Server, caller: Adding, name: str) -> Any:  # noqa: ANN401 - as above
    """Say how far the adding of pictures is."""
    return _plain(_found(server, caller, name))


@router.get("/jobs/{name}/events", response_class=Response, responses=EVENTS)
async def events(server: Server, caller: Adding, name: str) -> Response:
    """Say it again whenever it has changed, until it is over, as server-sent events."""
    _found(server, caller, name)

    async def lines() -> AsyncIterator[str]:
        said = None
        while True:
            job = _found(server, caller, name)
            if job != said:
                yield f"data: {json.dumps(_plain(job))}\n\n"
                said = job
            if job.is_over:
                return
            await asyncio.sleep(PACE_S)

    return StreamingResponse(lines(), media_type="text/event-stream")


@router.delete("/pictures", response_model=Deleted)
async def delete(server: Server, caller: Deleting, id: Word) -> Any:  # noqa: ANN401 - its name in the address
    """Delete a stored picture."""
    entry = stored(server, caller, "delete", id)
    event = described(server.served.searcher.store, "delete", caller.actor, [entry])
    return {"deleted": await server.pool.run(caller.name, _delete, server, event, id)}


def _begun(server: State, event: AuditEvent, files: list[bytes], label: str) -> Work:
    with logged(server.log, event):
        return server.additions.begin(event.actor.user, files, label, event.collection)


def _delete(server: State, event: AuditEvent, name: str) -> int:
    with logged(server.log, event):
        return index.delete(Path(server.settings.index), [name], {}, elsewhere)


async def _refuse_elsewhere(server: State, caller: Caller, collection: str) -> None:
    within = caller.within("add")
    if within is not None and collection not in within:
        await refuse(server, caller, "add", "you may not add to this collection")


def _found(server: State, caller: Caller, name: str) -> Work:
    found = server.additions.find(name, caller.name)
    if found is None:
        raise HTTPException(404, "there is no such job")
    return found


def _plain(job: Work) -> dict[str, Any]:
    return {key: value for key, value in asdict(job).items() if key != "owner"}
