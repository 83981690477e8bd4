"""Add and delete through the API: for those allowed, and whatever stops the server."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.errors import AuditError, StorageError, UsageError
from acir.governance.audit import AuditLog
from acir.index.store import Store
from acir.index.writer import Added
from acir.workflows.serving.additions import FOLDER, Additions, Job
from acir.workflows.serving.settings import ServeSettings
from made_model import acir, draw
from made_web import HOST, Token, people, png


@pytest.fixture
def tokens(own_index: Path) -> dict[str, Token]:
    return people(own_index)


@pytest.fixture
def client(own_index: Path, tokens: dict[str, Token]) -> Iterator[TestClient]:
    """Return a curator's client."""
    app = create_app(ServeSettings(index=str(own_index)))
    with TestClient(app, HOST, headers=tokens["curator"].headers) as found:
        yield found


def over(client: TestClient, job: str) -> dict[str, Any]:
    end = monotonic() + 60
    while monotonic() < end:
        found: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
        if found["stage"] in {"done", "failed"}:
            return found
        sleep(0.05)
    raise AssertionError("the job did not end in a minute")


def add(client: TestClient, *pictures: bytes, **wish: str) -> dict[str, Any]:
    answer = client.post(
        "/api/v1/pictures", files=[("image", one) for one in pictures], params=wish
    )
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
    return over(client, answer.json()["id"])


def test_added_pictures_are_found_at_once_and_deleted_ones_no_more(client: TestClient) -> None:
    picture = png(draw("disc", 700))
    found = add(client, picture, png(draw("disc", 701)), label="disc", collection="fresh")
    assert (found["stage"], found["counts"]["new"], found["done"]) == ("done", 2, 2)
    where: dict[str, str | bool] = {"where": "collection=fresh", "duplicates": True}
    hits = client.post(
        "/api/v1/search", files={"image": png(draw("disc", 702))}, params=where
    ).json()["hits"]
    assert [hit["label"] for hit in hits] == ["disc", "disc"]
    name = hits[0]["id"]
    deleted = client.delete("/api/v1/pictures", params={"id": name})
    assert deleted.json() == {"deleted": 1}
    assert client.get("/api/v1/record", params={"id": name}).status_code == 404
    again = client.delete("/api/v1/pictures", params={"id": name})
    assert (again.status_code, again.json()["detail"]) == (404, "there is no such picture")


def test_adding_twice_changes_nothing(client: TestClient) -> None:
    assert add(client, png(draw("bars", 700)))["counts"]["new"] == 1
    assert add(client, png(draw("bars", 700)))["counts"] == {
        "new": 0,
        "replaced": 0,
        "unchanged": 1,
    }


def test_what_another_collection_holds_is_not_taken_out_of_it(
    client: TestClient, make_dicom: Callable[..., bytes], own_index: Path
) -> None:
    given = make_dicom(draw("disc", 720), SOPInstanceUID="2.25.7"), png(draw("disc", 720))
    assert add(client, *given, label="disc", collection="theirs")["counts"]["new"] == 2
    forged = make_dicom(draw("bars", 721), SOPInstanceUID="2.25.7")
    for pictures, noted in (((forged,), ["1"]), (given, ["1", "1"])):
        found = add(client, *pictures, label="bars", collection="ours")
        assert set(found["counts"].values()) == {0}
        notes = [note for note in found["notes"] if "to another collection" in note]
        assert [note.split()[1] for note in notes] == noted
    with Store.open(own_index) as store, store.view() as view:
        places = np.flatnonzero(view.select({"collection": "theirs"}))
        assert [entry.label for entry in view.entries(places)] == ["disc", "disc"]
        assert not view.select({"collection": "ours"}).any()
    again = add(client, *given, label="bars", collection="theirs")
    assert again["counts"]["replaced"] == 2


