"""Who may use the index: people and their roles."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from acir.api.pages.rendering import Render
from acir.api.security import Caller, Guarded, may
from acir.api.state import Server
from acir.errors import UsageError
from acir.governance.access import ROLES, role_of

router = APIRouter(route_class=Guarded)
WORD = 256
LONG = 1024
Admin = Annotated[Caller, may("people")]
Changing = Annotated[Caller, may("people", form=True)]
Name = Annotated[str, Form(max_length=WORD)]
PAGE = "/admin/people"


@router.get(PAGE)
async def people(request: Request, server: Server, caller: Admin, render: Render) -> Response:
    """Show all people, their roles, and forms that change them."""
    found = await run_in_threadpool(server.people.list)
    places = await run_in_threadpool(server.served.collections, None)
    return render(
        request, "admin-people.html", people=found, roles=ROLES, collections=sorted(places)
    )


@router.post("/admin/people/add")
async def add(
    server: Server,
    caller: Changing,
    name: Name,
    password: Annotated[str, Form(max_length=LONG)],
) -> Response:
    """Add a person, who may do nothing yet."""
    await run_in_threadpool(server.people.add, name, password, caller.actor)
    return RedirectResponse(PAGE, 303)


@router.post("/admin/people/grant")
async def grant(
    server: Server, caller: Changing, name: Name, role: Name, collection: Name
) -> Response:
    """Give a person a role in a collection, in place of the one they had there."""
    _refuse_self(caller, name)
    await run_in_threadpool(server.people.grant, name, role_of(role), collection, caller.actor)
    return RedirectResponse(PAGE, 303)


@router.post("/admin/people/revoke")
async def revoke(server: Server, caller: Changing, name: Name, collection: Name) -> Response:
    """Take a role from a person."""
    _refuse_self(caller, name)
    await run_in_threadpool(server.people.revoke, name, collection, caller.actor)
    return RedirectResponse(PAGE, 303)


@router.post("/admin/people/remove")
async def remove(server: Server, caller: Changing, name: Name) -> Response:
    """Remove a person with their roles, sessions and tokens."""
    _refuse_self(caller, name)
    await run_in_threadpool(server.people.remove, name, caller.actor)
    return RedirectResponse(PAGE, 303)


def _refuse_self(caller: Caller, name: str) -> None:
    """Refuse that somebody locks themselves out, which nobody could undo on this page."""
    if name == caller.name:
        raise UsageError("you cannot change your own roles here; ask another admin to")
