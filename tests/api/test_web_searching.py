"""`/api/v1`: what is asked, what is answered, and what is refused in which words."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acir.index.entry import Entry
from acir.search import Request, Searcher
from acir.types import Answer
from acir.workflows.answers import stored
from acir.workflows.search import open_index
from acir.workflows.serving.answering import answer
from acir.workflows.serving.queries import Query, examine
from acir.workflows.serving.served import Served
from made_model import CLASSES, draw
from made_web import Token, page_refuses_as_too_large, png

Program = Callable[[str], TestClient]
MakeDicom = Callable[..., bytes]


@pytest.fixture
def client(program: Program) -> TestClient:
    return program("researcher")


def search(client: TestClient, picture: bytes, **wish: object) -> dict[str, Any]:
    answer = client.post("/api/v1/search", files={"image": picture}, params=wish)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_answer_is_the_librarys_own(client: TestClient, web_index: Path) -> None:
    for kind in CLASSES:
        found = search(client, png(draw(kind, 121)), k=5)
        with open_index(web_index) as searcher:
            expected = searcher.search(draw(kind, 121), k=5)
        assert [hit["id"] for hit in found["hits"]] == [hit.id for hit in expected.hits]
        assert found["verdict"] == (expected.verdict and expected.verdict.verdict)
        assert found["folded"] == expected.folded


def test_similarities_and_p_values_are_rounded(client: TestClient, known: bytes) -> None:
    found = search(client, known)
    values = [found["p_value"], *(hit["similarity"] for hit in found["hits"])]
    assert all(round(value, 4) == value for value in values)


def test_no_answer_holds_a_code_or_an_embedding(client: TestClient, known: bytes) -> None:
    found = search(client, known)
    first = found["hits"][0]["id"]
    record = client.get("/api/v1/record", params={"id": first}).json()
    assert set(record) == {"id", "label", "patient", "path", "metadata", "has_thumbnail"}
    assert set(found["hits"][0]) == {
        *("rank", "id", "label", "distance", "similarity", "path", "case", "matches", "metadata")
    }


def test_an_unknown_picture_has_no_hits_unless_forced(client: TestClient, strange: bytes) -> None:
    assert search(client, strange)["hits"] == []
    assert len(search(client, strange, force=True)["hits"]) == 10


def test_what_is_no_picture_is_unknown_too(client: TestClient) -> None:
    found = search(client, b"no picture")
    assert (found["verdict"], found["reason_code"], found["hits"]) == ("unknown", "unreadable", [])


def test_a_dicom_file_is_read_without_its_names(
    client: TestClient, make_dicom: MakeDicom, identity: tuple[str, ...]
) -> None:
    answer = client.post(
        "/api/v1/search",
        files={"image": ("CANARY^PATRICIA.dcm", make_dicom(draw("disc", 122)))},
    )
    assert answer.json()["hits"]
    assert not any(word in answer.text for word in identity)


def test_several_views_have_one_answer(client: TestClient, known: bytes, strange: bytes) -> None:
    files = [("image", known), ("image", strange)]
    found = client.post("/api/v1/search", files=files).json()
    assert found["views"] == ["picture 1", "picture 2"]
    assert (found["worst_view"], found["verdict"]) == ("picture 2", "unknown")


def test_an_earlier_answer_can_be_asked_for_again(client: TestClient, known: bytes) -> None:
    found = search(client, known, k=8)
    again = client.get("/api/v1/search", params={"key": found["key"], "k": 3}).json()
    assert again["hits"] == found["hits"][:3]


def test_a_key_that_is_not_kept_is_not_found(client: TestClient) -> None:
    answer = client.get("/api/v1/search", params={"key": "nothing"})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "these pictures are no longer kept; give them again"


def test_similar_to_a_hit_leaves_the_hit_out(client: TestClient, known: bytes) -> None:
    first = search(client, known)["hits"][0]["id"]
    found = client.get("/api/v1/similar", params={"id": first}).json()
    assert (found["query"], found["verdict"]) == (first, None)
    assert first not in {hit["id"] for hit in found["hits"]}


def test_feedback_takes_the_examples_out_and_keeps_the_question(
    client: TestClient, known: bytes
) -> None:
    found = search(client, known)
    right, wrong = (found["hits"][place]["id"] for place in (0, 9))
    said = {"key": found["key"], "positive": [right], "negative": [wrong]}
    again = client.post("/api/v1/feedback", json=said).json()
    assert {right, wrong}.isdisjoint(hit["id"] for hit in again["hits"])
    by_wish = search(client, known, like=right, unlike=wrong)
    assert again["hits"] == by_wish["hits"]


def test_feedback_takes_no_more_examples_than_an_address(client: TestClient) -> None:
    said = {"id": "x", "positive": ["x"] * 33, "negative": ["y" * 257]}
    answer = client.post("/api/v1/feedback", json=said)
    assert answer.status_code == 422
    assert "positive: List should have at most 32 items" in answer.json()["detail"]
    assert "negative.0: String should have at most 256 characters" in answer.json()["detail"]


def test_a_hit_that_is_deleted_amid_an_answer_is_none(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted = list[str]()

    def late(searcher: Searcher, answer: Answer) -> list[Entry]:
        if not deleted:
            deleted.append(answer.hits[0].id)
            searcher.store.delete(deleted)
        return stored(searcher, answer)

    monkeypatch.setattr("acir.workflows.serving.answering.stored", late)
    with Served.open(own_index) as served:
        asked = examine(served, [(png(draw("disc", 1)), None)])
        found = answer(served, Query("key", "ada", asked), Request(k=5))
    assert len(found.answer.hits) == 5
    assert deleted[0] not in {hit.id for hit in found.answer.hits}
    assert set(found.entries) == {hit.id for hit in found.answer.hits}


@pytest.mark.parametrize("said", [{}, {"key": "a", "id": "b"}])
def test_feedback_is_about_one_thing(client: TestClient, said: dict[str, str]) -> None:
    answer = client.post("/api/v1/feedback", json=said)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "give either key or id, of what was asked first"


def test_hits_meet_filter_and_threshold(client: TestClient, known: bytes) -> None:
    found = search(client, known, where="label=bars")
    assert {hit["label"] for hit in found["hits"]} == {"bars"}
    assert found["labels"] == {"bars": 10}
    everything = search(client, known, k=200)["hits"]
    middle = everything[len(everything) // 2]["similarity"]
    above = search(client, known, k=200, threshold=middle)["hits"]
    assert above == [hit for hit in everything if hit["similarity"] >= middle]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"k": 0}, "k: Input should be greater than or equal to 1"),
        ({"k": "many"}, "k: Input should be a valid integer"),
        ({"where": "label"}, "the filter 'label' has no value; write it as key=value"),
        (
            {"where": ["label=disc", "label=bars"]},
            "the filter 'label' is given twice; give it once",
        ),
        ({"where": "place=x"}, "nothing named 'place' to filter by"),
        ({"mode": "fuse"}, "Did you mean 'fused'?"),
        ({"radius": 999}, "the radius is 999, expected 0 to 32"),
        ({"like": "nothing"}, "no picture 'nothing'"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told(
    client: TestClient, known: bytes, wish: dict[str, Any], said: str
) -> None:
    answer = client.post("/api/v1/search", files={"image": known}, params=wish)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_a_search_without_a_picture_is_told(client: TestClient) -> None:
    answer = client.post("/api/v1/search", files={"image": b""})
    assert answer.json()["reason_code"] == "truncated"  # an empty file is a picture that ended
    assert client.post("/api/v1/search").status_code == 422


def test_the_name_of_a_file_in_place_of_the_file_is_told(client: TestClient) -> None:
    answer = client.post("/api/v1/search", files={"image": (None, "scan.png")})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "image.0: it is text, expected a file; send the picture itself, as curl -F image=@scan.png "
        "does"
    )


def test_more_views_than_allowed_are_refused(client: TestClient, known: bytes) -> None:
    answer = client.post("/api/v1/search", files=[("image", known)] * 17)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "at most 16 pictures may be given at once; give fewer"


def test_a_page_says_how_many_views_are_allowed(running: FastAPI, known: bytes) -> None:
    said = {
        "en": "At most 16 pictures may be given at once; give fewer.",
        "de": "Höchstens 16 Bilder gehen auf einmal; geben Sie weniger.",
    }
    page_refuses_as_too_large(running, [("image", known)] * 17, said)


def test_an_export_is_the_answer_as_a_table(client: TestClient, known: bytes) -> None:
    found = search(client, known, k=4)
    answer = client.get("/api/v1/export", params={"key": found["key"], "k": 4})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["id"] for row in rows] == [hit["id"] for hit in found["hits"]]
    assert answer.headers["content-disposition"] == 'attachment; filename="answer.csv"'
    whole = client.get(
        "/api/v1/export", params={"key": found["key"], "k": 4, "format": "json"}
    ).json()
    assert whole["hits"] == found["hits"]


def test_an_export_is_of_one_thing(client: TestClient) -> None:
    answer = client.get("/api/v1/export")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "give either key or id, of what was asked"


def test_the_index_tells_what_can_be_filtered_by(client: TestClient, web_index: Path) -> None:
    found = client.get("/api/v1/index").json()
    with open_index(web_index) as searcher:
        assert found["pictures"] == len(searcher)
        assert found["model"] == searcher.bundle.id
    assert set(found["filters"]["label"]) == set(CLASSES)
    assert sum(found["filters"]["label"].values()) == found["pictures"]


def test_a_stored_picture_is_a_small_png(client: TestClient, known: bytes) -> None:
    first = search(client, known)["hits"][0]["id"]
    answer = client.get("/api/v1/thumbnail", params={"id": first})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("path", ["record", "thumbnail"])
def test_a_picture_that_is_not_stored_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(f"/api/v1/{path}", params={"id": "../../etc/passwd"})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no such picture"


def test_metrics_count_by_route_and_verdict(
    client: TestClient, tokens: dict[str, Token], known: bytes
) -> None:
    client.headers.update(tokens["curator"].headers)
    search(client, known)
    page = client.get("/metrics").text
    assert 'acir_requests_total{method="POST",route="/api/v1/search",status="200"}' in page
    assert "acir_verdicts_total" in page
    assert "acir_waiting 0.0" in page


def test_health_needs_no_login_and_readiness_searches(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ok"}
    client.headers.pop("Authorization")
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 401
