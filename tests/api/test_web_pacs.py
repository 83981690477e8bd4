"""A question by what a PACS calls a picture: fetched there and nowhere else, and recorded."""

import json
import logging
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from threading import Event
from time import sleep
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from fastapi.testclient import TestClient

from acir.api.app import create_app
from acir.api.log import write_to
from acir.api.server import prepare
from acir.errors import UsageError
from acir.governance.audit import AuditEvent, AuditLog
from acir.pacs.settings import PacsTable
from acir.privacy.pseudonym import load_key, pseudonym
from acir.workflows.serving.settings import LimitsTable, ServeSettings
from made_dicomweb import Answer, Asked, Made, dicomweb, multipart, row, serve
from made_frames import enhanced, lying
from made_model import acir, draw
from made_orthanc import CREDENTIALS, MadeOrthanc
from made_web import HOST, PASSWORD, Token, sign_in

MakeDicom = Callable[..., bytes]
SOP, SERIES, STUDY = "1.2.3", "1.2", "1.1"
HANDLE = f"{STUDY}/{SERIES}/{SOP}"
UUID = "-".join(["0a1b2c3d"] * 5)
SEARCH = "/api/v1/search/pacs"


@pytest.fixture(scope="module")
def picture(make_dicom: MakeDicom) -> bytes:
    return make_dicom(draw("disc", 122), SOPInstanceUID=SOP)


@contextmanager
def asking(place: Path, token: Token | None, made: Made, **more: object) -> Iterator[TestClient]:
    """Serve an index beside a PACS, to one who may fetch from it."""
    limits = LimitsTable(views=more.pop("views", 16))  # type: ignore[arg-type]
    table = PacsTable(**{"name": "main", "url": made.url, **more})  # type: ignore[arg-type]
    settings = ServeSettings(index=str(place), pacs=table, limits=limits)
    headers = token.headers if token else {}
    with TestClient(
        create_app(settings), HOST, headers=headers, raise_server_exceptions=False
    ) as client:
        yield client


def by_query(instances: dict[str, bytes]) -> Callable[[Asked], Answer]:
    """Answer QIDO-RS as a PACS that looks at what is asked for."""
    keys = {"StudyInstanceUID": 0, "SeriesInstanceUID": 1, "SOPInstanceUID": 2}

    def answer(asked: Asked) -> Answer:
        query = {key: value[0] for key, value in parse_qs(urlsplit(asked.path).query).items()}
        chosen = {
            handle: data
            for handle, data in instances.items()
            if all(
                handle.split("/")[at] == query.get(k, handle.split("/")[at])
                for k, at in keys.items()
            )
        }
        return dicomweb(chosen)(asked)

    return answer


GONE = Answer(status=404)


def events(place: Path, count: int) -> list[AuditEvent]:
    """Return the last records, the newest last."""
    with AuditLog.open(place) as log:
        found = log.records(newest_first=True)
        return [next(found).event for _ in range(count)][::-1]


def test_a_uid_of_any_level_is_fetched_and_searched(
    place: Path, holders: dict[str, Token], picture: bytes
) -> None:
    with (
        serve(by_query({HANDLE: picture})) as made,
        asking(place, holders["researcher"], made) as client,
    ):
        files = {"image": picture}
        uploaded = client.post("/api/v1/search", files=files, params={"k": 3}).json()
        for uid in (SOP, SERIES, STUDY):
            found = client.post(SEARCH, json={"uid": uid}, params={"k": 3}).json()
            assert found["hits"] == uploaded["hits"]
            assert len(found["hits"]) == 3
        again = client.get("/api/v1/search", params={"key": found["key"], "k": 1}).json()
        assert again["hits"] == found["hits"][:1]


def test_what_was_fetched_is_recorded_by_pseudonyms(
    place: Path, holders: dict[str, Token], picture: bytes
) -> None:
    with (
        serve(by_query({HANDLE: picture})) as made,
        asking(place, holders["researcher"], made) as client,
    ):
        assert client.post(SEARCH, json={"uid": SOP}).status_code == 200
    patient = pseudonym(load_key(place / "secret.key"), "patient", "471108150947")
    view, search, _ = events(place, 3)
    assert (view.action, view.count, view.detail) == ("view", 1, "from the PACS")
    assert (view.actor.user, view.patients) == ("researcher", (patient,))
    assert (search.action, search.query) == ("search", view.query)
    assert patient in search.patients


