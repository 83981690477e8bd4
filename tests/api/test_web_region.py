"""Asking about a region: the address holds it, and the audit log says what was asked."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from acir.governance.audit import AuditLog
from acir.types import pixel_hash
from made_model import draw
from made_web import png, sign_in

BOX = [25, 0, 100, 50]


@pytest.fixture
def key(client: TestClient, known: bytes) -> str:
    """Give a picture as a viewer; return its key."""
    csrf = sign_in(client, "viewer")
    answer = client.post(
        "/ask", files={"image": known}, data={"csrf": csrf}, follow_redirects=False
    )
    return answer.headers["location"].partition("q=")[2]


def test_the_region_is_what_is_asked_and_recorded(
    client: TestClient, key: str, web_index: Path
) -> None:
    page = client.get("/search", params={"q": key, "force": True, "box": BOX})
    assert page.status_code == 200
    # A form that sends the settings, and the picture and its heat map, keep the region.
    assert '<input type="hidden" name="box" value="25">' in page.text
    assert f"/query/picture?q={key}&amp;view=0&amp;box=25.0&amp;box=0.0" in page.text
    crop = draw("disc", 120)[:16, 8:]
    with AuditLog.open(web_index) as log:
        event = list(log.records())[-1].event
    assert (event.action, event.query) == ("search", pixel_hash(crop))


def test_the_picture_of_a_region_is_its_part(client: TestClient, key: str) -> None:
    found = client.get("/query/picture", params={"q": key, "box": BOX})
    shown = np.asarray(Image.open(BytesIO(found.content)))
    assert shown.shape == (16, 24)
    whole = np.asarray(Image.open(BytesIO(client.get("/query/picture", params={"q": key}).content)))
    assert shown.tolist() == whole[:16, 8:].tolist()
    assert client.get("/query/heat", params={"q": key, "box": BOX}).status_code == 200


@pytest.mark.parametrize(
    "box", [[0, 0, 101, 50], [50, 0, 20, 50], [0, 0, 1, 1], [0, 0, 50], ["x", 0, 50, 50]]
)
def test_an_impossible_region_is_refused(
    client: TestClient, key: str, box: list[float | str]
) -> None:
    for path in ("/search", "/query/picture", "/query/heat"):
        assert client.get(path, params={"q": key, "box": box}).status_code in {400, 422}


def test_a_region_of_several_views_is_refused(client: TestClient, known: bytes) -> None:
    csrf = sign_in(client, "viewer")
    files = [("image", known), ("image", png(draw("bars", 121)))]
    answer = client.post("/ask", files=files, data={"csrf": csrf}, follow_redirects=False)
    key = answer.headers["location"].partition("q=")[2]
    refused = client.get("/search", params={"q": key, "box": BOX})
    assert refused.status_code in {400, 422}
    assert "one picture that can be read" in refused.text


def test_nobody_asks_about_a_region_of_anothers_picture(client: TestClient, key: str) -> None:
    client.cookies.clear()
    sign_in(client, "curator")
    assert client.get("/search", params={"q": key, "box": BOX}).status_code == 404
    assert client.get("/query/picture", params={"q": key, "box": BOX}).status_code == 404
