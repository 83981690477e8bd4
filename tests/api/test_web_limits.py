"""Uploads beyond what is allowed (S4)."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Semaphore

import anyio
import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from acir.api.app import create_app
from acir.api.limits import Limits
from acir.errors import AccessError
from acir.workflows.serving.settings import LimitsTable, ServeSettings
from made_web import HOST, Token, page_refuses_as_too_large

Program = Callable[[str], TestClient]


@pytest.fixture(scope="module")
def narrow(web_index: Path, tokens: dict[str, Token]) -> Iterator[FastAPI]:
    """Return an application that takes a tenth of a MB."""
    app = create_app(ServeSettings(index=str(web_index), limits=LimitsTable(upload_mb=0.1)))
    with TestClient(app, HOST):
        yield app


@pytest.fixture
def client(narrow: FastAPI, tokens: dict[str, Token]) -> TestClient:
    return TestClient(narrow, HOST, headers=tokens["viewer"].headers)


@pytest.fixture
def no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files, which is empty."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_length_beyond_the_limit_is_refused_at_once(client: TestClient, no_files: Path) -> None:
    answer = client.post("/api/v1/search", files={"image": bytes(200_000)})
    assert answer.status_code == 413
    assert answer.json()["title"] in {"Request Entity Too Large", "Content Too Large"}
    said = "at most 0.1 MB may be given at once; give fewer pictures, or smaller ones"
    assert answer.json()["detail"] == said
    assert list(no_files.iterdir()) == []


def test_a_page_says_how_much_may_be_given_at_once(narrow: FastAPI) -> None:
    said = {
        "en": "At most 0.1 MB may be given at once; give fewer pictures, or smaller ones.",
        "de": "Höchstens 0,1 MB gehen auf einmal; geben Sie weniger oder kleinere Bilder.",
    }
    page_refuses_as_too_large(narrow, [("image", bytes(200_000))], said)


def test_a_body_without_a_length_is_refused_when_it_grows_too_large(
    client: TestClient, no_files: Path
) -> None:
    def parts() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield bytes(10_000)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/v1/search", content=parts(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("at most 0.1 MB may be given at once")
    assert list(no_files.iterdir()) == []


@pytest.mark.parametrize("kind", ["files", "fields"])
def test_ten_thousand_parts_are_refused(program: Program, no_files: Path, kind: str) -> None:
    name = '; filename="a"' if kind == "files" else ""
    part = f'--x\r\nContent-Disposition: form-data; name="image"{name}\r\n\r\n1\r\n'
    answer = program("viewer").post(
        "/api/v1/search",
        content=(part * 10_000 + "--x--\r\n").encode(),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code in {400, 413}
    assert list(no_files.iterdir()) == []


def test_many_who_sign_in_at_once_hold_up_nobody_who_is_known(
    narrow: FastAPI, tokens: dict[str, Token], monkeypatch: pytest.MonkeyPatch
) -> None:
    come, go = Semaphore(0), Event()

    def slow(*_: object) -> None:
        come.release()
        assert go.wait(60)
        raise AccessError("wrong")

    async def scene() -> int:
        transport = httpx.ASGITransport(app=narrow)
        data = {"name": "ada", "password": "wrong"}
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as crowd:
            # More than the threads that a server has.
            tries = [asyncio.create_task(crowd.post("/login", data=data)) for _ in range(60)]
            try:
                await asyncio.to_thread(come.acquire)
                known = crowd.get("/api/v1/index", headers=tokens["viewer"].headers)
                return (await asyncio.wait_for(known, 30)).status_code
            finally:
                go.set()
                await asyncio.gather(*tries)

    monkeypatch.setattr("acir.governance.sessions.check", slow)
    assert asyncio.run(scene()) == 200


@pytest.mark.parametrize("length", ["-1", "many", "1e9", ""])
def test_a_length_that_is_no_number_is_not_believed(client: TestClient, length: str) -> None:
    answer = client.post(
        "/api/v1/check", files={"image": bytes(200_000)}, headers={"Content-Length": length}
    )
    assert answer.status_code in {400, 413}


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        await PlainTextResponse("half a body")(scope, receive, send)

    def turn_away(request: Request, status: int, detail: str) -> Response:
        return PlainTextResponse("", status)

    async def receive() -> Message:
        await anyio.sleep(60)
        return {"type": "http.request", "body": b"", "more_body": True}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    limits = Limits(app, turn_away, most_mb=1.0, seconds=0.05)
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    anyio.run(limits, scope, receive, send)
    assert sent[0]["status"] == 408
    assert len(sent) == 2