def test_pictures_are_refused_where_the_index_cannot_be_written(
    client: TestClient, own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    answer = client.post("/api/v1/pictures", files={"image": png(draw("disc", 705))})
    assert answer.status_code == 503
    assert not list((own_index / "uploads").glob("*"))


def test_dicom_and_other_pictures_go_in_together_and_what_is_none_is_told(
    client: TestClient, make_dicom: Callable[..., bytes], identity: tuple[str, ...], own_index: Path
) -> None:
    found = add(client, make_dicom(draw("disc", 703)), png(draw("bars", 703)), b"no picture")
    assert found["counts"]["new"] == 2
    assert "skipped 1 unreadable picture:" in found["notes"]
    with Store.open(own_index) as store, store.view() as view:
        kept = str(view.entries(np.arange(len(view.gallery.keys))))
    assert not any(word in kept + json.dumps(found) for word in identity)


def test_of_two_kinds_one_goes_in_where_nothing_of_the_other_can_be_read(
    client: TestClient, make_dicom: Callable[..., bytes]
) -> None:
    scan = make_dicom(draw("disc", 703))
    for given, new in (((scan, b"no picture"), 1), ((scan[:900], b"no picture"), 0)):
        found = add(client, *given)
        assert (found["stage"], found["counts"]["new"]) == ("done", new)
        assert found["notes"].count("skipped 1 unreadable picture:") == 2 - new


def test_progress_is_told_as_it_changes(client: TestClient) -> None:
    answer = client.post("/api/v1/pictures", files={"image": png(draw("disc", 704))})
    with client.stream("GET", f"/api/v1/jobs/{answer.json()['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line]
    said = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert said[-1]["stage"] == "done"
    assert [one["stage"] for one in said] == sorted(
        (one["stage"] for one in said), key=("waiting", "running", "done").index
    )


def test_a_job_is_its_owners_alone(client: TestClient, tokens: dict[str, Token]) -> None:
    job = add(client, png(draw("disc", 705)))["id"]
    for path in (f"/api/v1/jobs/{job}", f"/api/v1/jobs/{job}/events"):
        answer = client.get(path, headers=tokens["admin"].headers)
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such job")


def test_what_was_taken_over_is_in_the_audit_log(client: TestClient, own_index: Path) -> None:
    add(client, png(draw("disc", 706)), collection="fresh")
    with AuditLog.open(own_index) as log:
        events = [one.event for one in log.records() if one.event.action == "add"]
    assert [(e.actor.user, e.detail, e.count, e.collection) for e in events] == [
        ("curator", "begun", 1, "fresh"),
        ("curator", "done", 1, "fresh"),
    ]


def test_a_change_of_an_audited_index_is_recorded_once_in_the_name_of_who_wanted_it(
    bundle: Path, pictures: Path, make_dicom: Callable[..., bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "audited"
    words = ("--model", bundle, "--data", f"{pictures}#val", "--index", folder, "--audited")
    assert acir("index", "build", *words).code == 0
    curator = people(folder)["curator"]
    with AuditLog.open(folder) as log:
        before = sum(1 for _ in log.records())
    with TestClient(create_app(ServeSettings(index=str(folder))), HOST) as client:
        client.headers.update(curator.headers)
        # Two kinds of files are two additions to the library, and one to who sends them.
        add(client, png(draw("disc", 710)), make_dicom(draw("bars", 710)), collection="fresh")
        found = client.post(
            "/api/v1/search",
            files={"image": make_dicom(draw("bars", 711))},
            params={"where": "collection=fresh"},
        ).json()
        name = found["hits"][0]["id"]
        assert client.delete("/api/v1/pictures", params={"id": name}).json() == {"deleted": 1}
    with AuditLog.open(folder) as log:
        events = [record.event for record in log.records()][before:]
    assert [(e.actor.user, e.action, e.detail, e.count) for e in events[1:-1]] == [
        ("curator", "add", "begun", 2),
        ("curator", "add", "done", 2),
        ("curator", "search", "", len(found["hits"])),
        ("curator", "delete", "", 1),
    ]
    assert events[-2].collection == "fresh"


def test_a_deletion_that_fails_is_recorded_as_one(
    client: TestClient, own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise StorageError(f"no room at {own_index}")

    with Store.open(own_index) as store, store.view() as view:
        name = view.entries(np.arange(1))[0].id
    monkeypatch.setattr("acir.workflows.index.delete", fails)
    answer = client.delete("/api/v1/pictures", params={"id": name})
    assert answer.status_code == 503
    with AuditLog.open(own_index) as log:
        events = [one.event for one in log.records() if one.event.action == "delete"]
    assert [(e.outcome, e.detail) for e in events] == [("success", ""), ("failed", "StorageError")]


@pytest.mark.parametrize("role", ["viewer", "researcher", "nobody"])
def test_others_may_neither_add_nor_delete(
    client: TestClient, tokens: dict[str, Token], role: str
) -> None:
    headers = tokens[role].headers
    files = {"image": png(draw("disc", 1))}
    assert client.post("/api/v1/pictures", files=files, headers=headers).status_code == 403
    answer = client.delete("/api/v1/pictures", params={"id": "x"}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("label", ["a/b", "..", ".hidden", "x" * 65, "two\nlines"])
def test_a_label_that_is_none_is_refused_and_the_record_says_so(
    client: TestClient, own_index: Path, label: str
) -> None:
    files = {"image": png(draw("disc", 1))}
    answer = client.post("/api/v1/pictures", files=files, params={"label": label})
    assert answer.status_code == 422
    assert "a label has at most 64 characters and no slash" in answer.json()["detail"]
    with AuditLog.open(own_index) as log:
        events = [one.event for one in log.records() if one.event.action == "add"]
    assert [(e.outcome, e.detail) for e in events] == [
        ("success", "begun"),
        ("failed", "UsageError"),
    ]


@pytest.mark.parametrize("name", ["*", " "])
def test_a_collection_that_could_not_be_granted_is_refused_before_anything_is_taken_over(
    client: TestClient, name: str
) -> None:
    files = {"image": png(draw("disc", 1))}
    answer = client.post("/api/v1/pictures", files=files, params={"collection": name})
    assert answer.status_code == 422
    said = f"a collection cannot be called {name!r}; give it a name of its own"
    assert answer.json()["detail"] == said


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_was_acknowledged_is_done_after_a_crash(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise SystemExit  # ends the thread there and then

    told = list[Job]()
    monkeypatch.setattr("acir.workflows.index.add", killed)
    crashed = Additions(own_index, told.append)
    jobs = [
        crashed.begin("curator", [png(draw(kind, 707)) for kind in ("disc", "bars")], kind, "new")
        for kind in ("disc", "bars")
    ]
    half = own_index / FOLDER / ("b" * 32 + ".part")  # not acknowledged
    half.mkdir()
    monkeypatch.undo()
    with Additions(own_index, told.append) as running:
        end = monotonic() + 60
        while len(told) < 2 and monotonic() < end:
            sleep(0.02)
        assert all(running.find(job.id, "curator") is not None for job in jobs)
        assert running.find(jobs[0].id, "other") is None
    assert {(one.id, one.stage) for one in told} == {(job.id, "done") for job in jobs}
    assert list((own_index / FOLDER).iterdir()) == []


def test_a_job_that_fails_is_told_and_does_not_stop_the_next(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        monkeypatch.undo()
        raise StorageError(f"no room at {own_index}")

    told = list[Job]()
    monkeypatch.setattr("acir.workflows.index.add", fails)
    with Additions(own_index, told.append) as running:
        for number in (708, 709):
            running.begin("curator", [png(draw("disc", number))], "", "")
        end = monotonic() + 60
        while len(told) < 2 and monotonic() < end:
            sleep(0.02)
    assert [one.stage for one in told] == ["failed", "done"]
    assert told[0].notes == ("they could not be added (StorageError)",)


@pytest.mark.parametrize("error", [ValueError("what nobody thought of"), MemoryError()])
def test_whatever_ends_a_job_the_next_is_begun(
    own_index: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("acir.workflows.index.add", fails)
    with Additions(own_index, lambda _: None) as running:
        jobs = [running.begin("curator", [bytes([n])], "", "") for n in range(2)]
        assert [stage_over(running, job) for job in jobs] == ["failed", "failed"]
    assert list((own_index / FOLDER).iterdir()) == []


def test_a_job_that_cannot_be_recorded_is_failed_and_done_again_by_the_next_start(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acir.workflows.index.add", lambda *_, **__: Added(1, 0, 0))

    def mute(_: Job) -> None:
        raise AuditError("the log is full")

    with Additions(own_index, mute) as running:
        jobs = [running.begin("curator", [bytes([n])], "", "") for n in range(2)]
        assert [stage_over(running, job) for job in jobs] == ["failed", "failed"]
    with Additions(own_index, lambda _: None) as again:
        assert [stage_over(again, job) for job in jobs] == ["done", "done"]
    assert list((own_index / FOLDER).iterdir()) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_killed_while_a_job_is_removed_the_server_starts_again(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(folder: Path, **_: object) -> None:
        (folder / "job.json").unlink()  # and no more
        raise SystemExit

    monkeypatch.setattr("acir.workflows.index.add", lambda *_, **__: Added(1, 0, 0))
    monkeypatch.setattr("shutil.rmtree", killed)
    crashed = Additions(own_index, lambda _: None)
    crashed.begin("curator", [b"x"], "", "")
    crashed._thread.join(60)
    monkeypatch.undo()
    with Additions(own_index, lambda _: None):
        assert list((own_index / FOLDER).iterdir()) == []


def stage_over(running: Additions, job: Job) -> str:
    end = monotonic() + 60
    while monotonic() < end:
        found = running.find(job.id, "curator")
        assert found is not None
        if found.is_over:
            return found.stage
        sleep(0.02)
    raise AssertionError("the job did not end in a minute")


def test_only_the_last_jobs_that_are_over_are_remembered(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acir.workflows.index.add", lambda *_, **__: Added(1, 0, 0))
    monkeypatch.setattr("acir.workflows.serving.additions.REMEMBERED", 2)
    told = list[Job]()
    with Additions(own_index, told.append) as running:
        jobs = [running.begin("curator", [bytes([n])], "", "") for n in range(4)]
        end = monotonic() + 60
        while len(told) < 4 and monotonic() < end:
            sleep(0.02)
    found = [running.find(job.id, "curator") is not None for job in jobs]
    assert found == [False, False, True, True]


def test_a_disk_that_takes_nothing_is_told(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with Additions(own_index, lambda _: None) as running:
        monkeypatch.setattr("acir.durable.synchronise_all", full)
        with pytest.raises(StorageError, match="the pictures cannot be kept: No space left on d"):
            running.begin("curator", [b"x"], "", "")
        assert list((own_index / FOLDER).iterdir()) == []  # nothing of it takes room
        with pytest.raises(UsageError, match="a label has at most 64 characters and no slash"):
            running.begin("curator", [b"x"], "a/b", "")
