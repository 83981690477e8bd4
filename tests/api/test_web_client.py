"""The client before the real application at a real port."""

import socket
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import httpx
import pytest
from pydantic import TypeAdapter

from acir.api.app import create_app
from acir.api.client import Client
from acir.api.reaching import TOKEN
from acir.api.schemas import Answer, Job
from acir.errors import ComponentError, ProblemError, ServerError, UsageError
from acir.pacs.settings import PacsTable
from acir.workflows.search import open_index
from acir.workflows.serving.settings import ServeSettings
from made_browser import listening
from made_dicomweb import Answer as Given
from made_dicomweb import Asked, Made, dicomweb, serve
from made_model import draw, foreign, save
from made_ports import free_port
from made_web import Token, png

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "client.md"
SOP = "1.2.3"
NAMES = {"scan.png": "CANARY"}


@pytest.fixture(scope="module")
def pacs(make_dicom: Callable[..., bytes]) -> Iterator[Made]:
    """Return a PACS that has one picture."""
    picture = make_dicom(draw("disc", 122), SOPInstanceUID=SOP)
    answer = dicomweb({f"1.1/1.2/{SOP}": picture})

    def by_query(asked: Asked) -> Given:
        if "instances?" in asked.path and f"SOPInstanceUID={SOP}&" not in asked.path:
            return Given(b"[]")
        return answer(asked)

    with serve(by_query) as made:
        yield made


@pytest.fixture(scope="module")
def address(place: Path, holders: dict[str, Token], pacs: Made) -> Iterator[str]:
    settings = ServeSettings(index=str(place), pacs=PacsTable(name="main", url=pacs.url))
    with listening(create_app(settings)) as found:
        yield found


@pytest.fixture
def token(holders: dict[str, Token], tmp_path: Path) -> Path:
    """Return the file of a curator's token, as an editor leaves it."""
    path = tmp_path / "acir.token"
    path.write_text(holders["curator"].secret + "\n", encoding="utf-8")
    return path


@pytest.fixture
def client(address: str, token: Path) -> Iterator[Client]:
    with Client(address, token_file=token) as found:
        yield found


def test_an_answer_is_the_librarys_own(client: Client, place: Path, tmp_path: Path) -> None:
    scan = save(draw("disc", 121), tmp_path / "Doe_Jane.png")
    found = client.search(scan, k=5, duplicates=True)
    with open_index(place) as searcher:
        expected = searcher.search(draw("disc", 121), k=5, keep_duplicates=True)
    assert [hit.id for hit in found.hits] == [hit.id for hit in expected.hits]
    assert found.verdict == (expected.verdict and expected.verdict.verdict)
    assert client.search(scan.read_bytes(), k=5, duplicates=True).hits == found.hits
    assert client.search(str(scan), k=5, duplicates=True).hits == found.hits


def test_a_wish_goes_as_it_is_meant(client: Client) -> None:
    picture = png(draw("disc", 121))
    every = client.search(picture, k=200, where={"label": "bars"}, force=True).hits
    least = every[0].similarity
    found = client.search(picture, k=200, where={"label": "bars"}, threshold=least, force=True)
    assert {hit.label for hit in every} == {"bars"}
    assert found.hits == [hit for hit in every if hit.similarity >= least] != every
    liked = every[0].id
    again = client.search_again(str(found.key), k=3, like=[liked], per="label")
    assert len(again.hits) <= 3
    assert liked not in {hit.id for hit in again.hits}
    near = client.feedback(key=found.key, positive=[liked], k=3)
    assert liked not in {hit.id for hit in near.hits}
    assert client.feedback(id=liked, negative=[every[1].id]).key is None


def test_views_are_one_case_and_are_checked_each(client: Client) -> None:
    views = png(draw("disc", 121)), png(foreign(0))
    found = client.search(*views)
    assert (found.views, found.worst_view) == (["picture 1", "picture 2"], "picture 2")
    assert [one.verdict for one in client.check(*views)] == ["known", "unknown"]


