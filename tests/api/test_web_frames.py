"""The values of a picture are its owner's alone."""

import json

import numpy as np
from fastapi.testclient import TestClient

from made_model import coloured, draw
from made_web import png, sign_in


def given(client: TestClient, *pictures: bytes) -> str:
    csrf = sign_in(client, "viewer")
    files = [("image", picture) for picture in pictures]
    answer = client.post("/ask", files=files, data={"csrf": csrf}, follow_redirects=False)
    return answer.headers["location"].partition("q=")[2]


def test_the_values_are_those_of_the_picture(client: TestClient) -> None:
    pixels = np.random.default_rng(0).integers(100, 60_000, (40, 30)).astype(np.uint16)
    key = given(client, png(pixels))
    answer = client.get("/query/frame", params={"q": key})
    about = json.loads(answer.headers["x-frame"])
    numbers = np.frombuffer(answer.content, "<u2").reshape(about["height"], about["width"])
    assert (about["offset"] + about["scale"] * numbers).tolist() == pixels.tolist()
    assert answer.headers["cache-control"] == "no-store"


def test_colour_and_what_is_not_there_have_none(client: TestClient) -> None:
    key = given(client, png(draw("disc", 120)), png(coloured(draw("disc", 120))), b"nothing")
    found = [client.get("/query/frame", params={"q": key, "view": n}) for n in range(4)]
    assert [answer.status_code for answer in found] == [200, 404, 404, 404]


def test_nobody_sees_anothers_values(client: TestClient, known: bytes) -> None:
    key = given(client, known)
    client.cookies.clear()
    assert client.get("/query/frame", params={"q": key}).status_code == 401
    sign_in(client, "curator")
    assert client.get("/query/frame", params={"q": key}).status_code == 404
