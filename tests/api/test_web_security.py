"""What must never happen: other collections, other files, names that leak, guessed passwords."""

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from random import Random
from urllib.parse import quote

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Mount

from acir.api.app import create_app
from acir.api.log import write_to
from acir.errors import AuditError
from acir.governance.audit import AuditLog
from acir.governance.people import People
from acir.governance.sessions import Sessions
from acir.governance.vault import Vault
from acir.index.store import Store
from acir.workflows.serving.settings import ServeSettings
from made_model import CLASSES, draw
from made_web import BY, HOST, PASSWORD, people, png, routes

PLACES = ("north", "south", "east")


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory, index: Path) -> Path:
    """Return an index whose pictures belong to three collections, one after another."""
    folder = Path(shutil.copytree(index, tmp_path_factory.mktemp("divided") / "cells"))
    with Store.open(folder) as store:
        with store.view() as view:
            entries = view.entries(np.arange(len(view.gallery.keys)))
        store.add(
            replace(entry, metadata={"collection": PLACES[n % 3], "site": f"{PLACES[n % 3]} wing"})
            for n, entry in enumerate(entries)
        )
    return folder


@pytest.fixture(scope="module")
def secrets(divided: Path) -> dict[str, str]:
    """Return the token of a viewer for each collection, and of one of the first two."""
    people(divided)
    found = {}
    with AuditLog.create(divided) as log, Vault(divided, log) as vault:
        sessions, persons = Sessions(vault), People(vault)
        for name in (*PLACES, "both"):
            persons.add(name, None, BY)
            for place in PLACES[:2] if name == "both" else (name,):
                persons.grant(name, "curator", place, BY)
            verbs = ("view", "search", "check", "export", "add", "delete", "review")
            found[name] = sessions.make_token(name, "test", BY, verbs=verbs)[1]
    return found


@pytest.fixture(scope="module")
def apart(divided: Path, secrets: dict[str, str]) -> Iterator[FastAPI]:
    app = create_app(ServeSettings(index=str(divided)))
    with TestClient(app, HOST):
        yield app


def of(app: FastAPI, secret: str) -> TestClient:
    return TestClient(app, HOST, headers={"Authorization": f"Bearer {secret}"})


def belongings(folder: Path) -> dict[str, str]:
    with Store.open(folder) as store, store.view() as view:
        entries = view.entries(np.arange(len(view.gallery.keys)))
    return {entry.id: entry.metadata["collection"] for entry in entries}


def ask_at_random(
    app: FastAPI, secrets: dict[str, str], folder: Path, count: int
) -> tuple[int, int]:
    """Ask in every way as every person; return how many rows were seen, and how many wrongly."""
    random, homes = Random(7), belongings(folder)
    wish: dict[str, str | int | bool]
    ids = sorted(homes)
    seen = wrong = 0
    for number in range(count):
        name = random.choice(sorted(secrets))
        may = set(PLACES[:2]) if name == "both" else {name}
        client, stored = of(app, secrets[name]), random.choice(ids)
        wish = {
            "k": random.choice([1, 10, 200]),
            "duplicates": random.choice([True, False]),
            "where": random.choice(["", "label=disc", f"collection={random.choice(PLACES)}"]),
            "like": random.choice(["", random.choice(ids)]),
            "per": random.choice(["", "label", "collection"]),
            "force": True,
        }
        wish = {key: value for key, value in wish.items() if value != ""}
        if number % 2:
            answer = client.get("/api/v1/similar", params=wish | {"id": stored})
        else:
            picture = png(draw(random.choice(CLASSES), 800 + number % 50))
            answer = client.post("/api/v1/search", files={"image": picture}, params=wish)
        assert answer.status_code in {200, 422}, answer.text
        rows = [hit["id"] for hit in answer.json().get("hits", [])]
        seen += len(rows)
        wrong += sum(homes[row] not in may for row in rows)
        record = client.get("/api/v1/record", params={"id": stored}).status_code
        small = client.get("/thumbnail", params={"id": stored}).status_code
        assert (record == 200, small == 200) == ((homes[stored] in may),) * 2
    return seen, wrong


