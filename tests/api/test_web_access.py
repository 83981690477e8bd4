"""Every route is refused to whom nobody knows, and to whom it does not say that they may."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Mount

from acir.api.app import create_app
from acir.api.security import Guarded
from acir.governance.audit import Actor, AuditEvent, AuditLog
from acir.governance.people import People
from acir.governance.sessions import Sessions
from acir.governance.vault import Vault
from acir.index.store import Store
from acir.workflows.serving.settings import ServeSettings
from made_web import BY, HOST, PASSWORD, ROLES, Token, people, png, routes, sign_in

OPEN = {"/healthz", "/login", "/static"}


def calls(app: FastAPI) -> list[tuple[str, str]]:
    return [
        (method, route.path)
        for route in routes(app)
        for method in sorted(getattr(route, "methods", None) or {"GET"})
    ]


def test_every_route_but_three_is_refused_without_credentials(
    running: FastAPI, client: TestClient
) -> None:
    asked = [(method, path) for method, path in calls(running) if path not in OPEN]
    assert len(asked) >= 20
    for method, path in asked:
        for accept in ("text/html", "application/json"):
            answer = client.request(method, path, headers={"Accept": accept})
            assert answer.status_code == 401, (method, path)


def test_every_route_says_who_may_call_it(running: FastAPI) -> None:
    for route in routes(running):
        if isinstance(route, Mount):
            assert route.path in OPEN
        else:
            assert isinstance(route, Guarded), route.path
            assert route.says_who, route.path


def test_a_path_that_does_not_exist_looks_like_any_other(client: TestClient) -> None:
    assert client.get("/api/v1/nothing").status_code == 401
    assert client.get("/loginx").status_code == 401
    # Spelt so, as a client would else leave it out itself; it is no file of the page.
    assert client.get("/static/%2e%2e/openapi.json").status_code == 404


@pytest.mark.parametrize("secret", ["", "acir_wrong", "acir_" + "x" * 5000, "\u00e4"])
def test_a_wrong_token_is_no_token(client: TestClient, secret: str) -> None:
    headers = {b"Authorization": f"Bearer {secret}".encode()}
    answer = client.get("/api/v1/index", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["detail"] == (
        "the server does not know who calls; send an API token that it has made and that still "
        "holds, as the header Authorization: Bearer acir_..."
    )


def test_a_route_that_says_nothing_is_refused_to_everybody(
    running: FastAPI, client: TestClient, tokens: dict[str, Token]
) -> None:
    router = APIRouter(route_class=Guarded)

    @router.get("/forgotten")
    async def forgotten() -> str:
        return "secret"

    before = list(running.router.routes)
    running.include_router(router)
    try:
        answer = client.get("/forgotten", headers=tokens["admin"].headers)
    finally:
        running.router.routes[:] = before
    assert answer.status_code == 403
    assert "secret" not in answer.text


def test_one_without_a_role_may_do_nothing(
    program: Callable[[str], TestClient], known: bytes
) -> None:
    client = program("nobody")
    assert client.get("/api/v1/index").status_code == 403
    assert client.post("/api/v1/search", files={"image": known}).status_code == 403
    assert client.get("/thumbnail", params={"id": "x"}).status_code == 403
    assert client.get("/metrics").status_code == 403


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_what_it_is_for_and_no_more(
    program: Callable[[str], TestClient], known: bytes, role: str
) -> None:
    client = program(role)
    found = client.post("/api/v1/search", files={"image": known})
    assert found.status_code == 200, found.text
    exported = client.get("/api/v1/export", params={"key": found.json()["key"]})
    assert exported.status_code == (403 if role == "viewer" else 200)
    counted = client.get("/metrics")
    assert counted.status_code == (200 if role in {"curator", "admin"} else 403)


def test_a_refusal_is_in_the_audit_log(
    client: TestClient, tokens: dict[str, Token], web_index: Path, known: bytes
) -> None:
    files, headers = {"image": known}, tokens["nobody"].headers
    assert client.post("/api/v1/pictures", files=files, headers=headers).status_code == 403
    with AuditLog.open(web_index) as log:
        event = next(log.records(newest_first=True)).event
    assert (event.action, event.outcome, event.actor.user) == ("add", "denied", "nobody")
    assert event.detail == "add was refused"


def last(folder: Path) -> AuditEvent:
    with AuditLog.open(folder) as log:
        return next(log.records(newest_first=True)).event


def test_what_a_role_in_one_collection_does_not_suffice_for_is_recorded(
    client: TestClient, web_index: Path, known: bytes
) -> None:
    with AuditLog.create(web_index) as log, Vault(web_index, log) as vault:
        People(vault).add("parted", None, BY)
        People(vault).grant("parted", "curator", "north", BY)
        _, secret = Sessions(vault).make_token("parted", "test", BY, verbs=("add", "review"))
    client.headers["Authorization"] = f"Bearer {secret}"
    files, where = {"image": known}, {"collection": "south"}
    assert client.post("/api/v1/pictures", files=files, params=where).status_code == 403
    event = last(web_index)
    assert (event.outcome, event.detail) == ("denied", "add was refused")
    for page in ("index", "collections", "quarantine"):
        assert client.get(f"/admin/{page}").status_code == 403
        event = last(web_index)
        assert (event.actor.user, event.outcome) == ("parted", "denied")
        assert event.detail == "review was refused"


def test_the_log_tells_who_searched_in_an_emergency(
    client: TestClient, web_index: Path, known: bytes
) -> None:
    with AuditLog.create(web_index) as log, Vault(web_index, log) as vault:
        People(vault).add("hasty", PASSWORD, BY)
        People(vault).permit_emergency("hasty", True, BY)
        Sessions(vault).take_emergency(Actor("hasty"), "a stroke in the night")
    token = sign_in(client, "hasty")
    answer = client.post("/ask", data={"csrf": token}, files={"image": known})
    assert answer.status_code == 200
    event = last(web_index)
    assert event.action == "search"
    assert (event.actor.role, event.actor.purpose) == ("emergency", "ETREAT")


def test_a_heat_map_is_recorded_though_nobody_has_searched(
    client: TestClient, web_index: Path, known: bytes
) -> None:
    token = sign_in(client, "viewer")
    address = client.post(
        "/ask", data={"csrf": token}, files={"image": known}, follow_redirects=False
    ).headers["location"]
    key = address.partition("q=")[2].partition("&")[0]
    assert client.get("/query/heat", params={"q": key}).status_code == 200
    event = last(web_index)
    assert (event.action, event.actor.user, event.detail) == ("view", "viewer", "heat map")
    assert event.query


def events(folder: Path, since: int) -> list[AuditEvent]:
    with AuditLog.open(folder) as log:
        return [record.event for record in log.records() if record.seq > since]


def seq(folder: Path) -> int:
    with AuditLog.open(folder) as log:
        return log.head().seq


def test_small_pictures_are_recorded_once_and_those_of_an_answer_with_it(
    own_index: Path,
) -> None:
    people(own_index)
    with Store.open(own_index) as store, store.view() as view:
        held = view.entries(np.arange(len(view.gallery.keys)))
    with Store.open(own_index) as store:
        store.add(replace(one, patient=f"{n:032x}") for n, one in enumerate(held))
    patients = {one.id: f"{n:032x}" for n, one in enumerate(held)}
    with TestClient(create_app(ServeSettings(index=str(own_index))), HOST) as client:
        before = seq(own_index)
        sign_in(client, "viewer")  # which looks at the start page
        client.get("/")
        (samples,) = (event for event in events(own_index, before) if event.action == "view")
        assert (samples.action, samples.actor.user, samples.count) == ("view", "viewer", 8)
        assert len(samples.patients) == 8
        other = next(one.id for one in held if patients[one.id] not in samples.patients)
        page = client.get("/search", params={"id": other})
        hit = page.text.partition('src="/thumbnail?id=')[2].partition('"')[0]
        before = seq(own_index)
        assert client.get(f"/thumbnail?id={hit}").status_code == 200
        assert events(own_index, before) == []  # the answer names its patient
        unseen = next(
            one.id
            for one in reversed(held)
            if quote(one.id, safe="") not in page.text
            and one.id not in page.text
            and patients[one.id] not in samples.patients
        )
        for _ in range(2):
            assert client.get("/thumbnail", params={"id": unseen}).status_code == 200
        (event,) = events(own_index, before)
        assert (event.action, event.patients, event.count) == ("view", (patients[unseen],), 1)
        assert client.get("/thumbnail", params={"id": "none such"}).status_code == 404


def test_a_program_is_recorded_with_the_small_picture_that_it_asks_for(own_index: Path) -> None:
    headers = people(own_index)["researcher"].headers
    with Store.open(own_index) as store, store.view() as view:
        (entry,) = view.entries(np.array([7]))
    with TestClient(create_app(ServeSettings(index=str(own_index))), HOST) as client:
        before = seq(own_index)
        for _ in range(2):
            asked = client.get("/api/v1/thumbnail", params={"id": entry.id}, headers=headers)
            assert asked.status_code == 200
        (event,) = events(own_index, before)
    assert (event.action, event.actor.user, event.count) == ("view", "researcher", 1)


def test_a_picture_is_shown_to_who_gave_it_alone(
    client: TestClient, tokens: dict[str, Token], known: bytes
) -> None:
    files = {"image": known}
    mine = client.post("/api/v1/search", files=files, headers=tokens["viewer"].headers).json()
    for path in ("/query/picture", "/query/heat", "/search"):
        address = f"{path}?q={mine['key']}"
        assert client.get(address, headers=tokens["viewer"].headers).status_code == 200
        assert client.get(address, headers=tokens["admin"].headers).status_code == 404


def test_a_session_ends_with_signing_out(client: TestClient) -> None:
    token = sign_in(client, "viewer")
    assert client.get("/").status_code == 200
    kept = dict(client.cookies)
    assert client.post("/logout", data={"csrf": token}).status_code == 200
    client.cookies.update(kept)  # what a thief may have copied
    assert client.get("/").status_code == 401


def test_a_check_is_what_a_search_says_first(
    program: Callable[[str], TestClient], known: bytes, strange: bytes
) -> None:
    client = program("viewer")
    for picture in (known, strange, b"no picture", png_of_one_value()):
        checked = client.post("/api/v1/check", files={"image": picture}).json()
        found = client.post("/api/v1/search", files={"image": picture}).json()
        assert [checked[0]["verdict"], checked[0]["p_value"]] == [
            found["verdict"],
            found["p_value"],
        ]


def png_of_one_value() -> bytes:
    return png(np.full((32, 32), 7, np.uint8))