def test_a_series_is_the_views_of_a_case_and_of_many_some_are_looked_at(
    place: Path, holders: dict[str, Token], make_dicom: MakeDicom
) -> None:
    slices = {
        f"1.1/1.2/9.{n}": make_dicom(
            draw("disc", 130 + n),
            SOPInstanceUID=f"9.{n}",
            ImagePositionPatient=[0, 0, 5 * n],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )
        for n in range(11)
    }
    with (
        serve(by_query(slices)) as made,
        asking(place, holders["researcher"], made, views=3) as client,
    ):
        found = client.post(SEARCH, json={"uid": SERIES}).json()
        files = [asked.path for asked in made.asked if "metadata" not in asked.path]
    assert found["views"] == ["picture 1", "picture 2", "picture 3"]
    assert "3 of 11 pictures are looked at, spread over all" in found["notices"]
    # Of the five that speak for the series, in the middles of its fifths.
    assert [path.rpartition("/")[2] for path in files[-3:]] == ["9.1", "9.5", "9.9"]


def test_what_the_pacs_does_not_give_of_a_series_is_told_and_the_rest_is_looked_at(
    place: Path, holders: dict[str, Token], make_dicom: MakeDicom
) -> None:
    slices = {
        f"1.1/1.2/9.{n}": make_dicom(draw("disc", 130 + n), SOPInstanceUID=f"9.{n}")
        for n in range(3)
    }
    whole = by_query(slices)

    def lost(asked: Asked) -> Answer:
        fails = "series/1.2/metadata" in asked.path or "instances/9.1" in asked.path
        return Answer(status=500) if fails else whole(asked)

    with serve(lost) as made, asking(place, holders["researcher"], made) as client:
        found = client.post(SEARCH, json={"uid": SERIES}).json()
    assert len(found["views"]) == 2
    assert withheld(1, 3) in found["notices"]


@pytest.mark.parametrize("what", ["lists", "describes"])
def test_an_instance_that_the_pacs_has_lost_is_counted_once(
    place: Path, holders: dict[str, Token], make_dicom: MakeDicom, what: str
) -> None:
    slices = {
        f"1.1/1.2/9.{n}": make_dicom(draw("disc", 130 + n), SOPInstanceUID=f"9.{n}")
        for n in range(3)
    }
    whole, rest = by_query(slices), by_query({h: f for h, f in slices.items() if h[-1] != "1"})

    def lost(asked: Asked) -> Answer:
        found = whole(asked)
        if "instances/9.1" in asked.path:
            return Answer(status=500)
        if what == "lists" and asked.path.startswith("/instances") and b'"9.1"' in found.body:
            return Answer(status=500)
        return rest(asked) if what == "describes" and "metadata" in asked.path else found

    with serve(lost) as made, asking(place, holders["researcher"], made) as client:
        found = client.post(SEARCH, json={"uid": SERIES}).json()
    assert len(found["views"]) == 2
    assert withheld(1, 3) in found["notices"]


def withheld(some: int, instances: int) -> str:
    return (
        f"the PACS does not give {some} of the {instances} instances that it has under this name; "
        "what it does not give was not looked at"
    )


def test_a_file_that_the_pacs_does_not_give_leaves_the_rest_to_be_looked_at(
    place: Path, holders: dict[str, Token], make_dicom: MakeDicom
) -> None:
    slices = {
        f"1.1/1.{m}/9.{m}{n}": make_dicom(draw("disc", 130 + n), SOPInstanceUID=f"9.{m}{n}")
        for m in (2, 3)
        for n in range(3)
    }
    whole, lost = by_query(slices), ["9.21"]

    def answer(asked: Asked) -> Answer:
        fails = asked.path.rpartition("/")[2] in lost
        return Answer(status=500) if fails else whole(asked)

    with serve(answer) as made, asking(place, holders["researcher"], made) as client:
        series = client.post(SEARCH, json={"uid": "1.2"}).json()
        study = client.post(SEARCH, json={"uid": "1.1"}).json()
        alone = client.post(SEARCH, json={"uid": "9.21"})
        lost += ["9.20", "9.22"]
        none = client.post(SEARCH, json={"uid": "1.2"})
    assert (len(series["views"]), len(study["views"])) == (2, 5)
    assert withheld(1, 3) in series["notices"]
    assert withheld(1, 6) in study["notices"]
    for refused in (alone, none):
        assert refused.status_code == 502
        assert refused.json()["detail"] == "the server main answered with status 500"