def test_no_row_of_another_collection_is_seen(
    apart: FastAPI, secrets: dict[str, str], divided: Path
) -> None:
    seen, wrong = ask_at_random(apart, secrets, divided, 60)
    assert seen > 150
    assert wrong == 0


@pytest.mark.soak
def test_no_row_of_another_collection_is_seen_in_ten_thousand_queries(
    apart: FastAPI, secrets: dict[str, str], divided: Path
) -> None:
    seen, wrong = ask_at_random(apart, secrets, divided, 10_000)
    assert seen > 25_000
    assert wrong == 0


def test_not_even_the_filters_tell_of_another_collection(
    apart: FastAPI, secrets: dict[str, str], divided: Path
) -> None:
    found = of(apart, secrets["north"]).get("/api/v1/index").json()
    assert list(found["collections"]) == ["north"]
    assert list(found["filters"]["site"]) == ["north wing"]
    assert sum(found["filters"]["label"].values()) == found["pictures"]
    page = of(apart, secrets["north"]).get("/").text
    shown = {home for name, home in belongings(divided).items() if quote(name, safe="") in page}
    assert shown == {"north"}


def test_nobody_changes_another_collection(
    apart: FastAPI, secrets: dict[str, str], divided: Path
) -> None:
    client = of(apart, secrets["north"])
    foreign = next(name for name, home in belongings(divided).items() if home == "south")
    assert client.delete("/api/v1/pictures", params={"id": foreign}).status_code == 404
    answer = client.post(
        "/api/v1/pictures", files={"image": png(draw("disc", 1))}, params={"collection": "south"}
    )
    assert answer.status_code == 403
    assert answer.json()["detail"] == "you may not add to this collection"


def traversals(target: Path) -> list[str]:
    """Return two hundred spellings of the way to a file that nobody may read."""
    plain = [
        *(f"{'../' * n}{target.name}" for n in range(1, 9)),
        *(f"{'../' * n}etc/passwd" for n in range(1, 9)),
        *(f"{'..%2f' * n}etc/passwd" for n in range(1, 9)),
        str(target),
        f"file://{target}",
        f"....//....//{target.name}",
        f"..\\..\\{target.name}",
        f"{target.name}\0.png",
        "/etc/passwd\0",
        "/proc/self/environ",
        "access.sqlite",
        "index.sqlite",
        "secret.key",
        "bundle/bundle.json",
        "../secret.key",
        "static/../../secret.key",
        "htmx.min.js/../../app.py",
    ]
    spelt = [*plain, *map(quote, plain), *(quote(quote(one)) for one in plain)]
    spelt += [one.replace(".", "%2e") for one in plain] + [one.replace("/", "%5c") for one in plain]
    return list(dict.fromkeys(spelt))[:200]


