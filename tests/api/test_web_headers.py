"""Headers, cookies and forms: what a browser is told, and what another site cannot do (S16)."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.api.security import FOREIGN, HEADERS
from acir.workflows.serving.settings import ServerTable, ServeSettings
from made_web import HOST, PASSWORD, routes, sign_in


def test_every_answer_has_every_header(client: TestClient, running: FastAPI) -> None:
    paths = [route.path for route in routes(running)]
    for is_known in (False, True):
        if is_known:
            sign_in(client, "admin")
        for path in (*paths, "/nothing", "/static/style.css"):
            answer = client.get(path, follow_redirects=False)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, path
            kept = "no-cache" if path.startswith("/static/") else "no-store"
            assert answer.headers["Cache-Control"] == kept
            assert not {"server", "x-powered-by"} & set(answer.headers)


def test_what_every_page_loads_is_asked_for_once(client: TestClient) -> None:
    first = client.get("/static/style.css")
    again = client.get("/static/style.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(client: TestClient) -> None:
    policy = client.get("/login").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy


def test_no_page_holds_a_style_or_a_script_of_its_own(client: TestClient, known: bytes) -> None:
    token = sign_in(client, "researcher")
    answer = client.post("/ask", data={"csrf": token}, files={"image": known})
    for page in (answer.text, client.get("/").text, client.get("/login").text):
        assert "<style" not in page
        assert " style=" not in page
        assert not re.search(r"<[^>]*\son\w+\s*=", page)
        assert page.count("<script") == page.count('<script src="/static/')


def test_a_session_cookie_is_for_this_site_and_no_script(client: TestClient) -> None:
    answer = client.post(
        "/login", data={"name": "viewer", "password": PASSWORD}, follow_redirects=False
    )
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("acir_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Domain" not in cookie


def test_behind_tls_the_cookie_is_secure_and_the_browser_told_to_stay(web_index: Path) -> None:
    server = ServerTable(proxies=("127.0.0.1",))
    app = create_app(ServeSettings(index=str(web_index), server=server))
    with TestClient(app, "https://127.0.0.1") as client:
        answer = client.post(
            "/login", data={"name": "viewer", "password": PASSWORD}, follow_redirects=False
        )
        assert answer.headers["set-cookie"].startswith("__Host-acir_session=")
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_a_form_without_its_token_is_refused(
    client: TestClient, known: bytes, token: str | None
) -> None:
    sign_in(client, "researcher")
    data = {} if token is None else {"csrf": token}
    for path in ("/ask", "/logout"):
        answer = client.post(path, data=data, files={"image": known})
        assert answer.status_code == 403, path
        assert answer.json()["detail"] == "the form is out of date; load the page again"
    assert client.post("/api/v1/search", files={"image": known}).status_code == 403


def test_a_form_of_another_session_is_refused(client: TestClient, known: bytes) -> None:
    other = sign_in(client, "viewer")
    client.cookies.clear()
    sign_in(client, "researcher")
    answer = client.post("/ask", data={"csrf": other}, files={"image": known})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_another_site_sends_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    token = sign_in(client, "researcher")
    answer = client.post("/logout", data={"csrf": token}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["detail"] == FOREIGN
    right = {"name": "viewer", "password": PASSWORD}
    signed = client.post("/login", data=right, headers=headers)
    assert (signed.status_code, signed.json()["detail"]) == (403, FOREIGN)


def test_no_other_site_may_read(client: TestClient) -> None:
    answer = client.get("/healthz", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in answer.headers
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/api/v1/search", headers=asked).status_code == 401


def test_a_server_answers_to_its_own_names_alone(running: FastAPI) -> None:
    with_other_name = TestClient(running, "http://elsewhere.example")
    assert with_other_name.get("/healthz").status_code == 400
    assert TestClient(running, HOST).get("/healthz").status_code == 200
