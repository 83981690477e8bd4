"""What a request may bring: a body of limited size, within a limited time."""

import asyncio
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acir.api.security import TurnAway

MB = 10**6


class Limits:
    """Refuse a body that is too large, as soon as that is known, or that comes too slowly.

    Args:
        app: What is behind.
        turn_away: Makes the answer to one who is refused, from a status and what is said.
        most_mb: Largest body.
        seconds: Within which it has to be here.
    """

    def __init__(self, app: ASGIApp, turn_away: TurnAway, most_mb: float, seconds: float) -> None:
        self._app, self._turn_away = app, turn_away
        self._most, self._seconds = int(most_mb * MB), seconds
        self._said = {
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
                f"at most {most_mb:g} MB may be given at once; give fewer pictures, or smaller ones"
            )
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on while its body keeps to the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if _announced(request) > self._most:
            refused = self._refusal(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            await refused(scope, receive, send)
            return
        body = _Body(receive, self._most, self._seconds)

        async def send_unless_refused(message: Message) -> None:
            if body.refused is None:
                await send(message)

        await self._app(scope, body.receive, send_unless_refused)
        if body.refused is not None:
            await self._refusal(request, body.refused)(scope, receive, send)

    def _refusal(self, request: Request, status: HTTPStatus) -> Response:
        return self._turn_away(request, status, self._said.get(status, ""))


class _Body:
    """Counts the bytes and the seconds of a body.

    One that is refused ends there, so that who reads it closes what it has opened; its answer is
    not sent.
    """

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._left = receive, most
        self._end = asyncio.get_running_loop().time() + seconds
        self._whole = False
        self.refused: HTTPStatus | None = None

    async def receive(self) -> Message:
        """Return the next part; after the last, wait for the client to leave."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._end):
                message = await self._receive()
        except TimeoutError:
            return self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        self._left -= len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._left < 0:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    def _refuse(self, status: HTTPStatus) -> Message:
        self.refused, self._whole = status, True
        return {"type": "http.request", "body": b"", "more_body": False}


def _announced(request: Request) -> int:
    """Return the length that the header announces; 0 for none, or one that is no number."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isdecimal() else 0
