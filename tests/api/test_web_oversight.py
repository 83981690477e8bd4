"""Models in service, what was kept back, collections and drift, for those who run an index."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.api.pages.saying import number
from acir.api.words import Catalogues
from acir.governance.audit import AuditLog
from acir.governance.models import Registry
from acir.index.store import Store
from acir.privacy.pseudonym import KEY_VARIABLE
from acir.workflows.deid import deidentify
from acir.workflows.drift import drift
from acir.workflows.serving.settings import DeidTable, ModelsTable, ServeSettings
from made_web import BY, HOST, people, sign_in

OTHER = "bb" * 32
ABOUT = {
    "classes": ["bars", "disc"], "bits": 32, "trained_on": 225, "calibrated_on": 0,
    "calibrated_anew": {"day": "2026-11-01"}, "false_alarms_promised": None,
}  # fmt: skip
WORDS = Catalogues().of("en")


@contextmanager
def serving(index: Path, **tables: object) -> Iterator[TestClient]:
    """Give a browser before a server of its own, which has people."""
    people(index)
    settings = replace(ServeSettings(index=str(index)), **tables)  # type: ignore[arg-type]
    with TestClient(create_app(settings), HOST) as client:
        client.headers["Accept"] = "text/html"
        yield client


@pytest.fixture
def registry(own_index: Path, tmp_path: Path) -> Path:
    """Return a registry that approved the model of the index, and knows another of its name."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with Store.open(own_index) as store, Registry(folder) as made:
        made.register("cells", store.model, BY, ABOUT, "# The card <of> it")
        made.register("cells", OTHER, BY, ABOUT, "")
        made.approve(store.model, BY)
    return folder


def serves(registry: Path) -> list[str]:
    with Registry(registry) as opened:
        return [model.id for model in opened.models() if model.in_service]


def test_an_admin_approves_a_model_and_rolls_it_back(own_index: Path, registry: Path) -> None:
    (here,) = serves(registry)
    with serving(own_index, models=ModelsTable(registry=str(registry))) as client:
        csrf = sign_in(client, "admin")
        page = client.get("/admin/models").text
        assert page.count('<section class="card"') == 2
        assert page.count("This is the model that answers on this server.") == 1
        for said in ("bars, disc", "225", "# The card &lt;of&gt; it", "2026-11-01", BY.user):
            assert said in page
        assert "<dt>Promised rate of false alarms</dt><dd>none</dd>" in page
        assert page.index("in service") < page.index("waits for approval")
        client.post("/admin/models/approve", data={"csrf": csrf, "id": OTHER})
        assert serves(registry) == [OTHER]
        assert "approved before" in client.get("/admin/models").text
        client.post("/admin/models/approve", data={"csrf": csrf, "id": here})
        page = client.get("/admin/models").text
        assert f'name="name" value="cells"><input type="hidden" name="id" value="{here}"' in page
        assert f"The model {OTHER[:12]} is then in service again. This server gives no" in page
        back = {"csrf": csrf, "name": "cells", "id": here, "before": OTHER}
        client.post("/admin/models/rollback", data=back)
        assert serves(registry) == [OTHER]
        twice = client.post("/admin/models/rollback", data=back)  # a double click
        assert twice.status_code == 422
        assert "The models in service for cells are not those that were shown" in twice.text
        assert serves(registry) == [OTHER]
        client.post("/admin/models/rollback", data={**back, "id": OTHER, "before": here})
        assert serves(registry) == [here]
        assert "/admin/models/rollback" not in client.get("/admin/models").text  # to none before
        again = client.post("/admin/models/rollback", data={**back, "before": ""})
        assert again.status_code == 422
    with AuditLog.open(registry) as log:
        events = [record.event for record in log.records()][-2:]
    assert [event.actor.user for event in events] == ["admin", "admin"]
    assert [event.detail.partition(",")[0] for event in events] == ["rolled back for cells"] * 2


def test_only_an_admin_sees_models_and_no_foreign_form_changes_them(
    own_index: Path, registry: Path
) -> None:
    before = serves(registry)
    with serving(own_index, models=ModelsTable(registry=str(registry))) as client:
        csrf = sign_in(client, "curator")
        assert client.get("/admin/models").status_code == 403
        assert "/admin/models" not in client.get("/admin/index").text
        form = {"csrf": csrf, "id": OTHER, "name": "cells", "before": OTHER}
        for what in ("approve", "rollback"):
            assert client.post(f"/admin/models/{what}", data=form).status_code == 403
        client.cookies.clear()
        sign_in(client, "admin")
        for what in ("approve", "rollback"):
            assert client.post(f"/admin/models/{what}", data=form).status_code == 403
    assert serves(registry) == before


