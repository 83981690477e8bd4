"""A server within the process: its people, and how tests sign in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from acir.governance.access import EVERYWHERE, LEAST, Role
from acir.governance.audit import Actor, AuditLog
from acir.governance.people import People
from acir.governance.sessions import Sessions
from acir.governance.vault import Vault

PASSWORD = "correct horse battery"
ROLES: tuple[Role, ...] = ("viewer", "researcher", "curator", "admin")
BY = Actor("tester")
HOST = "http://127.0.0.1"


@dataclass(frozen=True)
class Token:
    """An API token of a person with a role."""

    secret: str

    @property
    def headers(self) -> dict[str, str]:
        """What a program sends."""
        return {"Authorization": f"Bearer {self.secret}"}


def people(folder: Path) -> dict[str, Token]:
    """Make a person and a token for each role, and `nobody` without any; return the tokens."""
    tokens = {}
    with AuditLog.create(folder) as log, Vault(folder, log) as vault:
        sessions, persons = Sessions(vault), People(vault)
        for name in (*ROLES, "nobody"):
            persons.add(name, PASSWORD, BY)
            if name != "nobody":
                persons.grant(name, name, EVERYWHERE, BY)  # type: ignore[arg-type]
            tokens[name] = Token(sessions.make_token(name, "test", BY, verbs=LEAST)[1])
    return tokens


def sign_in(client: TestClient, name: str) -> str:
    """Sign in as a person; return the token that forms carry."""
    answer = client.post(
        "/login", data={"name": name, "password": PASSWORD}, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text
    page = client.get("/").text
    return page.partition('name="csrf" value="')[2].partition('"')[0]


def page_refuses_as_too_large(
    app: FastAPI, files: Sequence[tuple[str, bytes]], said: Mapping[str, str]
) -> None:
    """Check that the page turns files away, and says why in each language."""
    client = TestClient(app, HOST, headers={"Accept": "text/html"})
    csrf = sign_in(client, "viewer")
    for language, sentence in said.items():
        client.cookies.set("acir_lang", language)
        answer = client.post("/ask", data={"csrf": csrf}, files=files)
        assert answer.status_code == 413
        assert sentence in answer.text


def png(pixels: np.ndarray) -> bytes:
    """Write a PNG to memory."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def routes(app: FastAPI) -> Iterator[Any]:
    """Yield every route of an application, those of the routers within it too."""
    waiting = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            waiting += inner.routes
