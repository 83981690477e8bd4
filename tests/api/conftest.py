"""One server for most tests, made once; a test that changes an index makes a server of its own."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.workflows.serving.settings import ServeSettings
from made_model import draw, foreign
from made_web import HOST, Token, people, png


@pytest.fixture(scope="session")
def web_index(tmp_path_factory: pytest.TempPathFactory, index: Path) -> Path:
    """Return a copy of the index that has people."""
    return Path(shutil.copytree(index, tmp_path_factory.mktemp("web") / "cells"))


@pytest.fixture(scope="session")
def tokens(web_index: Path) -> dict[str, Token]:
    return people(web_index)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, index: Path) -> Path:
    """Return a copy of the index for a module that serves or changes one by itself."""
    return Path(shutil.copytree(index, tmp_path_factory.mktemp("place") / "cells"))


@pytest.fixture(scope="module")
def holders(place: Path) -> dict[str, Token]:
    """Return the tokens of the people there, by role."""
    return people(place)


@pytest.fixture(scope="session")
def web_app(web_index: Path, tokens: dict[str, Token]) -> FastAPI:
    return create_app(ServeSettings(index=str(web_index)))


@pytest.fixture(scope="session")
def running(web_app: FastAPI) -> Iterator[FastAPI]:
    """Return the application with its index open."""
    with TestClient(web_app, HOST):
        yield web_app


@pytest.fixture
def client(running: FastAPI) -> TestClient:
    """Return a client whom nobody knows yet; the application runs already."""
    return TestClient(running, HOST, raise_server_exceptions=False)


@pytest.fixture
def program(client: TestClient, tokens: dict[str, Token]) -> Callable[[str], TestClient]:
    """Return what makes the client of a program with a role."""

    def make(role: str) -> TestClient:
        client.headers.update(tokens[role].headers)
        return client

    return make


@pytest.fixture(scope="session")
def known() -> bytes:
    """Return a picture of a class that the model knows, which the index does not hold."""
    return png(draw("disc", 120))


@pytest.fixture(scope="session")
def strange() -> bytes:
    return png(foreign(0))
