"""For those who run an index: its health, and its audit log."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from acir.api.asking import recorded
from acir.api.pages.rendering import Render
from acir.api.security import Caller, Guarded, may
from acir.api.state import Server
from acir.governance.audit import AuditEvent, AuditLog, AuditRecord
from acir.governance.verification import problems
from acir.workflows.serving.oversight import health

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
    if caller.within("review") is not None:
        raise HTTPException(403, "you may do this only with a role in all collections")
    found = await server.pool.run(caller.name, health, server.served, verify)
    return render(request, "admin-index.html", health=found, served=server.served)


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


def _last(log: AuditLog) -> list[AuditRecord]:
    return list(islice(log.records(newest_first=True), SHOWN))
