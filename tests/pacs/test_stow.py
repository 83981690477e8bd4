"""STOW-RS: what is sent, and that each object was taken; the server says what it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from acir.errors import PacsError
from acir.pacs.client import Client
from acir.pacs.settings import Server
from acir.pacs.stow import store

STUDY = "1.2.3"
FILES = {"1.2.3.4": b"first\r\n--file", "1.2.3.5": bytes(range(256))}


class Stub:
    """A server on this machine that answers every request alike and remembers them."""

    def __init__(self, status: int, body: bytes, location: str | None = None) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                stub.asked.append((self.command, self.path, dict(self.headers), content))
                self.send_response(status)
                if location is not None:
                    self.send_header("Location", location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/dicom-web"


@contextmanager
def stub(status: int, body: bytes, location: str | None = None) -> Iterator[Stub]:
    made = Stub(status, body, location)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


def took(*uids: str) -> bytes:
    """Return the answer of a server that stored these (PS3.18, 10.5.4)."""
    items = [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in uids]
    return json.dumps({"00081199": {"vr": "SQ", "Value": items}}).encode()


def send(made: Stub) -> None:
    with Client(Server(name="main", url=made.url), made.url) as client:
        store(client, STUDY, FILES)


def test_each_object_is_a_part_of_one_request_to_the_study() -> None:
    with stub(200, took(*FILES)) as made:
        send(made)
    ((method, path, headers, content),) = made.asked
    assert (method, path) == ("POST", "/dicom-web/studies/1.2.3")
    assert headers["Accept"] == "application/dicom+json"
    head = f"Content-Type: {headers['Content-Type']}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    # Python's own reader of such messages, told that the parts are not text.
    parts = content.split(b"--" + headers["Content-Type"].partition("boundary=")[2].encode())
    assert parts[0] == b""
    assert parts[-1] == b"--\r\n"
    assert [part.partition(b"\r\n\r\n")[2] for part in parts[1:-1]] == [
        file + b"\r\n" for file in FILES.values()
    ]
    message = message_from_bytes(head + content, policy=policy.HTTP)
    assert message.get_content_type() == "multipart/related"
    assert message.get_param("type") == "application/dicom"
    assert [part.get_content_type() for part in message.iter_parts()] == ["application/dicom"] * 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, took("1.2.3.4")),  # one of two
        (200, took("1.2.3.4", "9.9")),
        (200, b""),
        (200, b"<html>"),
        (200, b"[1]"),
        (200, b'{"00081199": {"Value": [{"00081155": 3}]}}'),
        (200, b"[" * 100_000),
    ],
)
def test_an_object_that_is_not_named_was_not_taken(status: int, body: bytes) -> None:
    missing = 1 if b"1.2.3.4" in body else 2
    with (
        stub(status, body) as made,
        pytest.raises(PacsError, match=f"did not take {missing} of 2 objects; see its log"),
    ):
        send(made)


def test_a_redirect_is_not_followed() -> None:
    with stub(200, took(*FILES)) as other:
        leads = stub(307, b"", location=f"{other.url}/elsewhere")
        with leads as made, pytest.raises(PacsError, match="leads to another address"):
            send(made)
    assert other.asked == []
    assert len(made.asked) == 1


def test_a_conflict_is_an_error() -> None:
    with stub(409, b"") as made, pytest.raises(PacsError, match="main answered with status 409"):
        send(made)