def test_a_picture_of_the_pacs_is_asked_about_by_its_uid(client: Client) -> None:
    found = client.search_pacs(SOP, k=3)
    assert (found.verdict, len(found.hits)) == ("known", 3)
    with pytest.raises(ProblemError, match="the server main has nothing of that name") as caught:
        client.search_pacs("1.9")
    assert caught.value.status == 404
    with pytest.raises(ProblemError, match="is not known as an Orthanc; give a UID"):
        client.search_pacs(orthanc="-".join(["0a1b2c3d"] * 5))


def test_what_is_stored_is_told(client: Client, place: Path) -> None:
    found = client.index()
    with open_index(place) as searcher:
        assert (found.pictures, found.model) == (len(searcher), searcher.bundle.id)
    assert client.collections() == found.collections
    hit = client.search(png(draw("disc", 121))).hits[0]
    assert client.record(hit.id).label == hit.label
    assert client.thumbnail(hit.id).startswith(b"\x89PNG")
    assert client.similar(hit.id, k=2).query == hit.id
    assert client.export(id=hit.id, k=2).count("\n") == 3  # a head and two rows
    assert '"hits"' in client.export(id=hit.id, form="json")


def test_pictures_are_added_with_progress_and_deleted(client: Client) -> None:
    job = client.add(png(draw("disc", 900)), png(draw("disc", 901)), label="x", collection="mine")
    seen = list(client.progress(job.id))
    assert [one.stage for one in seen] == sorted(
        (one.stage for one in seen), key=("waiting", "running", "done").index
    )
    assert seen[-1].counts == {"new": 2, "replaced": 0, "unchanged": 0}
    assert client.job(job.id) == seen[-1]
    assert client.collections()["mine"] == 2
    for hit in client.search(png(draw("disc", 902)), where={"collection": "mine"}).hits:
        assert client.delete(hit.id) == 1
    with pytest.raises(ProblemError, match=r"\(status 404\): there is no such job") as caught:
        list(client.progress("nothing"))
    assert caught.value.reason == "there is no such job"


def test_the_page_about_it_is_true(
    address: str, token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(draw("disc", 121), tmp_path / "scan.png")
    text = PAGE.read_text(encoding="utf-8").replace("http://127.0.0.1:8000", address)
    parts = [part.partition("\n```")[0] for part in text.split("```python\n")[1:]]
    assert len(parts) == 5
    names: dict[str, object] = {}
    for part in parts:
        exec(compile(part, str(PAGE), "exec"), names)
    job, answer = names["job"], names["answer"]
    assert isinstance(job, Job)
    assert isinstance(answer, Answer)
    assert (job.stage, job.counts["new"]) == ("done", 1)
    assert len(answer.hits) == 5


def test_the_token_may_be_in_the_environment(
    address: str, holders: dict[str, Token], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, holders["viewer"].secret)
    with Client(address) as client:
        assert client.collections()
        with pytest.raises(ProblemError, match=r"\(status 403\): you may not do this"):
            client.export(id="x")
    monkeypatch.setenv(TOKEN, "acir_wrong")
    with Client(address) as client, pytest.raises(ProblemError) as caught:
        client.index()
    assert caught.value.status == 401
    assert caught.value.reason.startswith("the server does not know who calls; send an API token")
    monkeypatch.delenv(TOKEN)
    with pytest.raises(UsageError, match="there is no token to send: give token_file, or set the"):
        Client(address)


def test_a_token_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the token cannot be read from .*; give a text file"):
        Client("https://acir", token_file=tmp_path / "nothing")
    empty = tmp_path / "empty"
    empty.write_text("\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"no token to send: .*empty is empty; write one into it"):
        Client("https://acir", token_file=empty)


def test_certificates_that_cannot_be_read_are_told(token: Path, tmp_path: Path) -> None:
    for given in (tmp_path / "none.pem", token):
        with pytest.raises(
            UsageError, match=r"the certificates .* cannot be read; give a PEM file"
        ):
            Client("https://acir", token_file=token, ca_file=given)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("acir.hospital", "is 'acir.hospital', expected https://HOST"),
        ("ftp://acir.hospital", "expected https://HOST"),
        ("http://acir.hospital", "is not encrypted, and whoever listens would have the token"),
        ("http://10.0.0.1:8000", "is not encrypted"),
    ],
)
def test_no_token_is_sent_where_anybody_may_read_it(token: Path, address: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Client(address, token_file=token)
    Client("https://acir.hospital/", token_file=token).close()
    Client("http://localhost:1", token_file=token).close()


def test_nothing_to_send_is_told(client: Client, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is nothing to send; give a picture"):
        client.search()
    with pytest.raises(UsageError, match=r"nothing\.png cannot be read \(No such file"):
        client.check(tmp_path / "nothing.png")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Given(b"<html>", "text/html", 502), r"\(status 502\): Bad Gateway"),
        (Given(b"", "text/plain", 599), r"\(status 599\): no reason was given"),
        (Given(b'{"status": 429, "title": "", "detail": "busy"}', status=429), "429\\): busy"),
    ],
)
def test_each_refusal_is_one_error(token: Path, given: Given, said: str) -> None:
    with serve(lambda asked: given) as made, Client(made.url, token_file=token) as client:
        with pytest.raises(ProblemError, match=said) as caught:
            client.index()
        assert caught.value.status == given.status
        assert caught.value.wait is None