def test_no_spelling_of_a_path_leads_out(
    apart: FastAPI, secrets: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "CANARYFILE"
    target.write_text("CANARYFILE content", encoding="utf-8")
    client = of(apart, secrets["both"])
    payloads = traversals(target)
    payloads += [f"{payload}?" for payload in payloads][: 200 - len(payloads)]
    assert len(payloads) == 200
    places = ("/static/{}", "/api/v1/record?id={}", "/thumbnail?id={}", "/search?id={}",
              "/compare?show={}", "/api/v1/jobs/{}", "/{}")  # fmt: skip
    for number, payload in enumerate(payloads):
        for place in (places[0], places[1 + number % 6]):
            raw = payload.replace("\0", "%00").replace("\\", "%5c")
            answer = client.get(place.format(raw))
            assert answer.status_code in {400, 401, 404, 405, 422}, (place, payload)
            assert not any(
                word in answer.text for word in ("root:", "CANARYFILE content", "SQLite")
            )


def test_a_link_in_the_folder_of_the_page_is_not_followed(
    running: FastAPI, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").write_text("shown")
    (tmp_path / "link").symlink_to(__file__)
    (mount,) = (route for route in routes(running) if isinstance(route, Mount))
    monkeypatch.setattr(mount.app, "all_directories", [tmp_path])
    assert client.get("/static/plain").text == "shown"
    assert {client.get(path).status_code for path in ("/static/link", "/static/")} == {404}


def test_no_name_of_a_patient_is_seen_anywhere(
    own_index: Path, make_dicom: Callable[..., bytes], identity: tuple[str, ...], tmp_path: Path
) -> None:
    tokens = people(own_index)
    name, other, number, *_ = identity
    named = (f"{name} {number}.dcm", make_dicom(draw("disc", 122)))
    app = create_app(ServeSettings(index=str(own_index)))
    logged, said = StringIO(), list[str]()
    loggers = [logging.getLogger(name) for name in ("acir.api", "uvicorn.error")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    write_to(logged)
    try:
        with TestClient(app, HOST, raise_server_exceptions=False) as client:
            client.headers.update(tokens["admin"].headers)
            for path in ("search", "check", "pictures"):
                answer = client.post(f"/api/v1/{path}", files={"image": named})
                assert answer.status_code < 300
                said.append(answer.text)
            key = client.post("/api/v1/search", files={"image": named}).json()["key"]
            for path in (f"/search?q={key}", f"/export?q={key}", "/metrics", "/openapi.json", "/"):
                said.append(client.get(path).text)
            for word in identity:  # as a careless caller may put it into an address
                for route in routes(app):
                    answer = client.get(route.path, params={"id": word, "where": word, "q": word})
                    said.append(str(answer.headers))
            client.post("/login", data={"name": name, "password": other})
    finally:
        for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
    kept = [path.read_bytes() for path in own_index.rglob("*") if path.is_file()]
    for word in identity:
        assert word not in logged.getvalue()
        assert not any(word in text for text in said), word
        assert not any(word.encode() in content for content in kept), word
    assert '"event": "request"' in logged.getvalue()


def test_after_some_wrong_passwords_one_has_to_wait(own_index: Path) -> None:
    people(own_index)
    app = create_app(ServeSettings(index=str(own_index)))
    with TestClient(app, HOST) as client:
        answers = [
            client.post("/login", data={"name": "viewer", "password": f"wrong {n}"})
            for n in range(10)
        ]
        right = client.post("/login", data={"name": "viewer", "password": PASSWORD})
        other = client.post(
            "/login", data={"name": "admin", "password": PASSWORD}, follow_redirects=False
        )
    statuses = [answer.status_code for answer in answers]
    assert statuses[0] == 403
    assert 429 in statuses
    assert right.status_code == 429
    assert int(right.headers["Retry-After"]) >= 1
    assert "Too many tries" in right.text
    assert other.status_code == 303


def test_where_nothing_can_be_recorded_nothing_is_answered(
    apart: FastAPI, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise AuditError("the disk is full")

    headers = {"Authorization": f"Bearer {secrets['both']}"}
    client = TestClient(apart, HOST, headers=headers, raise_server_exceptions=False)
    picture = {"image": png(draw("disc", 1))}
    found = client.post("/api/v1/search", files=picture).json()
    key, first = found["key"], quote(found["hits"][0]["id"], safe="")
    monkeypatch.setattr("acir.governance.audit.AuditLog.append", fails)
    for method, path in (
        ("POST", "/api/v1/search"),
        ("POST", "/api/v1/check"),
        ("POST", "/api/v1/pictures"),
        ("GET", f"/search?q={key}"),
        ("GET", f"/export?q={key}"),
        ("GET", f"/api/v1/similar?id={first}"),
    ):
        posted = {"files": picture, "params": {"collection": "north"}} if method == "POST" else {}
        answer = client.request(method, path, **posted)  # type: ignore[arg-type]
        assert answer.status_code == 503, path
        assert "hits" not in answer.text
        assert "disk" not in answer.text