def test_a_pacs_that_is_silent_about_every_file_is_given_up(
    place: Path,
    holders: dict[str, Token],
    make_dicom: MakeDicom,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("acir.pacs.patience.SILENCES", 3)
    slices = {
        f"7.1/1.{n}/9.{n}": make_dicom(draw("disc", 130 + n), SOPInstanceUID=f"9.{n}")
        for n in range(6)
    }
    whole, asked_for = by_query(slices), list[str]()

    def silent(asked: Asked) -> Answer:
        if "/instances/" in asked.path:
            asked_for.append(asked.path)
            sleep(1.0)
        return whole(asked)

    with (
        serve(silent) as made,
        asking(place, holders["researcher"], made, timeout_seconds=0.5) as client,
    ):
        answer = client.post(SEARCH, json={"uid": "7.1"})
    assert answer.status_code == 502
    assert "silent about 3 instances in a row" in answer.json()["detail"]
    assert len(asked_for) == 3


def test_a_series_of_frames_in_one_file_is_the_views_of_a_case(
    place: Path, holders: dict[str, Token], make_dicom: MakeDicom
) -> None:
    frames = np.stack([draw("disc", 700 + n) for n in range(11)])
    ids = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "SOPInstanceUID": SOP}
    file = enhanced(make_dicom, frames, [lying(5.0 * n) for n in range(11)], **ids)
    with (
        serve(by_query({HANDLE: file})) as made,
        asking(place, holders["researcher"], made, views=3) as client,
    ):
        found = client.post(SEARCH, json={"uid": SERIES}).json()
        fetched = [asked.path for asked in made.asked if asked.path.endswith(f"instances/{SOP}")]
        files = [("image", make_dicom(frames[n])) for n in (1, 5, 9)]  # of five, every other one
        uploaded = client.post("/api/v1/search", files=files).json()
        alone = client.post(SEARCH, json={"uid": SOP}).json()
    assert "3 of 11 pictures are looked at, spread over all" in found["notices"]
    assert len(fetched) == 1
    assert [hit["similarity"] for hit in found["hits"]] == [
        hit["similarity"] for hit in uploaded["hits"]
    ]
    assert (alone["views"], len(alone["hits"])) == ([], 10)


def test_like_a_series_of_the_pacs_the_page_looks_for_series_where_the_index_has_some(
    place: Path, holders: dict[str, Token], make_dicom: MakeDicom, tmp_path: Path
) -> None:
    def slices(series: str, first: int) -> dict[str, bytes]:
        names = [f"{series}.{n}" for n in range(3)]
        return {
            f"1.1/{series}/{name}": make_dicom(
                draw("disc", first + n),
                PatientID=series,
                SeriesInstanceUID=series,
                SOPInstanceUID=name,
            )
            for n, name in enumerate(names)
        }

    asked, stored = slices("5.1", 150), slices("5.2", 160)

    def led_to(index: Path) -> tuple[str, str]:
        with serve(by_query(asked)) as made, asking(index, None, made) as client:
            sign_in(client, "researcher")
            led = client.get("/", params={"series": "5.1"}, follow_redirects=False)
            address = led.headers["location"]
            return address, client.get(address).text

    address, page = led_to(place)
    assert "per=" not in address
    assert 'name="per"' not in page
    own = shutil.copytree(place, tmp_path / "cells")
    for number, file in enumerate(stored.values()):
        (tmp_path / f"{number}.dcm").write_bytes(file)
    assert acir("index", "add", "--index", own, "--data", f"dicom:{tmp_path}").code == 0
    address, page = led_to(own)
    assert address.endswith("&per=Series")
    assert 'name="per" value="Series" checked' in page
    key = load_key(own / "secret.key")
    slices_of_it = [pseudonym(key, "instance", f"5.2.{n}") for n in range(3)]
    assert sum(name in page for name in slices_of_it) == 1  # a hit is a series


