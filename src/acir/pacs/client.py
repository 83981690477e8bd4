"""HTTP to a server of the configuration and to no other place, whatever that server answers.

An address is made of the configured one and of checked identifiers. What a server names, by a
redirect, a RetrieveURL or a BulkDataURI, is never asked for: an instance is fetched as a whole.
"""

import json
import ssl
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import quote

from acir.errors import (
    ComponentError,
    FailedError,
    GoneError,
    PacsError,
    SilentError,
    UnreachableError,
    UsageError,
)
from acir.pacs.address import PORTS, checked, resolved
from acir.pacs.settings import PacsTable

try:
    import httpx
except ModuleNotFoundError as error:
    raise ComponentError(
        "a PACS needs 'httpx', which is not installed. Install it with: pip install 'acir[pacs]'"
    ) from error

MIB = 1 << 20
TEXT_MIB = 256  # that a list may have: the names of 5 million instances
PAUSE = 10.0  # seconds that a server may be silent


class Client(AbstractContextManager["Client"]):
    """Asks for what lies below one address of a server; use it as a context or close it.

    Threads may share it.

    Args:
        server: Of the configuration.
        root: The address, one of those that the server has there.

    Raises:
        UsageError: The address, the credentials or the certificates cannot be used.
        UnreachableError: The name of the server cannot be resolved.
    """

    def __init__(self, server: PacsTable, root: str) -> None:
        self._server = server
        self._place = checked(server, root)
        self._path = self._place.path.rstrip("/")
        self._host = self._place.hostname or ""
        authorization = server.authorization()
        token = authorization if isinstance(authorization, str) else None
        certificates = _certificates(server) if self._place.scheme == "https" else True
        # Last: a name that cannot be resolved now may be later, but all else is wrong for good.
        self._addresses = resolved(server, self._place)
        self._http = httpx.Client(
            auth=None if isinstance(authorization, str) else authorization,
            headers={
                "Host": self._place.netloc,
                "Accept-Encoding": "identity",  # the size that is limited is the one that comes
                **({"Authorization": token} if token else {}),
            },
            verify=certificates,
            timeout=min(PAUSE, server.timeout_seconds),
            follow_redirects=False,
            trust_env=False,  # a proxy or a .netrc of the environment would see the credentials
        )

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self._http.close()

    def json(
        self,
        parts: Iterable[str],
        query: Mapping[str, str] | None = None,
        accept: str = "application/json",
    ) -> Any:  # noqa: ANN401 - what JSON holds
        """Return what is at a path as JSON; None for an empty answer.

        Raises:
            PacsError: As `fetch`, or it is not JSON.
        """
        content, _ = self.fetch(parts, query, accept, TEXT_MIB)
        try:
            return json.loads(content) if content else None
        except (ValueError, RecursionError):  # which may quote it
            raise self._error("answered what is not JSON") from None

    def fetch(
        self, parts: Iterable[str], query: Mapping[str, str] | None, accept: str, max_mib: int
    ) -> tuple[bytes, str]:
        """Return what is at a path, and its media type.

        Args:
            parts: Segments of the path below the root.
            query: Parameters.
            accept: Media type that is wanted.
            max_mib: Size that the answer may have.

        Raises:
            UnreachableError: The server does not answer.
            GoneError: There is nothing, or no longer.
            SilentError: The server answers too slowly.
            FailedError: It answers with status 500.
            PacsError: It refuses, leads elsewhere, or answers too much.
        """
        question = _Question("GET", self._below(parts), accept, max_mib, query or {})
        return self._answer(question)

    def post(self, parts: Iterable[str], body: bytes, media_type: str, accept: str) -> bytes:
        """Send something to a path, once, and return the answer.

        Args:
            parts: Segments of the path below the root.
            body: What is sent.
            media_type: Of what is sent.
            accept: Media type that is wanted.

        Raises:
            PacsError: As `fetch`.
        """
        question = _Question(
            "POST", self._below(parts), accept, TEXT_MIB, body=body, media_type=media_type
        )
        return self._answer(question)[0]

    def _below(self, parts: Iterable[str]) -> str:
        return self._path + "".join(f"/{quote(_segment(part), safe='')}" for part in parts)

    def _answer(self, question: "_Question") -> tuple[bytes, str]:
        try:
            return self._asked_again_if_hung_up(question)
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise SilentError(f"the server {self._server.name} was silent for too long") from error
        except (httpx.HTTPError, httpx.StreamError, ssl.SSLError) as error:
            raise UnreachableError(
                f"the server {self._server.name} does not answer ({type(error).__name__}); check "
                "that it runs and that its address is right"
            ) from error

    def _asked_again_if_hung_up(self, question: "_Question") -> tuple[bytes, str]:
        """Ask once more where a server hangs up without an answer; what changes nothing alone.

        A server may close a connection that was kept just when the next question is on its way.
        """
        try:
            return self._first_that_answers(question)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if question.method != "GET":
                raise
            return self._first_that_answers(question)

    def _first_that_answers(self, question: "_Question") -> tuple[bytes, str]:
        *others, last = self._addresses
        for address in others:
            try:
                return self._ask(address, question)
            except (httpx.ConnectError, httpx.ConnectTimeout):  # nothing was sent
                continue
        return self._ask(last, question)

    def _ask(self, address: str, question: "_Question") -> tuple[bytes, str]:
        port = self._place.port or PORTS[self._place.scheme]
        host = f"[{address}]" if ":" in address else address
        end = monotonic() + self._server.timeout_seconds
        with self._http.stream(
            question.method,
            f"{self._place.scheme}://{host}:{port}{question.path}",
            params=dict(question.query),
            content=question.body,
            headers=question.headers,
            # The certificate must be that of the name, though the connection is to the address.
            extensions={"sni_hostname": self._host},
        ) as response:
            self._require_content(response)
            content = bytearray()
            for chunk in response.iter_raw():  # as it comes; by size, httpx would wait for more
                content += chunk
                if len(content) > question.max_mib * MIB:
                    raise self._error(f"answered more than {question.max_mib} MiB")
                if monotonic() > end:
                    raise SilentError(
                        f"the server {self._server.name} took longer than "
                        f"{self._server.timeout_seconds:g} s to answer"
                    )
            return bytes(content), response.headers.get("Content-Type", "")

    def _require_content(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            raise GoneError(f"the server {self._server.name} has nothing there")
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise self._error(f"refuses the credentials (status {status}); check them")
        if response.is_redirect or response.has_redirect_location:
            raise self._error(
                f"leads to another address (status {status}), which is never followed; configure "
                "the address that it leads to"
            )
        if status == httpx.codes.INTERNAL_SERVER_ERROR:
            raise FailedError(f"the server {self._server.name} answered with status {status}")
        if not response.is_success:
            raise self._error(f"answered with status {status}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise self._error("answered compressed, though it was asked not to")

    def _error(self, what: str) -> PacsError:
        return PacsError(f"the server {self._server.name} {what}")


@dataclass(frozen=True)
class _Question:
    """A request below the root; `query` and `max_mib` as `Client.fetch` has them."""

    method: str
    path: str
    accept: str
    max_mib: int
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    media_type: str = ""

    @property
    def headers(self) -> dict[str, str]:
        kind = {"Content-Type": self.media_type} if self.media_type else {}
        return {"Accept": self.accept, **kind}


def _segment(part: str) -> str:
    """Refuse what would leave the root; the identifiers of a server come through here."""
    if part in {"", ".", ".."}:
        raise PacsError(f"the path segment {part!r} is none; a server gave it as an identifier")
    return part


def _certificates(server: PacsTable) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=server.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"the certificates of the server {server.name}, {server.ca_file}, cannot be read; "
            "give a PEM file"
        ) from error
