"""The page of the map: who may see what, and what is written down."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acir.governance.audit import AuditLog
from acir.workflows.serving import maps
from made_web import sign_in


@pytest.fixture(scope="module")
def mapped(running: FastAPI) -> list[str]:
    """Lay the index out beside itself, by chance; return its ids in the order of the map."""
    served = running.state.acir.served
    with served.searcher.store.view() as view:
        keys, state = view.gallery.keys, maps.state_of(view)
        names = [entry.id for entry in view.entries(np.arange(len(keys)))]
    places = np.random.default_rng(0).random((len(keys), 2), dtype=np.float32)
    np.savez(served.folder / maps.FILE, state=np.array(state), keys=keys, places=places)
    return names


def test_every_point_names_its_picture(
    client: TestClient, mapped: list[str], web_index: Path
) -> None:
    sign_in(client, "viewer")
    page = client.get("/map")
    assert page.status_code == 200
    assert page.text.count("data-id=") == len(mapped)
    assert "disc" in page.text
    with AuditLog.open(web_index) as log:
        event = list(log.records())[-1].event
    assert (event.action, event.actor.user, event.count) == ("view", "viewer", len(mapped))


def test_what_was_asked_is_marked(client: TestClient, mapped: list[str]) -> None:
    sign_in(client, "viewer")
    page = client.get("/map", params={"id": mapped[3]}).text
    assert page.count("<line ") == maps.NEAREST
    assert 'href="/search?id=' in page
    assert "<line " not in client.get("/map").text


def test_one_without_a_role_sees_no_map(program: Callable[[str], TestClient]) -> None:
    assert program("nobody").get("/map").status_code == 403


def test_a_picture_that_is_not_there_has_no_place(client: TestClient) -> None:
    sign_in(client, "viewer")
    assert client.get("/map", params={"id": "nothing"}).status_code == 404
    assert client.get("/map", params={"q": "nothing"}).status_code == 404


def test_the_page_says_what_is_missing(
    running: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, "viewer")
    state = running.state.acir
    (state.served.folder / maps.FILE).unlink(missing_ok=True)
    # As before the first look: another test may have had a map begun that is not there yet.
    for name, value in vars(maps.Maps(state.served)).items():
        monkeypatch.setattr(state.maps, name, value)
    monkeypatch.setattr(maps, "find_spec", lambda _: None)
    assert "needs umap-learn, which is not installed" in client.get("/map").text


def test_a_map_that_could_not_be_made_is_told(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise maps.UnmadeError("the map of this index could not be made")

    monkeypatch.setattr("acir.workflows.serving.maps.Maps.plan", fails)
    sign_in(client, "viewer")
    page = client.get("/map")
    assert page.status_code == 200
    assert "The map could not be made: see that the server has enough memory" in page.text
