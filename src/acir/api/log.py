"""One line of JSON a request, with nothing in it of a person or a picture."""

import json
import logging
from datetime import UTC, datetime
from io import TextIOBase
from secrets import token_hex
from time import perf_counter

from fastapi import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acir.api.metrics import Metrics

FIELDS = ("route", "method", "status", "ms", "request", "error", "trace")
UNKNOWN = "(none)"
log = logging.getLogger("acir.api")


class JsonLines(logging.Formatter):
    """Write a record as one line of JSON with the fields that are meant to be there."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= {key: getattr(record, key) for key in FIELDS if hasattr(record, key)}
        return json.dumps(line)


def write_to(stream: TextIOBase | None = None) -> None:
    """Send the lines of the server to a stream, or to standard error.

    Its libraries add none of their own: what uvicorn writes of a request holds its address, in
    which a search may stand.
    """
    handler = logging.StreamHandler(stream)  # of None: standard error
    handler.setFormatter(JsonLines())
    for name in ("acir.api", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)


class Watch:
    """Log and count every request by its route, which is the same for all values in it.

    Args:
        app: What is watched.
        metrics: What counts.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, number = perf_counter(), 500, token_hex(8)

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", number.encode())]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = perf_counter() - begun
            route = route_of(Request(scope))
            method = scope["method"] if scope["method"] in METHODS else UNKNOWN
            self._metrics.requests.labels(route, method, str(status)).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            fields = {"route": route, "method": method, "status": status, "request": number}
            log.info("request", extra=fields | {"ms": round(1000 * seconds, 1)})


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_of(request: Request) -> str:
    """Return the pattern that a path was matched by."""
    route: BaseRoute | None = request.scope.get("route")
    return str(getattr(route, "path", UNKNOWN)) if route else UNKNOWN
