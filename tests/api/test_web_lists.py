"""Lists and notes on the page: one's own, of what one may see now, and in no other place."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.governance.audit import AuditLog
from acir.governance.lists import LONGEST_NOTE
from acir.governance.people import People
from acir.governance.vault import Vault
from acir.index.store import Store
from acir.workflows.serving.settings import ServeSettings
from made_web import BY, HOST, people, sign_in

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def chest(own_index: Path) -> list[str]:
    """Return the ids of three pictures in the collection `chest`; the others are in `default`."""
    with Store.open(own_index) as store:
        with store.view() as view:
            entries = view.entries(np.arange(3))
        store.add(replace(one, metadata={"collection": "chest", "site": "=1"}) for one in entries)
    return [entry.id for entry in entries]


@pytest.fixture
def office(own_index: Path, chest: list[str]) -> Iterator[TestClient]:
    """Return a browser before a server of its own; `nobody` is a researcher of `chest`."""
    people(own_index)
    role(own_index, "researcher")
    with TestClient(create_app(ServeSettings(index=str(own_index))), HOST) as client:
        yield client


def role(folder: Path, name: str | None) -> None:
    """Give `nobody` a role in `chest`, or take it."""
    with AuditLog.open(folder) as log, Vault(folder, log) as vault:
        if name is None:
            People(vault).revoke("nobody", "chest", BY)
        else:
            People(vault).grant("nobody", name, "chest", BY)  # type: ignore[arg-type]


def test_keeping_no_picture_says_what_to_do(office: TestClient) -> None:
    sign_in(office, "researcher")
    said = {
        "en": "There is no picture to keep; search first, then choose Keep below a similar "
        "picture.",
        "de": "Es gibt kein Bild zu merken; suchen Sie zuerst, und wählen Sie dann Merken unter "
        "einem ähnlichen Bild.",
    }
    for language, sentence in said.items():
        office.cookies.set("acir_lang", language)
        answer = office.get("/keep", headers={"Accept": "text/html"})
        assert answer.status_code == 422
        assert sentence in answer.text


def begin(
    client: TestClient, picture: str, note: str = "", name: str = "nobody"
) -> tuple[str, str]:
    """Put a picture on a new list; return the token of forms and the address of the list."""
    csrf = sign_in(client, name)
    fields = {"csrf": csrf, "id": picture, "title": "Odd ones", "note": note}
    answer = client.post("/keep", data=fields, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return csrf, answer.headers["location"].partition("?")[0]


def test_a_hit_is_put_on_a_list_with_a_note_and_one_goes_back(
    office: TestClient, chest: list[str]
) -> None:
    csrf = sign_in(office, "nobody")
    answer = office.get("/search", params={"id": chest[0]}).text
    link = answer.partition('data-act="keep" href="')[2].partition('"')[0].replace("&amp;", "&")
    form = office.get(link).text
    state = form.partition('name="state" value="')[2].partition('"')[0].replace("&amp;", "&")
    fields = {"csrf": csrf, "id": chest[1], "title": "Odd ones", "note": "look", "state": state}
    back = office.post("/keep", data=fields, follow_redirects=False)
    before, kept = back.headers["location"].split("&kept=")
    assert before == f"/search?{urlencode({'id': chest[0]})}"
    lists = office.get("/lists").text
    assert ">Odd ones</a>" in lists
    place = lists.partition('href="/lists/')[2].partition('"')[0]
    assert kept == place
    shown = office.get(f"/lists/{place}").text
    assert ">look</textarea>" in shown
    assert f'<p class="id">{chest[1]}</p>' in shown


def test_what_was_kept_or_noted_is_said_once_and_to_its_owner(
    office: TestClient, chest: list[str]
) -> None:
    csrf, place = begin(office, chest[1])
    fields = {"csrf": csrf, "id": chest[1], "key": place.rpartition("/")[2]}
    state = urlencode({"id": chest[0]})
    for language, kept, saved in (
        ("en", "The picture was put on the list Odd ones.", "The note is saved."),
        ("de", "Das Bild wurde auf die Liste Odd ones gesetzt.", "Die Notiz ist gespeichert."),
    ):
        office.cookies.set("acir_lang", language)
        answer = office.post("/keep", data=fields | {"state": state})
        assert kept in answer.text
        assert not re.search(r'href="[^"]*[?;]kept=', answer.text)
        assert kept not in office.get(f"/search?{state}&kept=another").text
        for noting in (
            office.post(f"{place}/note", data=fields | {"note": "look"}),
            office.post("/keep", data=fields),  # from no answer, so that one goes to the list
        ):
            assert noting.text.count(saved) == 1
        assert saved not in office.get(place).text
    again = office.post("/keep", data=fields | {"state": f"{state}&kept=another"})
    assert again.url.query.count(b"kept=") == 1
    csrf = sign_in(office, "admin")
    assert kept not in office.get(str(answer.url)).text


def test_a_list_is_renamed_changed_saved_and_deleted(office: TestClient, chest: list[str]) -> None:
    csrf, place = begin(office, chest[0], "=HYPERLINK(1)")
    assert office.post(f"{place}/rename", data={"csrf": csrf, "title": "Better"}).status_code == 200
    assert "<h1>Better</h1>" in office.get(place).text
    saved = office.get(f"{place}/export")
    assert saved.headers["content-disposition"] == 'attachment; filename="list.csv"'
    header, row = csv.reader(saved.text.splitlines())
    assert header == ["id", "label", "note", "collection", "site"]
    assert [row[0], row[2], row[3], row[4]] == [chest[0], "'=HYPERLINK(1)", "chest", "'=1"]
    office.post(f"{place}/note", data={"csrf": csrf, "id": chest[0], "note": "new"})
    assert ">new</textarea>" in office.get(place).text
    office.post(f"{place}/take", data={"csrf": csrf, "id": chest[0]})
    assert "There is nothing on this list" in office.get(place).text
    assert office.post(f"{place}/delete", data={"csrf": csrf}).status_code == 200
    assert office.get(place).status_code == 422


def test_notes_and_titles_are_text(office: TestClient, chest: list[str]) -> None:
    csrf, place = begin(office, chest[0], f"</textarea>{SCRIPT}")
    office.post(f"{place}/rename", data={"csrf": csrf, "title": SCRIPT})
    for path in (place, "/lists", f"/keep?id={chest[0]}"):
        page = office.get(path).text
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


def test_what_one_may_not_see_any_more_is_not_shown(
    own_index: Path, office: TestClient, chest: list[str]
) -> None:
    csrf, place = begin(office, chest[0], "CANARY")
    role(own_index, None)
    for path in (place, "/lists", f"{place}/export", f"/keep?id={chest[0]}"):
        assert office.get(path).status_code == 403
    with AuditLog.open(own_index) as log, Vault(own_index, log) as vault:
        People(vault).grant("nobody", "researcher", "elsewhere", BY)
    for path in (place, f"{place}/export"):
        page = office.get(path)
        assert page.status_code == 200
        assert chest[0] not in page.text
        assert "CANARY" not in page.text
    changed = office.post(f"{place}/note", data={"csrf": csrf, "id": chest[0], "note": "x"})
    assert changed.status_code == 404
    role(own_index, "viewer")
    assert "CANARY" in office.get(place).text
    assert "CANARY" not in office.get(f"{place}/export").text  # which a viewer may not save


def test_a_picture_of_another_collection_cannot_be_put_on_a_list(
    own_index: Path, office: TestClient, chest: list[str]
) -> None:
    csrf = sign_in(office, "nobody")
    with Store.open(own_index) as store, store.view() as view:
        others = [entry.id for entry in view.entries(np.arange(9)) if entry.id not in chest]
    for name in (others[0], "nothing"):
        answer = office.post("/keep", data={"csrf": csrf, "id": name, "title": "Odd"})
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such picture")
        assert office.get(f"/keep?id={name}").status_code == 404
    assert "Odd" not in office.get("/lists").text


def test_a_note_that_is_too_long_begins_no_list(office: TestClient, chest: list[str]) -> None:
    csrf = sign_in(office, "nobody")
    fields = {"csrf": csrf, "id": chest[0], "title": "Odd ones", "note": "x" * (LONGEST_NOTE + 1)}
    answer = office.post("/keep", data=fields)
    assert (answer.status_code, "a note has at most" in answer.text) == (422, True)
    assert "Odd ones" not in office.get("/lists").text


def test_a_list_is_its_owners_alone(office: TestClient, chest: list[str]) -> None:
    _, place = begin(office, chest[0], "CANARY")
    office.cookies.clear()
    csrf = sign_in(office, "admin")
    assert "Odd ones" not in office.get("/lists").text
    for path in (place, f"{place}/export"):
        answer = office.get(path)
        assert (answer.status_code, "CANARY" in answer.text) == (422, False)
    for what in ("rename", "delete", "note", "take"):
        fields = {"csrf": csrf, "title": "x", "id": chest[0]}
        assert office.post(f"{place}/{what}", data=fields).status_code == 422


def test_a_viewer_has_no_lists(office: TestClient, chest: list[str]) -> None:
    csrf = sign_in(office, "viewer")
    assert "/lists" not in office.get("/").text
    assert 'data-act="keep"' not in office.get("/search", params={"id": chest[0]}).text
    assert office.get("/lists").status_code == 403
    fields = {"csrf": csrf, "id": chest[0], "title": "x"}
    assert office.post("/keep", data=fields).status_code == 403


def test_a_form_from_elsewhere_changes_no_list(office: TestClient, chest: list[str]) -> None:
    _, place = begin(office, chest[0])
    for what in ("rename", "delete", "note", "take"):
        fields = {"csrf": "wrong", "title": "x", "id": chest[0]}
        assert office.post(f"{place}/{what}", data=fields).status_code == 403
    for path in ("/keep", "/lists/make"):
        assert office.post(path, data={"id": chest[0], "title": "x"}).status_code == 403
    assert "<h1>Odd ones</h1>" in office.get(place).text


def test_one_cannot_be_sent_to_another_site(office: TestClient, chest: list[str]) -> None:
    csrf = sign_in(office, "nobody")
    for state in ("//evil.example", "https://evil.example/?a=b", "a=b&x=//evil"):
        fields = {"csrf": csrf, "id": chest[0], "title": "x", "state": state}
        answer = office.post("/keep", data=fields, follow_redirects=False)
        assert answer.headers["location"].startswith("/search")


def test_who_looks_at_a_list_is_recorded_without_its_words(
    own_index: Path, office: TestClient, chest: list[str]
) -> None:
    _, place = begin(office, chest[0], "CANARY")
    office.get(place)
    office.get(f"{place}/export")
    with AuditLog.open(own_index) as log:
        records = list(log.records())
    assert [record.event.action for record in records[-2:]] == ["view", "export"]
    assert [record.event.count for record in records[-2:]] == [1, 1]
    assert {record.event.collection for record in records[-2:]} == {"chest"}
    assert "CANARY" not in repr(records)
    assert "Odd ones" not in repr(records)


def test_what_is_known_of_a_picture_stands_with_its_name(
    office: TestClient, chest: list[str]
) -> None:
    _, address = begin(office, chest[0])
    for path in (
        address,
        f"/search?id={chest[0]}&duplicates=true",
        f"/compare?id={chest[0]}&show={chest[1]}",
    ):
        assert "Site: =1" in office.get(path).text, path
        german = office.get(path, headers={"Accept-Language": "de"}).text
        assert "Standort: =1" in german, path
