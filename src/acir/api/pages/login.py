"""Sign in with a password or a one-time link, and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from acir.api.pages.rendering import Render, Renderer
from acir.api.security import Guarded, Leaving, cookie_name, everyone
from acir.api.state import Server, State
from acir.errors import AccessError, LockedError

router = APIRouter(route_class=Guarded)
WORD = 1024


@router.get("/login", dependencies=[everyone()])
async def form(
    request: Request,
    server: Server,
    render: Render,
    link: Annotated[str, Query(max_length=WORD)] = "",
) -> Response:
    """Show the form, or sign in at once with a link that was not used before."""
    if not link:
        return render(request, "login.html", failed="")
    try:
        secret = await run_in_threadpool(server.sessions.redeem, link, _address(request))
    except AccessError:
        return render(request, "login.html", 403, failed=render.words(request)("login-link-spent"))
    return _signed_in(server, secret)


@router.post("/login", dependencies=[everyone()])
async def sign_in(
    request: Request,
    server: Server,
    render: Render,
    name: Annotated[str, Form(max_length=WORD)],
    password: Annotated[str, Form(max_length=WORD)],
) -> Response:
    """Sign in; after several wrong tries one has to wait, longer each time."""
    try:
        secret = await run_in_threadpool(server.sessions.login, name, password, _address(request))
    except LockedError as error:
        said = render.words(request)("login-locked", seconds=error.wait)
        refused = render(request, "login.html", 429, failed=said)
        refused.headers["Retry-After"] = str(error.wait)
        return refused
    except AccessError:
        return _wrong(request, render)
    return _signed_in(server, secret)


@router.post("/logout")
async def sign_out(server: Server, caller: Leaving) -> Response:
    """End the session."""
    await run_in_threadpool(server.sessions.logout, caller.secret, caller.actor)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(cookie_name(_secure(server)), secure=_secure(server))
    return response


def _wrong(request: Request, render: Renderer) -> Response:
    return render(request, "login.html", 403, failed=render.words(request)("login-wrong"))


def _signed_in(server: State, secret: str) -> Response:
    response = RedirectResponse("/", 303)
    secure = _secure(server)
    response.set_cookie(
        cookie_name(secure), secret, httponly=True, secure=secure, samesite="lax", path="/"
    )
    return response


def _secure(server: State) -> bool:
    return server.settings.server.is_encrypted


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
