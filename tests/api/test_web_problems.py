"""Errors that reveal nothing."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.api.log import JsonLines
from acir.api.pool import FullError
from acir.api.security import HEADERS
from acir.api.words import Catalogues
from acir.errors import (
    AcirError,
    BusyError,
    GuardError,
    LockedError,
    ServerError,
    StorageError,
    StoreError,
    UsageError,
)
from acir.workflows.serving.settings import LimitsTable, ServeSettings
from made_web import HOST, Token, sign_in

Program = Callable[[str], TestClient]
PLACE = "/srv/secret/index"


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (UsageError("say it otherwise"), 422, "say it otherwise"),
        (StoreError(f"the index at {PLACE} is damaged"), 500, ""),
        (StorageError(f"cannot write {PLACE}"), 503, ""),
        (ServerError(f"the server at {PLACE} does not answer"), 503, ""),
        (GuardError("no process can be started"), 503, ""),
        (FullError("too many"), 429, "too many"),
        (LockedError(7.2), 429, "there were too many tries to log in; wait 8 s"),
        (AcirError(f"{PLACE} failed"), 500, ""),
        (RuntimeError(f"PATRICIA at {PLACE}"), 500, ""),
    ],
)
def test_an_error_tells_what_the_caller_can_mend(
    program: Program,
    running: FastAPI,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    told: str,
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("acir.workflows.serving.served.Served.described", fails)
    answer = program("viewer").get("/api/v1/index")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"] == told
    assert PLACE not in answer.text
    assert ("Retry-After" in answer.headers) == (status == 429)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(("most", "said"), [(1, "1 picture"), (2, "2 pictures")])
def test_too_many_pictures_are_told_how_many_there_may_be(
    web_index: Path, tokens: dict[str, Token], most: int, said: str
) -> None:
    app = create_app(ServeSettings(index=str(web_index), limits=LimitsTable(views=most)))
    with TestClient(app, HOST, headers=tokens["viewer"].headers) as alone:
        answer = alone.post("/api/v1/check", files=[("image", b"x")] * (most + 1))
    assert answer.json()["detail"] == f"at most {said} may be given at once; give fewer"


def test_the_log_has_the_place_of_an_error_and_no_value(
    program: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("PATRICIA")

    monkeypatch.setattr("acir.workflows.serving.served.Served.described", fails)
    logger = logging.getLogger("acir.api")
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level("INFO", "acir.api"):
        program("viewer").get("/api/v1/index?where=PATRICIA")
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    failed = next(line for line in lines if line["event"] == "failed")
    assert failed["error"] == "RuntimeError"
    assert any("fails" in place for place in failed["trace"])
    request = next(line for line in lines if line["event"] == "request")
    assert (request["route"], request["status"]) == ("/api/v1/index", 500)
    assert "PATRICIA" not in json.dumps(lines)


def test_people_who_cannot_be_looked_up_are_told_to_come_again(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise BusyError(f"another process writes to {PLACE}")

    monkeypatch.setattr("acir.governance.sessions.Sessions.recognise_token", busy)
    answer = program("viewer").get("/api/v1/index")
    assert (answer.status_code, answer.json()["detail"]) == (503, "")
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_an_address_that_leads_nowhere_says_what_to_do(client: TestClient) -> None:
    sign_in(client, "viewer")
    nowhere = (
        "this address leads nowhere; check how it is written, or begin again at the first page"
    )
    not_so = "this address cannot be called in this way; begin again at the first page"
    for path, status, said in (("/nothing", 404, nowhere), ("/admin/people/add", 405, not_so)):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["detail"]) == (status, said)
        for language, sentence in (("en", said), ("de", Catalogues().of("de").said(said))):
            page = client.get(f"{path}?lang={language}", headers={"Accept": "text/html"})
            assert f"<p>{str(sentence)[0].upper()}{str(sentence)[1:]}.</p>" in page.text
    told = client.get("/query/heat?q=nothing").json()["detail"]
    assert told == "these pictures are no longer kept; give them again"  # ours stays


@pytest.mark.parametrize(
    ("referer", "leads_back"),
    [
        (f"{HOST}/search?id=a&amp;k=3", True),
        ("http://127.0.0.1.evil.example/", False),
        ("https://evil.example/", False),
    ],
)
def test_a_form_that_failed_leads_back_to_its_page_and_to_no_other_server(
    client: TestClient, referer: str, leads_back: bool
) -> None:
    sign_in(client, "viewer")
    headers = {"Accept": "text/html", "Referer": referer.replace("&amp;", "&")}
    answer = client.post("/logout", data={"csrf": "x"}, headers=headers)
    assert answer.status_code == 403
    assert (f'href="{referer}"' in answer.text) is leads_back
    assert ("evil" in answer.text) is False
    assert "Back to the page before" not in client.get("/nothing", headers=headers).text
