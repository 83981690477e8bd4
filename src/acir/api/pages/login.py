"""Sign in with a password, a one-time link or an identity provider, and out."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from acir.api.pages import returning
from acir.api.pages.provider import forget, leave, returned
from acir.api.pages.rendering import Render, Renderer
from acir.api.security import SESSION, Guarded, Leaving, cookie_name, everyone
from acir.api.state import Server, State
from acir.errors import AccessError, LockedError

router = APIRouter(route_class=Guarded)
WORD = 1024
LONG = 4096  # of a code, which some providers fill with what they know


class Way:
    """How somebody comes to the page: to see its form, by a link, or to or from a provider."""

    def __init__(
        self,
        link: Annotated[str, Query(max_length=WORD)] = "",
        provider: Annotated[bool, Query(description="sign in there")] = False,
        code: Annotated[str, Query(max_length=LONG)] = "",
        state: Annotated[str, Query(max_length=WORD)] = "",
        error: Annotated[str, Query(max_length=WORD)] = "",
    ) -> None:
        self.link, self.provider = link, provider
        self.code, self.state, self.error = code, state, error


@router.get("/login", dependencies=[everyone()])
async def form(
    request: Request,
    server: Server,
    render: Render,
    way: Annotated[Way, Depends()],
) -> Response:
    """Show the form, or sign in at once with an unused link or what a provider has given."""
    if way.provider:
        return leave(server)
    if way.code or way.error:
        return forget(await _returned(request, server, render, way), server)
    if not way.link:
        return _form(request, render)
    try:
        secret = await _entered(request, server, server.sessions.redeem, way.link)
    except AccessError:
        return _form(request, render, 403, render.words(request)("login-link-spent"))
    return _signed_in(request, server, secret)


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
        secret = await _entered(request, server, server.sessions.login, name, password)
    except LockedError as error:
        said = render.words(request)("login-locked", seconds=error.wait)
        refused = _form(request, render, 429, said, name)
        refused.headers["Retry-After"] = str(error.wait)
        return refused
    except AccessError:
        return _form(request, render, 403, render.words(request)("login-wrong"), name)
    return _signed_in(request, server, secret)


@router.post("/logout")
async def sign_out(server: Server, caller: Leaving) -> Response:
    """End the session."""
    await run_in_threadpool(server.sessions.logout, caller.secret, caller.actor)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(cookie_name(SESSION, _secure(server)), secure=_secure(server))
    return response


async def _returned(request: Request, server: State, render: Renderer, way: Way) -> Response:
    try:
        federation, trip = returned(request, server)
        secret = await _entered(request, server, federation.sign_in, way.code, way.state, trip)
    except AccessError:
        # Why is in the audit log: who tries to sign in as somebody else must not learn it.
        return _form(request, render, 403, render.words(request)("login-not-vouched"))
    return _signed_in(request, server, secret)


async def _entered(
    request: Request, server: State, enter: Callable[..., str], *given: object
) -> str:
    """Begin a session; those of one address wait for one another, and hold up nobody inside.

    Raises:
        FullError: Too many wait already.
    """
    address = _address(request)
    return await server.entering.run(address, enter, *given, address)


def _form(
    request: Request, render: Renderer, status: int = 200, failed: str = "", name: str = ""
) -> Response:
    """Return the form, with why the last try failed and the name that was given in it."""
    return render(request, "login.html", status, failed=failed, name=name)


def _signed_in(request: Request, server: State, secret: str) -> Response:
    secure = _secure(server)
    response = returning.back(request, secure)
    response.set_cookie(
        cookie_name(SESSION, secure), secret, httponly=True, secure=secure, samesite="lax", path="/"
    )
    return response


def _secure(server: State) -> bool:
    return server.settings.server.is_encrypted


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
