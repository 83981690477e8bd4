"""For those who run an index: its health, its collections, what was kept back, its audit log."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from acir.api.asking import recorded
from acir.api.pages.rendering import Render
from acir.api.security import Caller, Guarded, may, refuse
from acir.api.state import Server, State
from acir.governance.audit import AuditEvent, AuditLog, AuditRecord
from acir.governance.people import Person
from acir.governance.verification import problems
from acir.workflows.serving.oversight import health, kept_back

router = APIRouter(route_class=Guarded)
SHOWN = 200  # of the last records
Reviewer = Annotated[Caller, may("review")]
Auditor = Annotated[Caller, may("audit")]
Verify = Annotated[bool, Query(description="compute every hash anew")]


@router.get("/admin/index")
async def index(
    request: Request, server: Server, caller: Reviewer, render: Render, verify: Verify = False
) -> Response:
    """Show whether the index is whole, what it could not take, and whether queries drift."""
    await _require_everywhere(server, caller)
    found = await server.pool.run(caller.name, health, server.served, verify)
    return render(request, "admin-index.html", health=found, served=server.served)


@router.get("/admin/collections")
async def collections(
    request: Request, server: Server, caller: Reviewer, render: Render
) -> Response:
    """Show the collections, how many pictures each has and, to an admin, who may what there."""
    await _require_everywhere(server, caller)
    places = await run_in_threadpool(server.served.collections, None)
    found = await run_in_threadpool(server.people.list) if caller.may("people") else None
    holders = None if found is None else _holders(found)
    return render(request, "admin-collections.html", places=places, holders=holders)


@router.get("/admin/quarantine")
async def quarantine(
    request: Request, server: Server, caller: Reviewer, render: Render
) -> Response:
    """Show the files that were kept back when files lost their identity."""
    await _require_everywhere(server, caller)
    table = server.settings.deid
    if table is None:
        raise HTTPException(404, "this server watches no folder of acir deid")
    found = await run_in_threadpool(kept_back, Path(table.out))
    event = AuditEvent(
        "view", caller.actor, index=server.served.name, count=len(found), detail="quarantine"
    )
    await recorded(server, event)
    return render(request, "admin-quarantine.html", kept_back=found)


@router.get("/admin/audit")
async def audit(
    request: Request, server: Server, caller: Auditor, render: Render, verify: Verify = False
) -> Response:
    """Show the last records, and whether the chain holds; that somebody looked is one more."""
    shown = await run_in_threadpool(_last, server.log)
    found = await run_in_threadpool(problems, server.log) if verify else None
    said = "verified on the page" if verify else "read on the page"
    name = server.served.name
    event = AuditEvent("audit", caller.actor, index=name, detail=said, count=len(shown))
    await recorded(server, event)
    return render(request, "admin-audit.html", records=shown, problems=found)


async def _require_everywhere(server: State, caller: Caller) -> None:
    if caller.within("review") is not None:
        said = "you may do this only with a role in all collections"
        await refuse(server, caller, "review", said)


def _holders(people: Iterable[Person]) -> Mapping[str, list[tuple[str, str]]]:
    """Return who has which role in each collection."""
    found: dict[str, list[tuple[str, str]]] = {}
    for person in people:
        for place, role in person.roles.items():
            found.setdefault(place, []).append((person.name, role))
    return found


def _last(log: AuditLog) -> list[AuditRecord]:
    return list(islice(log.records(newest_first=True), SHOWN))
