"""Signing in through an identity provider, from the page and back to it."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.api.server import prepare
from acir.errors import ComponentError, RecipeError, UsageError
from acir.workflows.serving.settings import ServeSettings, load_settings
from made_provider import SECRET, LocalProvider, local_provider, sent_back
from made_web import HOST

REFUSED = "You could not be signed in through your institution"


@pytest.fixture(scope="module")
def there() -> Iterator[LocalProvider]:
    with local_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def settings(
    there: LocalProvider, index: Path, tmp_path_factory: pytest.TempPathFactory
) -> ServeSettings:
    folder = tmp_path_factory.mktemp("provider")
    kept = folder / "secret"
    kept.write_text(SECRET)
    shutil.copytree(index, folder / "cells")
    return ServeSettings(index=str(folder / "cells"), oidc=there.table(secret_file=str(kept)))


@pytest.fixture(scope="module")
def served(settings: ServeSettings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), HOST, follow_redirects=False) as client:
        yield client


@pytest.fixture
def browser(served: TestClient) -> TestClient:
    """Return a browser that knows nothing yet."""
    served.cookies.clear()
    return served


def test_the_page_leads_to_the_provider_and_back(browser: TestClient, there: LocalProvider) -> None:
    there.person = {"groups": ["readers"]}
    assert 'href="/login?provider=true"' in browser.get("/login").text
    left = browser.get("/login", params={"provider": "true"})
    assert left.status_code == 303
    kept = left.headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=lax" in kept
    back = browser.get("/login", params=sent_back(left.headers["location"]))
    assert (back.status_code, back.headers["location"]) == (303, "/")
    assert "acir_trip" not in browser.cookies
    page = browser.get("/")
    assert page.status_code == 200
    assert "oidc.u-17" in page.text


def test_one_whose_groups_may_nothing_is_refused(browser: TestClient, there: LocalProvider) -> None:
    there.person = {"groups": ["porters"]}
    left = browser.get("/login", params={"provider": "true"})
    back = browser.get("/login", params=sent_back(left.headers["location"]))
    assert back.status_code == 403
    assert REFUSED in back.text
    assert browser.get("/").status_code == 401


def test_what_another_browser_was_given_signs_nobody_in(
    browser: TestClient, there: LocalProvider
) -> None:
    there.person = {"groups": ["readers"]}
    left = browser.get("/login", params={"provider": "true"})
    given = sent_back(left.headers["location"])
    browser.cookies.clear()  # the other browser has none of ours
    assert browser.get("/login", params=given).status_code == 403
    browser.get("/login", params={"provider": "true"})  # or it has one of its own
    back = browser.get("/login", params=given)
    assert back.status_code == 403
    assert REFUSED in back.text
    assert browser.get("/").status_code == 401


def test_a_refusal_of_the_provider_is_said(browser: TestClient) -> None:
    browser.get("/login", params={"provider": "true"})
    back = browser.get("/login", params={"error": "access_denied", "state": "x"})
    assert back.status_code == 403
    assert REFUSED in back.text


def test_without_a_provider_there_is_no_way_to_one(client: TestClient) -> None:
    assert "provider=true" not in client.get("/login").text
    for params in ({"provider": "true"}, {"code": "x", "state": "y"}):
        assert client.get("/login", params=params).status_code == 404


def test_the_table_is_read_from_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "serve.toml"
    addresses = "\n".join(
        f'{key} = "https://id.example/{key}"'
        for key in ("issuer", "authorization", "token", "keys", "address")
    )
    grant = '[[oidc.grants]]\ngroup = "g"\nrole = "viewer"\ncollection = "c"\n'
    path.write_text(f'index = "x"\n[oidc]\nclient = "acir"\n{addresses}\n{grant}')
    found = load_settings(path, host=None, port=None).oidc
    assert found is not None
    assert found.redirect == "https://id.example/address/login"
    assert found.roles(frozenset({"g"})) == {"c": "viewer"}
    path.write_text(path.read_text().replace("viewer", "chief"))
    with pytest.raises(RecipeError, match=r"oidc\.grants\.role is 'chief', expected one of"):
        load_settings(path, host=None, port=None)


def test_a_server_without_the_secret_or_the_library_does_not_start(
    settings: ServeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.oidc is not None
    monkeypatch.delenv("ACIR_OIDC_SECRET", raising=False)
    with pytest.raises(UsageError, match="the identity provider needs a secret"):
        prepare(replace(settings, oidc=replace(settings.oidc, secret_file="")))
    monkeypatch.setitem(sys.modules, "joserfc", None)
    with pytest.raises(ComponentError, match="joserfc, which is not installed"):
        prepare(settings)


def test_an_open_address_may_rely_on_a_provider_alone(settings: ServeSettings) -> None:
    server = replace(settings.server, host="0.0.0.0", proxies=("10.0.0.1",))
    assert prepare(replace(settings, server=server)) == ""
