"""Who calls, and whether they may: every route is refused unless it says who may call it.

A browser has a session in a cookie that scripts cannot read, and sends with each form a token that
another site cannot know; a program has an API token in its `Authorization` header.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Form, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acir.api.state import State, of
from acir.governance.access import Principal, Verb, actor, collections
from acir.governance.audit import Actor, AuditEvent
from acir.governance.events import ACTIONS

SESSION = "acir_session"
FORGERY_HEADER = "x-csrf-token"
BEARER = "bearer "
TurnAway = Callable[[Request, int, str], Response]
Answer = Callable[[Request, Exception], Response]
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FOREIGN = "a page of another site sent this; open the page of this server and begin again there"
OPEN = ("/healthz", "/login", "/static/")
# What shows or needs what the model made of a picture; the rest is for those who run the index.
OF_THE_MODEL = frozenset[Verb]({"view", "search", "check", "export", "add", "fetch"})
SAYS = "acir_says_who"  # marks the dependencies that do
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Caller:
    """Someone who was recognised, and how they came.

    Attributes:
        principal: Who, and what they may.
        address: Network address of the client.
        secret: Of their session; empty for one who came with an API token.
    """

    principal: Principal
    address: str
    secret: str = ""

    @property
    def name(self) -> str:
        """What the audit log calls them."""
        return self.principal.user

    @property
    def actor(self) -> Actor:
        """Who the audit log says acts, in the highest role that they have."""
        return actor(self.principal, self.address)

    @property
    def forgery_token(self) -> str:
        """What a form of this session carries, so that no other site can send it."""
        return hmac.digest(self.secret.encode(), b"form", sha256).hex()

    def within(self, verb: Verb) -> frozenset[str] | None:
        """Return the collections in which they may do it; None for all of them."""
        return collections(self.principal, verb)

    def may(self, verb: Verb) -> bool:
        """Whether they may do it anywhere in this index."""
        within = self.within(verb)
        return within is None or bool(within)


class Guarded(APIRoute):
    """A route that is refused to all unless one of its dependencies is `may`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - those of FastAPI
        super().__init__(path, endpoint, **options)
        self.says_who = any(hasattr(d.call, SAYS) for d in self.dependant.dependencies)

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return the handler, or one that refuses everybody."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Any:  # noqa: ANN401 - as FastAPI has it
            if not self.says_who:
                raise HTTPException(403, "nobody may call this")
            return await handler(request)

        return guarded


def may(verb: Verb | None, *, form: bool = False) -> Any:  # noqa: ANN401 - a dependency may stand wherever FastAPI takes one
    """Return the dependency that says who may call a route; it gives the caller.

    Args:
        verb: What they must be allowed to do; None for anyone who is recognised.
        form: Whether a page's form calls it, which sends its token as a field; else as a header.
    """

    async def check(request: Request, given: str) -> Caller:
        caller: Caller = request.state.caller
        if verb is not None:
            await require(request, caller, verb)
        _refuse_forgery(request, caller, given)
        return caller

    async def of_form(request: Request, csrf: Annotated[str, Form(max_length=128)] = "") -> Caller:
        return await check(request, csrf)

    async def of_program(request: Request) -> Caller:
        return await check(request, request.headers.get(FORGERY_HEADER, ""))

    return _saying(of_form if form else of_program)


async def require(request: Request, caller: Caller, verb: Verb) -> None:
    """Refuse one who may not do something anywhere in this index, and record that.

    Raises:
        HTTPException: They may not, or the model may not answer any longer.
        AuditError: It could not be recorded.
    """
    if not caller.may(verb):
        await refuse(of(request), caller, verb, "you may not do this")
    if verb in OF_THE_MODEL:
        await run_in_threadpool(of(request).require_approval)


async def refuse(state: State, caller: Caller, verb: Verb, said: str) -> NoReturn:
    """Refuse one who may not do something, and record that.

    Raises:
        HTTPException: Once it is recorded.
        AuditError: It could not be recorded.
    """
    action = verb if verb in ACTIONS else "view"
    event = AuditEvent(action, caller.actor, "denied", detail=f"{verb} was refused")
    await run_in_threadpool(state.record, event)
    raise HTTPException(403, said)