def test_what_has_no_pixels_is_left_out_and_alone_is_told(
    place: Path, holders: dict[str, Token], picture: bytes
) -> None:
    report = f"{STUDY}/{SERIES}/1.2.4"
    answer = by_query({HANDLE: picture, report: b"a report"})

    def without_rows(asked: Asked) -> Answer:
        if asked.path.endswith("1.2.4/metadata"):
            plain = {key: value for key, value in row(report).items() if key != "00280010"}
            return Answer(json.dumps([plain]).encode())
        return answer(asked)

    with serve(without_rows) as made, asking(place, holders["researcher"], made) as client:
        found = client.post(SEARCH, json={"uid": SERIES}).json()
        assert (found["verdict"], found["views"]) == ("known", [])
        alone = client.post(SEARCH, json={"uid": "1.2.4"})
    assert alone.status_code == 422
    assert alone.json()["detail"] == (
        "what the PACS has under this name is no picture; name another one"
    )


def test_what_an_orthanc_calls_it_is_enough(
    place: Path, holders: dict[str, Token], picture: bytes
) -> None:
    answer = by_query({HANDLE: picture})
    levels = {
        "instances": {"SOPInstanceUID": SOP},
        "series": {"SeriesInstanceUID": SERIES},
        "studies": {"StudyInstanceUID": STUDY},
    }
    known = dict[str, dict[str, str]]()

    def of_orthanc(asked: Asked) -> Answer:
        if UUID not in asked.path:
            return answer(asked)
        tags = known.get(asked.path.split("/")[1])
        return Answer(json.dumps({"MainDicomTags": tags}).encode()) if tags else GONE

    with (
        serve(of_orthanc) as made,
        asking(place, holders["researcher"], made, orthanc=made.url) as client,
    ):
        missing = client.post(SEARCH, json={"orthanc": UUID})
        assert missing.status_code == 404
        for level, tags in levels.items():
            known = {level: tags}
            assert client.post(SEARCH, json={"orthanc": UUID}).json()["verdict"] == "known"


def test_a_real_orthanc_is_asked(
    place: Path,
    holders: dict[str, Token],
    make_dicom: MakeDicom,
    orthanc: MadeOrthanc,
    tmp_path: Path,
) -> None:
    (tmp_path / "credentials").write_text(":".join(CREDENTIALS), encoding="utf-8")
    names = {"StudyInstanceUID": "1.2.826.1", "SeriesInstanceUID": "1.2.826.2"}
    identifiers = [
        orthanc.store(make_dicom(draw("disc", 140 + n), SOPInstanceUID=f"1.2.826.3.{n}", **names))
        for n in range(3)
    ]
    table = PacsTable(
        name="main",
        url=f"{orthanc.url}/dicom-web",
        orthanc=orthanc.url,
        credentials_file=str(tmp_path / "credentials"),
    )
    app = create_app(ServeSettings(index=str(place), pacs=table))
    with TestClient(app, HOST, headers=holders["researcher"].headers) as client:
        one = client.post(SEARCH, json={"uid": "1.2.826.3.1"}).json()
        same = client.post(SEARCH, json={"orthanc": identifiers[1]}).json()
        assert one["hits"]
        assert one["hits"] == same["hits"]
        for uid in names.values():
            assert len(client.post(SEARCH, json={"uid": uid}).json()["views"]) == 3
        gone = client.post(SEARCH, json={"uid": "1.2.826.9"})
        orthanc.file(identifiers[1]).unlink()
        orthanc.kill()  # what it has in memory is lost, too
        orthanc.start()
        for uid in names.values():
            rest = client.post(SEARCH, json={"uid": uid}).json()
            assert len(rest["views"]) == 2
            assert withheld(1, 3) in rest["notices"]
        lost = client.post(SEARCH, json={"uid": "1.2.826.3.1"})
    assert lost.status_code == 502
    assert lost.json()["detail"] == (
        "the server main fails to name what it has there; see whether it can read its files"
    )
    assert gone.status_code == 404
    assert gone.json()["detail"] == "the server main has nothing of that name; check it"


