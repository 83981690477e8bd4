"""Lists of cases that somebody keeps, with notes; nobody else sees them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from acir.api.asking import recorded
from acir.api.pages.address import LONGEST, Address
from acir.api.pages.rendering import Render
from acir.api.routes.records import stored, viewed
from acir.api.schemas import WORD
from acir.api.security import Caller, Guarded, may
from acir.api.state import Server, State
from acir.governance.access import Verb
from acir.governance.lists import LONGEST_NOTE, LONGEST_TITLE, CaseList, Picture
from acir.workflows.recording import described
from acir.workflows.serving.listed import Listed, as_csv, listed
from acir.workflows.serving.served import collection_of

router = APIRouter(route_class=Guarded)
Noting = Annotated[Caller, may("annotate")]
Changing = Annotated[Caller, may("annotate", form=True)]
Saving = Annotated[Caller, may("export")]
# Longer than what is allowed, so that a person is told in our words, and no more is read.
Title = Annotated[str, Form(max_length=4 * LONGEST_TITLE)]
Note = Annotated[str, Form(max_length=4 * LONGEST_NOTE)]
Id = Annotated[str, Form(max_length=WORD)]
PAGE = "/lists"
NOTHING = "there is no picture to keep; search first, then choose Keep below a similar picture"


@router.get(PAGE)
async def lists(request: Request, server: Server, caller: Noting, render: Render) -> Response:
    """Show the caller's lists, and a form for a new one."""
    found = await run_in_threadpool(server.lists.of, caller.name)
    return render(request, "lists.html", lists=found, longest=LONGEST_TITLE)


@router.get("/keep")
async def keep(
    request: Request,
    server: Server,
    caller: Noting,
    render: Render,
    id: Annotated[str | None, Query(max_length=WORD)] = None,
    state: Annotated[str, Query(max_length=LONGEST)] = "",
) -> Response:
    """Ask on which list a picture is to be put, and what is to be noted."""
    if id is None:
        raise HTTPException(422, NOTHING)
    entry = await viewed(server, caller, id)
    found = await run_in_threadpool(server.lists.of, caller.name)
    return render(
        request,
        "keep.html",
        entry=entry,
        lists=found,
        state=state,
        back=_back(state),
        longest=LONGEST_TITLE,
        longest_note=LONGEST_NOTE,
    )


@router.post("/keep")
async def put(
    server: Server,
    caller: Changing,
    id: Id,
    key: Annotated[str, Form(max_length=WORD)] = "",
    title: Title = "",
    note: Note = "",
    state: Annotated[str, Form(max_length=LONGEST)] = "",
) -> Response:
    """Put a picture on a list, or on a new one, and go back to the answer, which says so."""
    picture = _picture(server, caller, id)
    if key:
        await run_in_threadpool(server.lists.put, key, picture, note, caller.actor)
    else:
        key = await run_in_threadpool(server.lists.begin, title, picture, note, caller.actor)
    back = Address.parsed("/search", state).having(kept=key) if state else _noted(key, id)
    return RedirectResponse(back, 303)


@router.post("/lists/make")
async def make(server: Server, caller: Changing, title: Title) -> Response:
    """Make an empty list."""
    key = await run_in_threadpool(server.lists.make, title, caller.actor)
    return RedirectResponse(f"{PAGE}/{key}", 303)


@router.get("/lists/{key}")
async def show(
    request: Request,
    server: Server,
    caller: Noting,
    render: Render,
    key: str,
    noted: Annotated[str, Query(max_length=WORD)] = "",
) -> Response:
    """Show the pictures of a list that the caller may see now, with their notes.

    Below the note that was just saved it says so.
    """
    found, shown = await _opened(server, caller, key, "view")
    return render(
        request,
        "list.html",
        list=found,
        shown=shown,
        noted=noted,
        longest=LONGEST_TITLE,
        longest_note=LONGEST_NOTE,
    )


@router.get("/lists/{key}/export")
async def export(server: Server, caller: Saving, key: str) -> Response:
    """Save a list as a table."""
    _, shown = await _opened(server, caller, key, "export")
    named = {"Content-Disposition": 'attachment; filename="list.csv"'}
    return Response(as_csv(shown), media_type="text/csv; charset=utf-8", headers=named)


@router.post("/lists/{key}/rename")
async def rename(server: Server, caller: Changing, key: str, title: Title) -> Response:
    """Give a list another title."""
    await run_in_threadpool(server.lists.rename, key, title, caller.actor)
    return RedirectResponse(f"{PAGE}/{key}", 303)


@router.post("/lists/{key}/delete")
async def delete(server: Server, caller: Changing, key: str) -> Response:
    """Delete a list with its notes."""
    await run_in_threadpool(server.lists.delete, key, caller.actor)
    return RedirectResponse(PAGE, 303)


@router.post("/lists/{key}/note")
async def note(server: Server, caller: Changing, key: str, id: Id, note: Note = "") -> Response:
    """Change the note on a picture."""
    picture = _picture(server, caller, id)
    await run_in_threadpool(server.lists.put, key, picture, note, caller.actor)
    return RedirectResponse(_noted(key, id), 303)


@router.post("/lists/{key}/take")
async def take(server: Server, caller: Changing, key: str, id: Id) -> Response:
    """Take a picture off a list."""
    picture = _picture(server, caller, id, "view")
    await run_in_threadpool(server.lists.take, key, picture, caller.actor)
    return RedirectResponse(f"{PAGE}/{key}", 303)


async def _opened(
    server: State, caller: Caller, key: str, verb: Verb
) -> tuple[CaseList, Sequence[Listed]]:
    """Read a list, once it is recorded who looks at whose pictures."""
    found, noted = await run_in_threadpool(server.lists.read, key, caller.name)
    shown = await server.pool.run(caller.name, listed, server.served, noted, caller.within(verb))
    entries = [one.entry for one in shown]
    event = described(server.served.searcher.store, verb, caller.actor, entries)
    await recorded(server, replace(event, detail="a list"))
    server.seen.note(caller.actor, [entry.id for entry in entries])
    return found, shown


def _picture(server: State, caller: Caller, name: str, verb: Verb = "annotate") -> Picture:
    """Return what a list keeps of a picture to which the caller may do this.

    Raises:
        HTTPException: There is none.
    """
    entry = stored(server, caller, verb, name)
    return Picture(entry.id, entry.patient, collection_of(entry.metadata))


def _noted(key: str, id: str) -> str:
    """Return the address of a list that says that the note on a picture is saved."""
    return Address(f"{PAGE}/{key}", []).having(noted=id)


def _back(state: str) -> str:
    """Return the address of the answer that somebody came from, or nothing."""
    return str(Address.parsed("/search", state)) if state else ""