def everyone() -> Any:  # noqa: ANN401 - as above
    """Return the dependency of a route that is open without login."""

    async def nothing() -> None:
        return None

    return _saying(nothing)


def _saying(dependency: Callable[..., Any]) -> Any:  # noqa: ANN401 - as above
    setattr(dependency, SAYS, True)
    return Depends(dependency)


Known = Annotated[Caller, may(None)]
Leaving = Annotated[Caller, may(None, form=True)]
Viewer = Annotated[Caller, may("view")]
Searching = Annotated[Caller, may("search")]
Giving = Annotated[Caller, may("search", form=True)]
Checking = Annotated[Caller, may("check")]
Exporting = Annotated[Caller, may("export")]
Adding = Annotated[Caller, may("add")]
Deleting = Annotated[Caller, may("delete")]


def _refuse_forgery(request: Request, caller: Caller, given: str) -> None:
    """Refuse a change that a browser sends for another site than ours."""
    if request.method in SAFE or not caller.secret:
        return
    if not hmac.compare_digest(given.encode(), caller.forgery_token.encode()):
        raise HTTPException(403, "the form is out of date; load the page again")


def is_foreign(request: Request) -> bool:
    """Whether a browser says that another site sent this."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    ours = origin is None or origin.partition("://")[2] == request.headers.get("host")
    return site not in {"same-origin", "none"} or not ours


class Doorkeeper:
    """Recognise every caller, turn away whom nobody knows, and set the headers of every answer.

    Args:
        app: What is behind the door.
        state: Gives the state of the server, once it has started.
        turn_away: Makes the answer to one who is refused, from a status and what is said.
        failed: Makes the answer to a request that an error ended.
        secure: Whether clients speak TLS, so that cookies and headers may demand it.
    """

    def __init__(
        self,
        app: ASGIApp,
        state: Callable[[], State],
        turn_away: TurnAway,
        failed: Answer,
        secure: bool,
    ) -> None:
        self._app, self._state = app, state
        self._turn_away, self._failed = turn_away, failed
        self._headers = HEADERS | (
            {"Strict-Transport-Security": "max-age=31536000"} if secure else {}
        )
        self._cookie = cookie_name(SESSION, secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with who it is from."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, begun = Request(scope), False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                is_static = request.url.path.startswith(OPEN[2])
                headers.setdefault("Cache-Control", "no-cache" if is_static else "no-store")
            await send(message)

        try:
            await self._passed(request, receive, send_with_headers)
        except Exception as error:
            if begun:
                raise
            await self._failed(request, error)(scope, receive, send_with_headers)

    async def _passed(self, request: Request, receive: Receive, send: Send) -> None:
        caller = await self._recognised(request)
        request.scope.setdefault("state", {})["caller"] = caller
        behind = self._refused(request, caller) or self._app
        await behind(request.scope, receive, send)

    def _refused(self, request: Request, caller: Caller | None) -> Response | None:
        """Return the answer with which a request is refused, or None."""
        if caller is None and not is_open(request.url.path):
            return self._turn_away(request, HTTPStatus.UNAUTHORIZED, "")
        by_token = caller is not None and not caller.secret
        if request.method not in SAFE and not by_token and is_foreign(request):
            return self._turn_away(request, HTTPStatus.FORBIDDEN, FOREIGN)
        return None

    async def _recognised(self, request: Request) -> Caller | None:
        sessions = self._state().sessions
        address = request.client.host if request.client else ""
        given = request.headers.get("authorization", "")
        if given.lower().startswith(BEARER):
            principal = await run_in_threadpool(
                sessions.recognise_token, given[len(BEARER) :].strip()
            )
            return Caller(principal, address) if principal else None
        secret = request.cookies.get(self._cookie, "")
        if not secret:
            return None
        principal = await run_in_threadpool(sessions.recognise, secret)
        return Caller(principal, address, secret) if principal else None


def is_open(path: str) -> bool:
    """Whether a path is open to those whom nobody knows."""
    return path in {OPEN[0], OPEN[1]} or path.startswith(OPEN[2])


def cookie_name(name: str, secure: bool) -> str:
    """Name a cookie; with `__Host-`, a browser takes it only as Secure and for this host."""
    return f"__Host-{name}" if secure else name