def test_who_has_to_sign_in_first_comes_back_to_the_picture(
    place: Path, holders: dict[str, Token], picture: bytes
) -> None:
    page = {"Accept": "text/html"}
    who = {"name": "researcher", "password": PASSWORD}
    with serve(by_query({HANDLE: picture})) as made, asking(place, None, made) as client:
        refused = client.get("/", params={"sop": SOP}, headers=page)
        (cookie,) = refused.headers.get_list("set-cookie")
        assert refused.status_code == 401
        assert {"HttpOnly", "Max-Age=600", "SameSite=lax"} <= set(cookie.split("; "))
        again = client.post("/login", data={**who, "password": "wrong"})
        assert again.status_code == 403
        signed = client.post("/login", data=who, follow_redirects=False)
        assert signed.headers["location"] == f"/?sop={SOP}"
        assert client.get(signed.headers["location"]).text.count("data-hit ") == 10
        assert client.cookies.get("acir_wanted") is None
        client.cookies.clear()
        for odd in ({"sop": "<b>"}, {"sop": SOP, "study": STUDY}, {"k": "3"}):
            client.get("/", params=odd, headers=page)
            assert client.cookies.get("acir_wanted") is None
        client.cookies.set("acir_wanted", "sop:1//elsewhere.test")
        signed = client.post("/login", data=who, follow_redirects=False)
        assert signed.headers["location"] == "/"


