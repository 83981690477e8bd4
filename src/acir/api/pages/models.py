"""Models in service: what is registered, what answers, and the way back."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from acir.api.pages.rendering import Render
from acir.api.schemas import WORD
from acir.api.security import Caller, Guarded, may
from acir.api.state import Server, State
from acir.workflows.serving import oversight

router = APIRouter(route_class=Guarded)
Admin = Annotated[Caller, may("models")]
Changing = Annotated[Caller, may("models", form=True)]
Word = Annotated[str, Form(max_length=WORD)]
PAGE = "/admin/models"


@router.get(PAGE)
async def models(request: Request, server: Server, caller: Admin, render: Render) -> Response:
    """Show the registered models and forms that change which one is in service."""
    table = server.settings.models
    found = await run_in_threadpool(oversight.models, Path(table.registry)) if table else None
    here = server.served.searcher.bundle.id
    return render(request, "admin-models.html", models=found, here=here)


@router.post("/admin/models/approve")
async def approve(server: Server, caller: Changing, id: Word) -> Response:
    """Let a model serve in place of the one that serves under its name."""
    await run_in_threadpool(oversight.approve, _registry(server), id, caller.actor)
    return RedirectResponse(PAGE, 303)


@router.post("/admin/models/rollback")
async def roll_back(
    server: Server, caller: Changing, name: Word, id: Word, before: Word
) -> Response:
    """Take a model that serves under a name out of service; the one before serves again."""
    seen = (id, before)
    await run_in_threadpool(oversight.roll_back, _registry(server), name, seen, caller.actor)
    return RedirectResponse(PAGE, 303)


def _registry(server: State) -> Path:
    if server.settings.models is None:
        raise HTTPException(404, "this server has no registry of models")
    return Path(server.settings.models.registry)
