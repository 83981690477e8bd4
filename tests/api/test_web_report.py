"""An answer to a DICOM image is saved as a structured report, read here by highdicom."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from highdicom.sr import MeasurementReport, srread
from pydicom import dcmread
from pydicom.sr.coding import Code

from acir.governance.audit import AuditLog
from acir.pacs.origin import origin
from acir.workflows.serving import answering
from acir.workflows.serving.queries import examine
from acir.workflows.serving.served import Served
from made_answer import NAMED, PLACED, STUDY, faults
from made_model import draw, foreign
from made_web import Token, sign_in

MakeDicom = Callable[..., bytes]
LINK = ">DICOM SR<"


@pytest.fixture
def image(make_dicom: MakeDicom) -> bytes:
    return make_dicom(draw("disc", 120), **NAMED, **PLACED)


def ask(client: TestClient, *pictures: bytes, name: str = "researcher") -> str:
    """Give pictures as the page does; return the address of the answer."""
    form = {"csrf": sign_in(client, name)}
    files = [("image", ("CANARY.dcm", picture)) for picture in pictures]
    answer = client.post("/ask", data=form, files=files, follow_redirects=False)
    return str(answer.headers["location"])


def saved(client: TestClient, address: str, place: Path) -> Path:
    """Follow the link of a page to its report, and keep what comes."""
    link = client.get(address).text.rpartition(LINK)[0].rpartition('href="')[2].partition('"')[0]
    answer = client.get(link.replace("&amp;", "&"))
    assert answer.headers["content-type"] == "application/dicom"
    assert answer.headers["content-disposition"] == 'attachment; filename="answer.dcm"'
    place.write_bytes(answer.content)
    return place


def groups(path: Path) -> list[Any]:
    """Return the groups of measurements of a report as highdicom reads it."""
    content = srread(path).content
    assert isinstance(content, MeasurementReport)
    return content.get_image_measurement_groups()


def test_a_report_has_the_verdict_and_the_hits_and_belongs_to_the_study(
    client: TestClient, image: bytes, tmp_path: Path
) -> None:
    address = f"{ask(client, image)}&k=3"
    path = saved(client, address, tmp_path / "answer.dcm")
    made = dcmread(path)
    assert (made.StudyInstanceUID, made.PatientID) == (STUDY, "471108150947")
    assert (made.CompletionFlag, made.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert faults(made, tmp_path) == []
    key = parse_qs(urlsplit(address).query)["q"][0]
    shown = client.get("/export", params={"q": key, "k": 3, "format": "json"}).json()
    about, *similar = groups(path)
    (verdict,) = about.get_qualitative_evaluations(Code("verdict", "99ACIR", "Verdict"))
    assert verdict.value.value == shown["verdict"]
    assert len(similar) == len(shown["hits"]) == 3
    for group, hit in zip(similar, shown["hits"], strict=True):
        (found,) = group.get_measurements(Code("similarity", "99ACIR", "Similarity"))
        assert found.value == pytest.approx(hit["similarity"], abs=1e-6)


def test_a_withheld_answer_has_a_report_of_its_verdict_alone(
    client: TestClient, make_dicom: MakeDicom, tmp_path: Path
) -> None:
    address = ask(client, make_dicom(foreign(0), **NAMED))
    path = saved(client, address, tmp_path / "answer.dcm")
    (about,) = groups(path)
    (verdict,) = about.get_qualitative_evaluations(Code("verdict", "99ACIR", "Verdict"))
    assert verdict.value.value == "unknown"


def test_a_report_is_in_the_audit_log_with_whose_it_is(
    client: TestClient, image: bytes, web_index: Path, tmp_path: Path
) -> None:
    saved(client, ask(client, image), tmp_path / "answer.dcm")
    with AuditLog.open(web_index) as log:
        (last,) = islice(log.records(newest_first=True), 1)
    assert (last.event.action, last.event.actor.user) == ("export", "researcher")
    assert last.event.patients


def test_only_one_whole_dicom_image_has_a_report(
    client: TestClient, image: bytes, known: bytes, make_dicom: MakeDicom
) -> None:
    nameless = make_dicom(draw("disc", 120))
    part = f"{ask(client, image)}&box=10&box=10&box=90&box=90"
    for address in (ask(client, known), ask(client, image, image), ask(client, nameless), part):
        assert LINK not in client.get(address).text
        answer = client.get(address.replace("/search", "/export") + "&format=sr")
        assert answer.status_code == 422
        assert "a report is written about one DICOM image" in answer.json()["detail"]


def test_a_program_gets_the_same_report(
    client: TestClient, tokens: dict[str, Token], image: bytes, tmp_path: Path
) -> None:
    client.headers.update(tokens["researcher"].headers)
    key = client.post("/api/v1/search", files={"image": image}).json()["key"]
    answer = client.get("/api/v1/export", params={"key": key, "format": "sr"})
    (tmp_path / "answer.dcm").write_bytes(answer.content)
    assert len(groups(tmp_path / "answer.dcm")) == 11


def test_without_highdicom_there_is_no_link_and_a_sentence(
    client: TestClient, image: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = ask(client, image)
    assert LINK in client.get(address).text
    monkeypatch.setattr(answering, "find_spec", lambda _: None)
    assert LINK not in client.get(address).text
    answer = client.get(address.replace("/search", "/export") + "&format=sr")
    assert answer.status_code == 422
    assert "reports need highdicom, which is not installed" in answer.json()["detail"]


def test_a_viewer_saves_no_report(client: TestClient, image: bytes) -> None:
    address = ask(client, image, name="viewer")
    assert LINK not in client.get(address).text
    assert client.get(address.replace("/search", "/export") + "&format=sr").status_code == 403


def test_the_page_and_its_words_name_no_patient(
    client: TestClient, image: bytes, identity: tuple[str, ...]
) -> None:
    page = client.get(ask(client, image)).text
    assert LINK in page
    assert not [word for word in (*identity, STUDY) if word in page]


def test_a_header_counts_among_what_is_kept(web_index: Path, make_dicom: MakeDicom) -> None:
    small, large = (
        make_dicom(draw("disc", 120), **NAMED, ImageComments="x" * n) for n in (9, 9009)
    )
    with Served.open(web_index) as served:
        (one,), (other,) = (examine(served, [(data, None)]) for data in (small, large))
    assert other.size - one.size == 9000
    assert origin(large, "x").size > 9000
