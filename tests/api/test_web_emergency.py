"""Emergency access through the server: who may take it, what it opens, and how it ends."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from acir.governance.audit import AuditEvent, AuditLog
from acir.governance.people import People
from acir.governance.sessions import Sessions
from acir.governance.vault import Vault
from made_web import BY, PASSWORD, sign_in

REASON = "stroke in room 4"


@pytest.fixture(scope="module")
def permitted(web_index: Path) -> str:
    """Name one who has no role and may take emergency access."""
    with AuditLog.create(web_index) as log, Vault(web_index, log) as vault:
        People(vault).add("quick", PASSWORD, BY)
        People(vault).permit_emergency("quick", True, BY)
    return "quick"


@pytest.fixture
def hasty(client: TestClient, permitted: str) -> str:
    """Sign in as one who is permitted it; return the token of forms."""
    return sign_in(client, permitted)


def last(folder: Path, *actions: str) -> AuditEvent:
    """Return the newest event, of some actions where any are named."""
    with AuditLog.open(folder) as log:
        found = (record.event for record in log.records(newest_first=True))
        return next(event for event in found if not actions or event.action in actions)


def asks(client: TestClient, token: str, picture: bytes) -> int:
    return client.post("/ask", data={"csrf": token}, files={"image": picture}).status_code


def test_it_is_taken_with_a_reason_opens_the_search_and_is_ended(
    client: TestClient, hasty: str, web_index: Path, known: bytes
) -> None:
    assert asks(client, hasty, known) == 403
    assert 'href="/emergency"' in client.get("/").text
    assert 'name="reason"' in client.get("/emergency").text
    taken = client.post("/emergency", data={"csrf": hasty, "reason": REASON})
    assert taken.status_code == 200
    assert f"Emergency access, because: {REASON}." in taken.text
    assert 'href="/emergency"' not in taken.text
    event = last(web_index, "emergency")
    assert (event.actor.user, event.outcome) == ("quick", "success")
    assert event.detail.endswith(f": {REASON}")
    assert asks(client, hasty, known) == 200
    assert (last(web_index).actor.role, last(web_index).actor.purpose) == ("emergency", "ETREAT")
    ended = client.post("/emergency/end", data={"csrf": hasty})
    assert "Emergency access, because" not in ended.text
    assert last(web_index, "emergency", "emergency-end").action == "emergency-end"
    assert asks(client, hasty, known) == 403


def test_a_reason_that_says_nothing_is_refused_in_a_sentence(
    client: TestClient, hasty: str, known: bytes
) -> None:
    answer = client.post("/emergency", data={"csrf": hasty, "reason": "why not"})
    assert answer.status_code == 422
    assert "needs a reason of at least 10 characters" in answer.text
    assert asks(client, hasty, known) == 403


def test_who_is_not_permitted_it_sees_no_page_and_a_try_is_recorded(
    client: TestClient, web_index: Path
) -> None:
    token = sign_in(client, "viewer")
    assert "/emergency" not in client.get("/").text
    refused = client.get("/emergency")
    assert (refused.status_code, refused.json()["detail"]) == (403, "you may not do this")
    assert client.post("/emergency", data={"csrf": token, "reason": REASON}).status_code == 403
    event = last(web_index)
    assert (event.action, event.actor.user, event.outcome) == ("emergency", "viewer", "denied")


def test_a_form_of_another_site_takes_nothing(client: TestClient, hasty: str, known: bytes) -> None:
    assert client.post("/emergency", data={"csrf": "x", "reason": REASON}).status_code == 403
    assert asks(client, hasty, known) == 403


@pytest.mark.usefixtures("hasty")
def test_a_token_takes_none(client: TestClient, web_index: Path) -> None:
    with AuditLog.create(web_index) as log, Vault(web_index, log) as vault:
        _, secret = Sessions(vault).make_token("quick", "test", BY, verbs=("search",))
        client.cookies.clear()
        headers = {"Authorization": f"Bearer {secret}", "Accept": "text/html"}
        answer = client.post("/emergency", data={"reason": REASON}, headers=headers)
        assert answer.status_code == 403
        assert "sign in with a browser" in re.sub(r"\s+", " ", answer.text)
        assert not People(vault).principal("quick").emergency
