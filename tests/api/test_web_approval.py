"""A server answers with an approved model, and stops when it is no longer approved."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.api.server import prepare
from acir.api.state import WITHDRAWN
from acir.bundle import verify_bundle
from acir.errors import StorageError, UsageError
from acir.governance.models import Registry
from acir.workflows import model
from acir.workflows.serving.settings import ModelsTable, ServeSettings
from made_model import acir, damage, draw
from made_web import BY, HOST, Token, png, sign_in

OTHER = "ab" * 32
BEFORE = "cd" * 32


@pytest.fixture
def registry(tmp_path: Path, place: Path) -> Path:
    """Return a registry in which the model of the index took the place of another one."""
    folder = tmp_path / "registry"
    model.register(folder, "cells", place / "bundle")
    with Registry(folder) as opened:
        for other in (BEFORE, OTHER):
            opened.register("cells", other, BY, {}, "")
        opened.approve(BEFORE, BY)
        opened.approve(verify_bundle(place / "bundle"), BY)
    return folder


@pytest.fixture
def approved(place: Path, holders: dict[str, Token], registry: Path) -> Iterator[FastAPI]:
    app = create_app(settings(place, registry))
    with TestClient(app, HOST):
        yield app


def settings(place: Path, registry: Path) -> ServeSettings:
    return ServeSettings(index=str(place), models=ModelsTable(str(registry)))


def of(app: FastAPI, holder: Token) -> TestClient:
    return TestClient(app, HOST, headers=holder.headers, raise_server_exceptions=False)


def status(client: TestClient, method: str, path: str) -> int:
    files = {"image": png(draw("disc", 1))} if method == "POST" else None
    return client.request(method, path, files=files, follow_redirects=False).status_code


def test_a_server_starts_with_the_approved_model_alone(place: Path, registry: Path) -> None:
    assert prepare(settings(place, registry))
    model.roll_back(registry, "cells")
    said = r"the model [0-9a-f]{64} is not approved by the registry at .*; approve it with acir mod"
    with pytest.raises(UsageError, match=said):
        prepare(settings(place, registry))
    with pytest.raises(UsageError, match=said), TestClient(create_app(settings(place, registry))):
        pass


def test_the_command_refuses_in_one_sentence_with_code_2(
    place: Path, registry: Path, tmp_path: Path
) -> None:
    with Registry(registry) as opened:
        opened.approve(OTHER, BY)
    config = tmp_path / "serve.toml"
    config.write_text(f'[models]\nregistry = "{registry}"\n', encoding="utf-8")
    outcome = acir("serve", "--index", place, "--config", config)
    assert outcome.refusal().startswith(f"the model {verify_bundle(place / 'bundle')} is not")


def test_a_registry_that_is_not_there_is_told_and_not_begun(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no registry at .*; begin one with acir model"):
        prepare(settings(place, tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()


def test_an_altered_model_is_not_the_approved_one(
    place: Path, registry: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(place, tmp_path / "cells"))
    damage(next((copy / "bundle").glob("*.safetensors")))
    said = r"was altered, by the checksum of .*\.safetensors; restore it from a copy"
    with pytest.raises(UsageError, match=said):
        prepare(settings(copy, registry))


ANSWERING = [
    ("POST", "/api/v1/search"),
    ("POST", "/api/v1/check"),
    ("GET", "/api/v1/similar?id=x"),
    ("GET", "/api/v1/export?id=x"),
    ("GET", "/api/v1/index"),
    ("POST", "/api/v1/pictures"),
    ("GET", "/search?id=x"),
    ("GET", "/map"),
    ("GET", "/compare?show=x"),
    ("GET", "/?sop=1.2"),
    ("GET", "/readyz"),
]


def test_a_model_that_is_rolled_back_answers_no_longer(
    approved: FastAPI, holders: dict[str, Token], registry: Path
) -> None:
    client = of(approved, holders["admin"])
    assert {status(client, *call) for call in ANSWERING} <= {200, 202, 303, 404, 422}
    assert client.get("/readyz").json() == {"status": "ok"}
    model.roll_back(registry, "cells")
    for method, path in ANSWERING:
        assert status(client, method, path) == 503, path
    told = client.get("/readyz")
    assert told.headers["content-type"] == "application/problem+json"
    assert told.json()["detail"] == WITHDRAWN
    assert str(registry) not in told.text
    assert client.get("/healthz").status_code == 200
    assert client.delete("/api/v1/pictures", params={"id": "x"}).status_code == 404
    # Who may not is told so first, and who runs it can look at it.
    assert status(of(approved, holders["nobody"]), "POST", "/api/v1/search") == 403
    for path in ("/metrics", "/admin/index", "/admin/audit", "/admin/people"):
        assert status(client, "GET", path) == 200, path


def test_a_page_says_why_and_an_approval_lets_it_answer_again(
    approved: FastAPI, registry: Path, place: Path
) -> None:
    with Registry(registry) as opened:
        opened.approve(OTHER, BY)
    client = TestClient(approved, HOST)
    sign_in(client, "researcher")
    page = client.get("/search?id=x", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert WITHDRAWN[1:] in page.text  # a page begins a sentence with a capital
    with Registry(registry) as opened:
        opened.approve(verify_bundle(place / "bundle"), BY)
    assert client.get("/readyz").status_code == 200


def test_a_registry_that_cannot_be_read_approves_nothing(
    approved: FastAPI, holders: dict[str, Token], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise StorageError("the disk at /srv/registry is gone")

    monkeypatch.setattr(Registry, "check_serves", fails)
    answer = of(approved, holders["viewer"]).get("/api/v1/index")
    assert answer.status_code == 503
    assert "srv" not in answer.text