def test_without_a_registry_the_page_says_so(client: TestClient) -> None:
    csrf = sign_in(client, "admin")
    assert "This server asks no registry" in client.get("/admin/models").text
    answer = client.post("/admin/models/approve", data={"csrf": csrf, "id": OTHER})
    assert (answer.status_code, answer.json()["detail"]) == (
        404, "this server has no registry of models"
    )  # fmt: skip


def test_what_was_kept_back_is_shown_and_that_is_recorded(
    own_index: Path,
    tmp_path: Path,
    make_dicom: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "")  # without tesseract, so that ultrasound is kept back
    scans = tmp_path / "CANARY"
    scans.mkdir()
    grey = np.arange(60, dtype=np.int16).reshape(6, 10)
    data = make_dicom(grey, StudyInstanceUID="1.2.7", SeriesInstanceUID="1.2.8", Modality="US")
    (scans / "a.dcm").write_bytes(data)
    (scans / "z.dcm").write_bytes(b"Dear Mrs CANARY")
    deidentify(scans, tmp_path / "out", key_file=tmp_path / "key")
    with serving(own_index, deid=DeidTable(out=str(tmp_path / "out"))) as client:
        sign_in(client, "viewer")
        assert client.get("/admin/quarantine").status_code == 403
        client.cookies.clear()
        sign_in(client, "curator")
        assert "/admin/quarantine" in client.get("/admin/index").text
        page = client.get("/admin/quarantine").text
        assert "It may show a name, no rule says where, and tesseract is missing." in page
        assert "Its content is not DICOM." in page
        german = client.get("/admin/quarantine?lang=de").text
        assert "DICOM-Datei 2 von 2" in german
        assert "Ihr Inhalt ist kein DICOM." in german
        assert "CANARY" not in page
    with AuditLog.open(own_index) as log:
        events = [record.event for record in log.records() if record.event.detail == "quarantine"]
    assert [(event.actor.user, event.count) for event in events] == [("curator", 2)] * 2


def test_a_server_without_such_a_folder_says_so(client: TestClient) -> None:
    sign_in(client, "curator")
    assert "/admin/quarantine" not in client.get("/admin/index").text
    answer = client.get("/admin/quarantine")
    assert (answer.status_code, answer.json()["detail"]) == (
        404, "this server watches no folder of acir deid"
    )  # fmt: skip


def test_collections_are_shown_with_who_may_what_there(own_index: Path) -> None:
    with Store.open(own_index) as store:
        with store.view() as view:
            (one,) = view.entries(np.arange(1))
            count = len(view.gallery.keys)
        store.add([replace(one, metadata={"collection": "chest"})])
    with serving(own_index) as client:
        csrf = sign_in(client, "admin")
        form = {"csrf": csrf, "name": "nobody", "role": "curator", "collection": "chest"}
        client.post("/admin/people/grant", data=form)
        page = client.get("/admin/collections").text
        assert '<th scope="row">chest</th><td>1</td><td class="long">nobody (curator)</td>' in page
        assert f'<th scope="row">default</th><td>{count - 1}</td>' in page
        assert "viewer (viewer)" in page.partition(">everywhere<")[2]
        client.cookies.clear()
        sign_in(client, "curator")
        assert "nobody" not in client.get("/admin/collections").text
        client.cookies.clear()
        sign_in(client, "nobody")
        answer = client.get("/admin/collections")
        assert answer.status_code == 403
        assert "only with a role in all collections" in answer.text


def test_drift_is_shown_with_its_p_values(own_index: Path) -> None:
    with Store.open(own_index) as store:
        for p in np.random.default_rng(0).random(150) ** 3:
            store.keep_p_value(float(p), date(2026, 11, 1))
        store.traffic()  # which writes what waits
    said = drift(own_index)
    with serving(own_index) as client:
        sign_in(client, "curator")
        page = client.get("/admin/index").text
    assert said["n"] >= 150
    assert f"p = {number(said['distance_p_value'], WORDS)}" in page
    assert f"p = {number(said['share_p_value'], WORDS)}" in page
    figure = page.partition('<figure class="bars">')[2].partition("</figure>")[0]
    assert figure.count("<rect") == 10
    assert ", ".join(map(str, said["histogram"])) in figure
