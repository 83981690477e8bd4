"""What a person asked before, as the audit log has it: no picture, a hash and a verdict."""

from itertools import islice

from fastapi import APIRouter, Request
from starlette.responses import Response

from acir.api.pages.rendering import Render
from acir.api.security import Guarded, Known
from acir.api.state import Server
from acir.governance.audit import AuditLog, AuditRecord

router = APIRouter(route_class=Guarded)
SHOWN = 100
LOOKED_AT = 20_000  # of the last records of all people
ACTIONS = frozenset({"search", "check", "export"})


@router.get("/history")
async def history(request: Request, server: Server, caller: Known, render: Render) -> Response:
    """Show the caller's last questions, the newest first."""
    found = await server.pool.run(caller.name, _asked_by, server.log, caller.name)
    return render(request, "history.html", records=found)


def _asked_by(log: AuditLog, name: str) -> list[AuditRecord]:
    records = islice(log.records(newest_first=True), LOOKED_AT)
    own = (r for r in records if r.event.actor.user == name and r.event.action in ACTIONS)
    return list(islice(own, SHOWN))
