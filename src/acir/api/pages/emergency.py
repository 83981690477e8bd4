"""Emergency access: take it with a reason, and end it before its hour is over."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from acir.api.pages.rendering import Render
from acir.api.security import Guarded, Known, Leaving
from acir.api.state import Server
from acir.governance.sessions import SHORTEST_REASON

PAGE = "/emergency"
LONGEST_REASON = 500
router = APIRouter(route_class=Guarded)


@router.get(PAGE)
async def ask(request: Request, caller: Known, render: Render) -> Response:
    """Ask one who is permitted it for the reason."""
    if not caller.principal.emergency_permitted:
        raise HTTPException(403, "you may not do this")
    return render(request, "emergency.html", shortest=SHORTEST_REASON, longest=LONGEST_REASON)


@router.post(PAGE)
async def take(
    server: Server,
    caller: Leaving,
    reason: Annotated[str, Form(max_length=LONGEST_REASON)] = "",
) -> Response:
    """Take it, and go to the search; one who comes with a token has no session that it is for."""
    if not caller.secret:
        raise HTTPException(403, "no token takes emergency access; sign in with a browser")
    await run_in_threadpool(server.sessions.take_emergency, caller.actor, reason)
    return RedirectResponse("/", 303)


@router.post(f"{PAGE}/end")
async def end(server: Server, caller: Leaving) -> Response:
    """End it; ending it twice is harmless."""
    await run_in_threadpool(server.sessions.end_emergency, caller.actor)
    return RedirectResponse("/", 303)