@pytest.mark.parametrize("form", ["page", "link"])
def test_a_page_goes_on_to_an_address_without_the_name(
    place: Path, holders: dict[str, Token], picture: bytes, form: str
) -> None:
    logged = StringIO()
    loggers = [logging.getLogger(name) for name in ("acir.api", "uvicorn.error")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    write_to(logged)
    try:
        with (
            serve(by_query({HANDLE: picture})) as made,
            asking(place, None, made) as client,
        ):
            token = sign_in(client, "researcher")
            assert 'name="uid"' in client.get("/").text
            if form == "page":
                said = {"uid": f" {SOP} ", "csrf": token}
                led = client.post("/ask/pacs", data=said, follow_redirects=False)
            else:
                led = client.get("/", params={"sop": SOP}, follow_redirects=False)
            assert led.status_code == 303
            page = client.get(led.headers["location"])
            shown = client.get(led.headers["location"].replace("/search", "/query/picture"))
    finally:
        for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
    assert page.text.count("data-hit ") == 10
    assert shown.content.startswith(b"\x89PNG")
    assert SOP not in led.headers["location"] + page.text + logged.getvalue()
    assert not any(SOP.encode() in path.read_bytes() for path in place.rglob("*.sqlite*"))


def test_an_error_of_a_link_does_not_carry_the_name_on(
    place: Path, holders: dict[str, Token]
) -> None:
    with serve(by_query({})) as made, asking(place, None, made) as client:
        known = client.get("/", params={"study": "9.8.7"}, headers={"Accept": "text/html"})
        sign_in(client, "researcher")
        gone = client.get("/", params={"study": "9.8.7"}, headers={"Accept": "text/html"})
    assert (known.status_code, gone.status_code) == (401, 404)
    assert "9.8.7" not in known.text + gone.text
    assert "There is nothing here" in gone.text


def test_without_the_right_nothing_is_asked_of_the_pacs(
    place: Path, holders: dict[str, Token], picture: bytes
) -> None:
    with serve(by_query({HANDLE: picture})) as made, asking(place, None, made) as client:
        for name in ("viewer", "nobody"):
            headers = holders[name].headers
            assert client.post(SEARCH, json={"uid": SOP}, headers=headers).status_code == 403
            assert client.get("/", params={"sop": SOP}, headers=headers).status_code == 403
            assert (events(place, 1)[0].outcome, events(place, 1)[0].actor.user) == ("denied", name)
        token = sign_in(client, "viewer")
        assert 'name="uid"' not in client.get("/").text
        said = {"uid": SOP, "csrf": token}
        assert client.post("/ask/pacs", data=said).status_code == 403
        assert made.asked == []


def test_a_form_of_another_site_is_refused(place: Path, holders: dict[str, Token]) -> None:
    with serve(by_query({})) as made, asking(place, None, made) as client:
        sign_in(client, "researcher")
        assert client.post("/ask/pacs", data={"uid": SOP, "csrf": "x"}).status_code == 403
        assert made.asked == []


def test_a_failure_of_the_pacs_is_told_and_recorded(place: Path, holders: dict[str, Token]) -> None:
    with (
        serve(lambda asked: Answer(status=500)) as made,
        asking(place, holders["researcher"], made) as client,
    ):
        answer = client.post(SEARCH, json={"uid": SOP})
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "the server main answered with status 500"
    with asking(place, holders["researcher"], made) as client:  # which is away by now
        away = client.post(SEARCH, json={"uid": SOP})
    assert away.status_code == 502
    assert away.json()["detail"].startswith("the server main does not answer")
    failed = [e for e in events(place, 5) if e.outcome == "failed"]
    assert [e.detail for e in failed] == [
        "from the PACS: FailedError",
        "from the PACS: UnreachableError",
    ]


def test_a_slow_pacs_holds_up_no_other_answer(
    place: Path, holders: dict[str, Token], picture: bytes
) -> None:
    answer, may_go_on = by_query({HANDLE: picture}), Event()

    def slow(asked: Asked) -> Answer:
        may_go_on.wait(60)
        return answer(asked)

    with (
        serve(slow) as made,
        asking(place, holders["researcher"], made, timeout_seconds=60.0) as client,
        ThreadPoolExecutor() as waiting,
    ):
        # As many as there are workers wait for the PACS.
        begun = [waiting.submit(client.post, SEARCH, json={"uid": SOP}) for _ in range(2)]
        try:
            while len(made.asked) < 2:
                sleep(0.01)
            found = client.post("/api/v1/search", files={"image": picture})
            assert found.json()["hits"]
            assert not any(one.done() for one in begun)
        finally:
            may_go_on.set()
        assert [one.result().json()["hits"] for one in begun] == [found.json()["hits"]] * 2


def test_a_server_without_a_pacs_says_so(
    program: Callable[[str], TestClient], client: TestClient
) -> None:
    answer = program("researcher").post(SEARCH, json={"uid": SOP})
    assert answer.status_code == 404
    assert (
        answer.json()["detail"] == "this server has no PACS; name one under [pacs] in its --config"
    )
    sign_in(client, "researcher")
    assert 'name="uid"' not in client.get("/").text


NEITHER = "give either a UID or what the Orthanc calls it"
NO_NAMES: tuple[tuple[dict[str, str], str], ...] = (
    ({}, NEITHER),
    ({"uid": SOP, "orthanc": UUID}, NEITHER),
    ({"orthanc": UUID}, "the PACS of this server is not known as an Orthanc; give a UID"),
    ({"uid": "x" * 300}, "uid: String should have at most 256 characters"),
)


def test_a_name_that_is_none_is_told(place: Path, holders: dict[str, Token]) -> None:
    with serve(by_query({})) as made, asking(place, holders["researcher"], made) as client:
        for named, said in NO_NAMES:
            answer = client.post(SEARCH, json=named)
            assert (answer.status_code, answer.json()["detail"]) == (422, said)
        two = client.get("/", params={"sop": SOP, "study": STUDY})
        assert two.json()["detail"] == "give one of sop, series and study"
        assert made.asked == []


# Security: S9 of the checklist. A canary is a second server on this machine that must never be
# asked; there are more than fifty ways to try it.

LEADING = [
    "../system", "..%2fsystem", "1.2/../../x", "1.2?x=1", "1.2#x", "1.2@{canary}", "//{canary}/1.2",
    "http://{canary}/1.2", "file:///etc/passwd", "1.2\\..", "1.2%0d%0aHost: x", "1.2\r\nX: y",
    "1.2 1.3", "1..2", "." , "1.2.", "*", "1.2*", "\u0661.\u0662", "1.2,1.3", "1.2\0", "1" * 65,
]  # fmt: skip


def canary_of(made: Made) -> str:
    return made.url.removeprefix("http://")


@pytest.fixture
def canary() -> Iterator[Made]:
    with serve(lambda asked: Answer(b"[]")) as made:
        yield made
        assert made.asked == []


@pytest.mark.parametrize("key", ["uid", "orthanc"])
def test_no_name_leads_elsewhere(
    place: Path, holders: dict[str, Token], canary: Made, key: str
) -> None:
    with (
        serve(by_query({})) as made,
        asking(place, holders["researcher"], made, orthanc=made.url) as client,
    ):
        for spelt in LEADING:
            name = spelt.format(canary=canary_of(canary))
            answer = client.post(SEARCH, json={key: name})
            assert answer.status_code == 422, name
            assert name not in answer.text or len(name) < 3
            linked = client.get("/", params={{"uid": "sop"}.get(key, key): name})
            assert linked.status_code in {404, 422}, name
        assert made.asked == []


REDIRECTS = (301, 302, 303, 307, 308)


@pytest.mark.parametrize(
    ("at", "named"),
    [
        ("instances?", {"uid": SOP}),
        ("/metadata", {"uid": SOP}),
        (f"instances/{SOP}", {"uid": SOP}),
        (f"series/{UUID}", {"orthanc": UUID}),
    ],
)
def test_no_redirect_of_the_pacs_is_followed(
    place: Path,
    holders: dict[str, Token],
    picture: bytes,
    canary: Made,
    at: str,
    named: dict[str, str],
) -> None:
    answer = by_query({HANDLE: picture})
    statuses = list(REDIRECTS)

    def leading(asked: Asked) -> Answer:
        if asked.path.endswith(at) or at in asked.path.partition("?")[0] + "?" * (
            "?" in asked.path
        ):
            location = {"Location": f"{canary.url}/instances"}
            return Answer(status=statuses[0], headers=location)
        return GONE if UUID in asked.path else answer(asked)

    with (
        serve(leading) as made,
        asking(place, holders["researcher"], made, orthanc=made.url) as client,
    ):
        while statuses:
            told = client.post(SEARCH, json=named)
            assert told.status_code == 502, statuses[0]
            assert "leads to another address" in told.json()["detail"]
            assert canary.url not in told.text
            statuses.pop(0)


@pytest.mark.parametrize("key", ["BulkDataURI", "RetrieveURL", "Link"])
def test_no_address_that_the_pacs_names_is_asked(
    place: Path, holders: dict[str, Token], picture: bytes, canary: Made, key: str
) -> None:
    more = {
        "7FE00010": {"vr": "OW", key: f"{canary.url}/bulk"},
        "00081190": {"vr": "UR", "Value": [f"{canary.url}/studies/1"]},
    }

    def leading(asked: Asked) -> Answer:
        if asked.path.endswith(f"instances/{SOP}"):
            return replace(multipart(picture), headers={"Link": f"<{canary.url}>; rel=next"})
        return Answer(json.dumps([row(HANDLE, **more)]).encode())

    with serve(leading) as made, asking(place, holders["researcher"], made) as client:
        assert client.post(SEARCH, json={"uid": SOP}).json()["verdict"] == "known"


@pytest.mark.parametrize("uid", ["..", "../x", "http://canary", "1.2?x", ""])
def test_no_name_that_the_pacs_gives_leads_elsewhere(
    place: Path, holders: dict[str, Token], canary: Made, uid: str
) -> None:
    found = {**row(HANDLE), "0020000E": {"vr": "UI", "Value": [uid]}}
    orthanc = {"MainDicomTags": {"SOPInstanceUID": uid}}

    def leading(asked: Asked) -> Answer:
        return Answer(json.dumps(orthanc if UUID in asked.path else [found]).encode())

    with (
        serve(leading) as made,
        asking(place, holders["researcher"], made, orthanc=made.url) as client,
    ):
        for named in ({"uid": SOP}, {"orthanc": UUID}):
            answer = client.post(SEARCH, json=named)
            assert answer.status_code == 502
            assert "does not answer as" in answer.json()["detail"]
        assert len(made.asked) == 2


def test_another_instance_than_was_asked_for_is_not_taken(
    place: Path, holders: dict[str, Token], picture: bytes
) -> None:
    with (
        serve(dicomweb({HANDLE: picture})) as made,  # which does not look at the query
        asking(place, holders["researcher"], made) as client,
    ):
        answer = client.post(SEARCH, json={"uid": "1.2.4"})
    assert answer.status_code == 502
    assert "answers with other instances than those of the UID" in answer.json()["detail"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "100.100.100.200", "0.0.0.0", "::",
     "224.0.0.1", "255.255.255.255", "::ffff:127.0.0.1"],
)  # fmt: skip
def test_a_server_does_not_start_beside_an_address_of_no_pacs(
    place: Path, canary: Made, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    real = socket.getaddrinfo

    def leads(host: str, port: int | None, *words: object, **more: object) -> object:
        if host != "pacs.test":
            return real(host, port, *words, **more)  # type: ignore[arg-type]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", leads)
    table = PacsTable(name="main", url=f"http://pacs.test:{canary.port}", plain_http=True)
    with pytest.raises(UsageError, match=r"the server main is at .*, where no PACS is"):
        prepare(ServeSettings(index=str(place), pacs=table))


def test_a_name_is_resolved_once_for_all_questions(
    place: Path, holders: dict[str, Token], canary: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = socket.getaddrinfo, list[str]()

    def rebinding(host: str, port: int | None, *words: object, **more: object) -> object:
        if host != "pacs.test":
            return real(host, port, *words, **more)  # type: ignore[arg-type]
        asked.append(host)
        # 192.0.2.0/24 is for documentation: no connection can be made.
        address = "192.0.2.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0))]

    def connect(*_: object, **__: object) -> socket.socket:
        raise OSError("there is no such place")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with asking(
        place, holders["researcher"], canary, url=f"http://pacs.test:{canary.port}", plain_http=True
    ) as client:
        monkeypatch.setattr(socket, "create_connection", connect)
        answers = [client.post(SEARCH, json={"uid": SOP}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {502}
    assert asked == ["pacs.test"]


def test_a_pacs_without_an_address_stops_only_questions_about_it(
    place: Path,
    holders: dict[str, Token],
    picture: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real, known = socket.getaddrinfo, set[str]()

    def resolve(host: str, port: int | None, *words: object, **more: object) -> object:
        if host == "pacs.test" and host not in known:
            raise socket.gaierror("no such name")
        return real("127.0.0.1" if host == "pacs.test" else host, port, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(
        "acir.pacs.address._is_forbidden", lambda *_: False
    )  # as this is on this machine
    said = "the name of the server main, pacs.test, cannot be resolved; check it"
    with serve(by_query({HANDLE: picture})) as made:
        url = f"http://pacs.test:{made.port}"
        with asking(place, holders["researcher"], made, url=url, plain_http=True) as client:
            assert f"the PACS cannot be asked for now: {said}" in caplog.messages
            assert client.get("/readyz").json() == {"status": "ok", "pacs": "not found"}
            refused = client.post(SEARCH, json={"uid": SOP})
            assert (refused.status_code, refused.json()["detail"]) == (502, said)
            assert client.post("/api/v1/search", files={"image": picture}).json()["hits"]
            known.add("pacs.test")
            assert client.post(SEARCH, json={"uid": SOP}).json()["hits"]
            assert client.get("/readyz").json() == {"status": "ok", "pacs": "ok"}


def test_what_is_wrong_with_the_pacs_is_told_before_anything_listens(place: Path) -> None:
    settings = ServeSettings(index=str(place))
    nowhere = PacsTable(name="main", url="https://no-such-host.invalid/")
    prepare(replace(settings, pacs=nowhere))  # its name may come to be known
    secret = PacsTable(name="main", url="http://127.0.0.1/", credentials_env="ACIR_NOT_SET")
    with pytest.raises(UsageError, match="environment variable ACIR_NOT_SET, which is not set"):
        prepare(replace(settings, pacs=secret))
