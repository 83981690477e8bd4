"""The pages of those who run an index: who may see them, and what their forms change."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.governance.audit import AuditLog
from acir.governance.people import People
from acir.governance.vault import Vault
from acir.index.store import Store
from acir.sources.dicom import TWICE
from acir.types import Skipped
from acir.workflows.serving.settings import ServeSettings
from made_web import BY, HOST, PASSWORD, people, sign_in

PAGES = {
    "/admin/index": {"curator", "admin"},
    "/admin/collections": {"curator", "admin"},
    "/admin/models": {"admin"},
    "/admin/people": {"admin"},
    "/admin/audit": {"admin"},
}


@pytest.fixture
def office(own_index: Path) -> Iterator[TestClient]:
    """Return a browser before a server of its own, which has people."""
    people(own_index)
    with TestClient(create_app(ServeSettings(index=str(own_index))), HOST) as client:
        yield client


@pytest.mark.parametrize("role", ["viewer", "researcher", "curator", "admin"])
def test_only_who_runs_the_index_sees_its_pages(client: TestClient, role: str) -> None:
    sign_in(client, role)
    home = client.get("/").text
    for path, allowed in PAGES.items():
        page = client.get(path)
        assert page.status_code == (200 if role in allowed else 403), path
    assert ("Administration" in home) == (role in PAGES["/admin/index"])


def test_the_health_of_the_index_is_shown_and_verified(client: TestClient) -> None:
    sign_in(client, "curator")
    page = client.get("/admin/index").text
    told = (  # other tests have asked this index too
        *("Too few queries yet to tell.", "No sign of drift.", "The queries have changed."),
        "The promise does not hold for these queries.",
    )
    assert any(words in page for words in told)
    assert "Every picture that was given could be taken." in page
    assert re.search(r"<dt>Size</dt><dd>\d{1,3}(\.\d+)? [kM]B</dd>", page)
    german = client.get("/admin/index", headers={"Accept-Language": "de"}).text
    assert re.search(r"<dt>Größe</dt><dd>\d{1,3}(,\d+)? [kM]B</dd>", german)
    assert "Everything is as it was written." in client.get("/admin/index?verify=true").text


def test_what_the_index_could_not_take_is_said_in_the_language_of_the_page(
    own_index: Path, office: TestClient
) -> None:
    with Store.open(own_index) as store:
        store.keep_dead_letters("x", [Skipped("DICOM file 1 of 2", TWICE)])
    sign_in(office, "curator")
    page = office.get("/admin/index?lang=de").text
    for said in ("DICOM-Datei 1 von 2", "Sie hat die Instanz-UID einer früheren Datei."):
        assert f">{said}<" in page


def test_a_role_in_one_collection_does_not_show_the_whole_index(
    own_index: Path, office: TestClient
) -> None:
    with AuditLog.open(own_index) as log, Vault(own_index, log) as vault:
        People(vault).grant("nobody", "curator", "chest", BY)
    sign_in(office, "nobody")
    answer = office.get("/admin/index")
    assert answer.status_code == 403
    assert "only with a role in all collections" in answer.text


def test_the_log_is_shown_and_verified_and_that_is_recorded(
    own_index: Path, office: TestClient
) -> None:
    sign_in(office, "admin")
    page = office.get("/admin/audit?verify=true").text
    assert "The chain holds" in page
    assert ">everywhere</td>" in page  # where roles were granted
    assert ">*</td>" not in page
    with AuditLog.open(own_index) as log:
        event = list(log.records())[-1].event
    assert (event.action, event.actor.user, event.detail) == (
        "audit", "admin", "verified on the page"
    )  # fmt: skip


def test_people_are_added_given_roles_and_removed(own_index: Path, office: TestClient) -> None:
    csrf = sign_in(office, "admin")

    def send(what: str, **fields: str) -> int:
        answer = office.post(f"/admin/people/{what}", data={"csrf": csrf} | fields)
        return answer.status_code

    def roles() -> dict[str, object]:
        with AuditLog.open(own_index) as log, Vault(own_index, log) as vault:
            return {one.name: dict(one.roles) for one in People(vault).list()}

    assert send("add", name="eve", password=PASSWORD) == 200
    assert roles()["eve"] == {}
    assert send("grant", name="eve", role="researcher", collection="chest") == 200
    assert roles()["eve"] == {"chest": "researcher"}
    assert "researcher (chest)" in office.get("/admin/people").text
    assert send("revoke", name="eve", collection="chest") == 200
    assert roles()["eve"] == {}
    assert send("remove", name="eve") == 200
    assert "eve" not in roles()
    with AuditLog.open(own_index) as log:
        events = [record.event for record in log.records()][-4:]
    assert [event.actor.user for event in events] == ["admin"] * 4
    assert [event.detail for event in events] == [
        "added eve", "eve is researcher", "eve has no role", "removed eve"
    ]  # fmt: skip


def test_nobody_locks_themselves_out(office: TestClient) -> None:
    csrf = sign_in(office, "admin")
    fields = {"csrf": csrf, "name": "admin", "role": "viewer", "collection": "*"}
    for what in ("grant", "revoke", "remove"):
        answer = office.post(f"/admin/people/{what}", data=fields)
        assert answer.status_code in {400, 422}
        assert "you cannot change your own roles here" in answer.text


def test_a_form_from_elsewhere_changes_nothing(office: TestClient) -> None:
    sign_in(office, "admin")
    for csrf in ("", "wrong"):
        answer = office.post("/admin/people/remove", data={"csrf": csrf, "name": "viewer"})
        assert answer.status_code == 403