def test_a_busy_server_says_when_to_come_again(token: Path) -> None:
    given = Given(status=429, headers={"Retry-After": "2"})
    with serve(lambda asked: given) as made, Client(made.url, token_file=token) as client:
        with pytest.raises(ProblemError) as caught:
            client.index()
        assert caught.value.wait == 2


def test_a_redirect_is_not_followed(token: Path) -> None:
    with serve(lambda asked: Given(b"{}")) as canary:
        leads = Given(status=302, headers={"Location": canary.url})
        with (
            serve(lambda asked: leads) as made,
            Client(made.url, token_file=token) as client,
            pytest.raises(ProblemError, match=r"\(status 302\): Found"),
        ):
            client.index()
        assert canary.asked == []


@pytest.mark.parametrize("body", [b"{}", b"no JSON", b"[]"])
def test_what_is_no_acir_is_said(token: Path, body: bytes) -> None:
    with (
        serve(lambda asked: Given(body)) as made,
        Client(made.url, token_file=token) as client,
        pytest.raises(ServerError, match="does not answer as acir serve does; check its address"),
    ):
        client.index()


def test_a_newer_server_may_say_more(token: Path, client: Client) -> None:
    said = client.index().model_dump() | {"news": 1}
    body = TypeAdapter(dict).dump_json(said)
    with (
        serve(lambda asked: Given(body)) as made,
        Client(made.url, token_file=token) as other,
    ):
        assert other.index() == client.index()


def test_a_server_that_is_away_or_silent_is_told(token: Path) -> None:
    with (
        Client(f"http://127.0.0.1:{free_port()}", token_file=token) as client,
        pytest.raises(ServerError, match=r"the server at 127\.0\.0\.1 does not answer \(Connect"),
    ):
        client.index()
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        Client(
            f"http://127.0.0.1:{mute.getsockname()[1]}", token_file=token, timeout_seconds=0.2
        ) as client,
        pytest.raises(ServerError, match=r"the server at 127\.0\.0\.1 does not answer \(ReadT"),
    ):
        client.index()


def test_the_name_of_a_file_is_not_sent(token: Path, tmp_path: Path) -> None:
    bodies = list[bytes]()

    def kept(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(500)

    scan = save(draw("disc", 121), tmp_path / "CANARY.png")
    with Client("http://127.0.0.1", token_file=token) as client:
        client._http = httpx.Client(base_url="http://x", transport=httpx.MockTransport(kept))
        with pytest.raises(ProblemError):
            client.search(scan)
    assert b"CANARY" not in bodies[0]
    assert b'filename="picture"' in bodies[0]


@pytest.mark.parametrize("library", ["httpx", "pydantic"])
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    for module in ("acir.api.client", "acir.api.schemas"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ComponentError, match=rf"needs '{library}'.*pip install 'acir\[client\]'"):
        import_module("acir.api.client")
