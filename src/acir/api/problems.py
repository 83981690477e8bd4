"""Errors as RFC 9457 problems for programs and as pages for people; neither reveals anything.

What is said of an error is one of our own sentences by its status. A cause is told where it lies in
what the caller sent: a value out of range, a key that there is not.
"""

import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from acir.amounts import amount
from acir.api.pool import FullError, LateError
from acir.api.schemas import Problem
from acir.errors import (
    AccessError,
    AcirError,
    FailedError,
    GoneError,
    GuardError,
    LockedError,
    PacsError,
    ServerError,
    SilentError,
    SourceError,
    StorageError,
    UnreachableError,
    UsageError,
)

MEDIA = "application/problem+json"
RETRY_SECONDS = 2
STATUS: tuple[tuple[type[AcirError], HTTPStatus], ...] = (
    (FullError, HTTPStatus.TOO_MANY_REQUESTS),
    (LateError, HTTPStatus.SERVICE_UNAVAILABLE),
    (LockedError, HTTPStatus.TOO_MANY_REQUESTS),
    (AccessError, HTTPStatus.FORBIDDEN),
    (StorageError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ServerError, HTTPStatus.SERVICE_UNAVAILABLE),
    (GuardError, HTTPStatus.SERVICE_UNAVAILABLE),
    (GoneError, HTTPStatus.NOT_FOUND),
    (PacsError, HTTPStatus.BAD_GATEWAY),
)
SPEAKING = {
    *(UsageError, SourceError, FullError, LateError, LockedError),
    *(PacsError, FailedError, GoneError, SilentError, UnreachableError),
}
# What the framework says in two words, which tell nobody what to do.
INSTEAD = {
    HTTPStatus.NOT_FOUND.phrase: (
        "this address leads nowhere; check how it is written, or begin again at the first page"
    ),
    HTTPStatus.METHOD_NOT_ALLOWED.phrase: (
        "this address cannot be called in this way; begin again at the first page"
    ),
}
# What it says of a text in place of a file, as `curl -F image=scan.png` sends one.
NO_FILE = "Value error, Expected UploadFile, received: <class 'str'>"
GIVE_A_FILE = (
    "it is text, expected a file; send the picture itself, as curl -F image=@scan.png does"
)
# For programs alone: a person is shown the page on which to sign in.
UNKNOWN = (
    "the server does not know who calls; send an API token that it has made and that still holds, "
    "as the header Authorization: Bearer acir_..."
)
TOO_MANY = re.compile(r"Too many files\. Maximum number of files is (\d+)\.")
log = logging.getLogger("acir.api")

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """Describe the answers to requests that fail, as a route's description lists them."""
    return {
        status: {"model": Problem, "description": HTTPStatus(status).phrase, "content": {MEDIA: {}}}
        for status in statuses
    }


RESPONSES = problems(400, 401, 403, 404, 413, 422, 429, 503)
Page = Callable[[Request, HTTPStatus, str], Response]


class Problems:
    """Makes the answer to a request that failed.

    Args:
        page: Makes the page that a person sees.
    """

    def __init__(self, page: Page) -> None:
        self._page = page

    def __call__(
        self, request: Request, status: int, detail: str = "", headers: dict[str, str] | None = None
    ) -> Response:
        """Return a page to a browser and a problem to a program."""
        found = HTTPStatus(status)
        if found == HTTPStatus.UNAUTHORIZED:
            detail = detail or UNKNOWN
        response = (
            self._page(request, found, detail)
            if _is_for_a_person(request)
            else JSONResponse(
                Problem(title=found.phrase, status=found, detail=detail).model_dump(),
                status_code=found,
                media_type=MEDIA,
            )
        )
        if found == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        response.headers.update(headers or {})
        if "hx-request" in request.headers:  # an error is a page of its own, no part of one
            response.headers["HX-Redirect"] = f"{quote(request.url.path)}?{request.url.query}"
        return response

    def install(self, app: FastAPI) -> None:
        """Answer every error of an application."""
        app.add_exception_handler(HTTPException, self._of_http)
        app.add_exception_handler(RequestValidationError, self._of_validation)
        app.add_exception_handler(AcirError, self.of)
        app.add_exception_handler(Exception, self._of_anything)

    def _of_http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if many := TOO_MANY.fullmatch(error.detail):
            most = amount(int(many[1]), "picture", "pictures")
            said = f"at most {most} may be given at once; give fewer"
            return self(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, said)
        said = INSTEAD.get(error.detail, error.detail)
        return self(request, error.status_code, said, dict(error.headers or {}))

    def _of_validation(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        said = "; ".join(
            f"{'.'.join(str(part) for part in each['loc'][1:])}: "
            f"{GIVE_A_FILE if each['msg'] == NO_FILE else each['msg']}"
            for each in error.errors()
        )
        return self(request, HTTPStatus.UNPROCESSABLE_ENTITY, said)

    def of(self, request: Request, error: Exception) -> Response:
        """Return the answer to a request that an error ended."""
        status = next((s for kind, s in STATUS if isinstance(error, kind)), None)
        if status is None and _speaks(error):
            return self(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        if status is None:
            return self._of_anything(request, error)
        headers = {}
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = error.wait if isinstance(error, LockedError) else RETRY_SECONDS
            headers["Retry-After"] = str(wait)
        return self(request, status, str(error) if _speaks(error) else "", headers)

    def _of_anything(self, request: Request, error: Exception) -> Response:
        # The trace stays in the log of the server, and there without the values of the request.
        log.error("failed", extra={"error": type(error).__name__, "trace": _places(error)})
        return self(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def _speaks(error: Exception) -> bool:
    """Whether an error's text may leave; that of a missing or damaged file names its place."""
    return type(error) in SPEAKING


def _places(error: BaseException) -> list[str]:
    """Return where an error came from, innermost last, without what was in the variables."""
    found, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found


def _is_for_a_person(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and not request.url.path.startswith("/api/")
