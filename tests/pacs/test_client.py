"""The client asks the configured server and no other, whatever that server answers.

A canary is a second server on this machine: it must never be asked.
"""

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from threading import Thread

import pytest

from acir.errors import ComponentError, GoneError, PacsError, UnreachableError, UsageError
from acir.pacs.client import MIB, Client
from acir.pacs.feed import Feed, Listing
from acir.pacs.orthanc import Member, Orthanc, OrthancSeries
from acir.pacs.pages import BEYOND
from acir.pacs.patience import Patience
from acir.pacs.qido import DicomWeb, check_query
from acir.pacs.settings import Server
from made_dicomweb import Answer, Asked, Made, dicomweb, multipart, row, serve
from made_ports import free_port

HANDLE = "1.2/3.4/5.6"
SECRET = "user:password-of-the-pacs"


OPENED = list[Feed]()


def always(answer: Answer) -> Callable[[Asked], Answer]:
    return lambda asked: answer


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close what a test opened."""
    yield
    while OPENED:
        OPENED.pop().close()


def web(server: Server) -> DicomWeb:
    OPENED.append(found := DicomWeb(server))
    return found


def orthanc(server: Server) -> Orthanc:
    OPENED.append(found := Orthanc(server))
    return found


@pytest.fixture
def canary() -> Iterator[Made]:
    with serve(lambda asked: Answer(b"[]")) as made:
        yield made
        assert made.asked == []


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("PACS_SECRET", SECRET)
    return Server(name="main", url="", credentials_env="PACS_SECRET", timeout_seconds=5.0)


def at(server: Server, made: Made) -> Server:
    return replace(server, url=made.url, orthanc=made.url)


ASKING: list[Callable[[Server], object]] = [
    lambda server: web(server).search({}),
    lambda server: web(server).describe(HANDLE),
    lambda server: web(server).file(HANDLE),
    lambda server: orthanc(server).changes(0),
    lambda server: orthanc(server).listing(),
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("ask", ASKING)
def test_a_redirect_is_an_error_and_not_followed(
    server: Server, canary: Made, status: int, ask: Callable[[Server], object]
) -> None:
    answer = Answer(status=status, headers={"Location": f"{canary.url}/instances"})
    with serve(lambda asked: answer) as made:
        with pytest.raises(PacsError, match="leads to another address"):
            ask(at(server, made))
        assert len(made.asked) == 1  # and the credentials were sent once


@pytest.mark.parametrize("key", ["BulkDataURI", "RetrieveURL", "InlineBinary"])
@pytest.mark.parametrize("ask", ASKING[:3])
def test_an_address_that_a_server_names_is_not_asked(
    server: Server, canary: Made, key: str, ask: Callable[[Server], object]
) -> None:
    leading = {
        "7FE00010": {"vr": "OW", key: f"{canary.url}/bulk"},
        "00081190": {"vr": "UR", "Value": [f"{canary.url}/studies/1"]},
        "00081195": {"vr": "UR", "Value": [f"{canary.url}/{key}"]},
    }

    def answer(asked: Asked) -> Answer:
        if "instances/5.6" in asked.path and "metadata" not in asked.path:
            link = {"Link": f"<{canary.url}>; rel=next", "Content-Location": canary.url}
            return replace(multipart(b"file"), headers=link)
        return Answer(json.dumps([row(HANDLE, **leading)]).encode())

    with serve(answer) as made:
        ask(at(server, made))
        assert made.asked  # and so has told the address


class Rebinding:
    """A resolver that gives the right address once, and the canary's place ever after."""

    def __init__(self, answers: list[str]) -> None:
        self.answers, self.asked = answers, 0
        self.real = socket.getaddrinfo

    def __call__(self, host: str, port: int | None, *words: object, **more: object) -> object:
        if not host.endswith(".test"):
            return self.real(host, port, *words, **more)  # type: ignore[arg-type]
        self.asked += 1
        address = self.answers[min(self.asked, len(self.answers)) - 1]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port or 0))]


def test_no_client_is_made_for_where_no_pacs_is(
    server: Server, canary: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Rebinding(["127.0.0.1"]))
    with pytest.raises(UsageError, match=r"the server main is at 127\.0\.0\.1, where no PACS is"):
        Client(replace(server, plain_http=True), f"http://pacs.test:{canary.port}/")


def test_a_name_is_resolved_once(
    server: Server, canary: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 192.0.2.0/24 is for documentation: no connection can be made, and none goes elsewhere.
    rebinding = Rebinding(["192.0.2.1", "127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    connected = list[object]()

    def connect(address: tuple[str, int], *words: object, **more: object) -> socket.socket:
        connected.append(address[0])
        raise OSError("there is no such place")

    monkeypatch.setattr(socket, "create_connection", connect)
    client = Client(replace(server, plain_http=True), f"http://pacs.test:{canary.port}/")
    for _ in range(3):
        with pytest.raises(UnreachableError, match="does not answer"):
            client.json(["instances"])
    assert (rebinding.asked, set(connected)) == (1, {"192.0.2.1"})


@pytest.mark.parametrize("uid", ["..", "../x", "1.2/../..", "http://canary", "1.2?x", "", "1" * 65])
def test_an_identifier_that_leads_elsewhere_is_no_answer(
    server: Server, canary: Made, uid: str
) -> None:
    found = {**row(HANDLE), "00080018": {"vr": "UI", "Value": [uid]}}
    with serve(lambda asked: Answer(json.dumps([found]).encode())) as made:
        with pytest.raises(PacsError, match="does not answer as DICOMweb does"):
            web(at(server, made)).search({})
        assert len(made.asked) == 1


def test_no_segment_leaves_the_root(server: Server, canary: Made) -> None:
    with serve(lambda asked: Answer(b"{}")) as made, Client(server, f"{made.url}/web") as client:
        client.json(["a b", "c/d?e"], {"x": "1"})
        assert [asked.path for asked in made.asked] == ["/web/a%20b/c%2Fd%3Fe?x=1"]
        for segment in ("", ".", ".."):
            with pytest.raises(PacsError, match="is none; a server gave it as an identifier"):
                client.json([segment])


def test_the_environment_changes_nothing(
    server: Server, canary: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, canary.url)
    with serve(lambda asked: Answer(b"[]")) as made:
        assert web(at(server, made)).search({}) == Listing(())
        (asked,) = made.asked
        assert asked.headers["Host"] == f"127.0.0.1:{made.port}"
        assert asked.headers["Authorization"].startswith("Basic ")


def test_a_token_is_sent_as_it_is(
    server: Server, canary: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_SECRET", "Bearer abc")
    with serve(lambda asked: Answer(b"[]")) as made:
        web(at(server, made)).search({})
        assert made.asked[0].headers["Authorization"] == "Bearer abc"


def endless() -> Iterator[bytes]:
    while True:
        yield bytes(1 << 20)


def slow() -> Iterator[bytes]:
    for _ in range(100):
        time.sleep(0.1)
        yield b"x"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(endless()), "answered more than 1 MiB"),
        (Answer(slow()), "took longer than 2 s to answer"),
        (Answer(status=401), "refuses the credentials"),
        (Answer(status=500), "answered with status 500"),
        (Answer(b"x", headers={"Content-Encoding": "gzip"}), "answered compressed"),
    ],
)
def test_what_cannot_be_used_is_said(server: Server, answer: Answer, sentence: str) -> None:
    limited = replace(server, timeout_seconds=2.0)
    with serve(lambda asked: answer) as made, Client(limited, made.url) as client:
        with pytest.raises(PacsError, match=sentence) as caught:
            client.fetch(["x"], None, "*/*", 1)
        assert SECRET.partition(":")[2] not in str(caught.value)


def test_the_limit_itself_is_allowed(server: Server) -> None:
    with serve(lambda asked: Answer(bytes(MIB))) as made, Client(server, made.url) as client:
        assert len(client.fetch(["x"], None, "*/*", 1)[0]) == MIB


def test_silence_is_not_waited_for(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with (
            Client(replace(server, timeout_seconds=0.2), url) as client,
            pytest.raises(PacsError, match="was silent for too long"),
        ):
            client.json([])


class HangingUp:
    """Answers the first question on a connection and hangs up at the second."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.heard = list[bytes]()
        Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        with suppress(OSError):  # the socket is closed at the end of the test
            while True:
                connection, _ = self.listening.accept()
                with connection:
                    self.hear(connection)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
                    self.hear(connection)

    def hear(self, connection: socket.socket) -> None:
        """Read a question whole; what is sent with one ends with x."""
        heard = b""
        while not heard.endswith(b"x" if heard.startswith(b"POST ") else b"\r\n\r\n"):
            more = connection.recv(65536)
            if not more:
                break
            heard += more
        self.heard.append(heard)


@pytest.fixture
def hanging_up() -> Iterator[HangingUp]:
    found = HangingUp()
    yield found
    found.listening.close()


def test_a_server_that_hangs_up_is_asked_once_more(server: Server, hanging_up: HangingUp) -> None:
    url = f"http://127.0.0.1:{hanging_up.port}"
    with Client(server, url) as client:
        assert [client.json(["studies"]) for _ in range(3)] == [[], [], []]
    # the second and the third question were each asked again on a connection of their own
    assert sum(heard.startswith(b"GET ") for heard in hanging_up.heard) == 5


def test_what_may_have_changed_something_is_not_sent_twice(
    server: Server, hanging_up: HangingUp
) -> None:
    url = f"http://127.0.0.1:{hanging_up.port}"
    with Client(server, url) as client:
        assert client.post(["studies"], b"x", "text/plain", "application/json") == b"[]"
        with pytest.raises(UnreachableError, match="does not answer"):
            client.post(["studies"], b"x", "text/plain", "application/json")
    assert sum(heard.startswith(b"POST ") for heard in hanging_up.heard) == 2


def test_what_is_not_there_and_who_is_not_there_are_told_apart(server: Server) -> None:
    with (
        serve(lambda asked: Answer(status=404)) as made,
        Client(server, made.url) as client,
        pytest.raises(GoneError, match="has nothing there"),
    ):
        client.json(["x"])
    with (
        Client(server, f"http://127.0.0.1:{free_port()}") as client,
        pytest.raises(UnreachableError, match="does not answer"),
    ):
        client.json(["x"])
    with pytest.raises(UnreachableError, match="cannot be resolved"):
        Client(server, "https://no-such-host.invalid/")


def test_what_is_no_json_is_said_and_not_quoted(server: Server) -> None:
    with (
        serve(lambda asked: Answer(b"CANARY^PATRICIA")) as made,
        Client(server, made.url) as client,
    ):
        with pytest.raises(PacsError, match="answered what is not JSON") as caught:
            client.json([])
        assert "CANARY" not in str(caught.value)
        assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"Changes": 3, "Last": 1}', '{"Last": "PATRICIA"}']
)
def test_what_is_no_orthanc_is_said(server: Server, content: str) -> None:
    with serve(lambda asked: Answer(content.encode())) as made:
        feed = orthanc(at(server, made))
        refused = pytest.raises(PacsError, match="does not answer as an Orthanc does")
        with refused:
            feed.changes(0)
        if content != "[]":
            with refused:
                feed.listing()
        if '"Last": 1' not in content:
            with refused:
                feed.last()


def test_an_identifier_of_orthanc_is_checked(server: Server) -> None:
    refused = pytest.raises(PacsError, match="does not answer as an Orthanc does")
    with serve(lambda asked: Answer(b'["../system"]')) as made, refused:
        orthanc(at(server, made)).listing()


@pytest.mark.parametrize(
    "content",
    ["{}", "[3]", '[{"ID": "../a", "Instances": [], "IsStable": true}]', '[{"ID": "PATRICIA"}]'],
)
def test_what_is_no_list_of_series_is_said(server: Server, content: str) -> None:
    refused = pytest.raises(PacsError, match="does not answer as an Orthanc does")
    with serve(lambda asked: Answer(content.encode())) as made, refused:
        OPENED.append(feed := OrthancSeries(at(server, made)))
        feed.series()


@pytest.mark.parametrize("content", ["[]", '{"../a": {}}', f'{{"{"-".join(5 * ["0" * 8])}": 3}}'])
def test_what_are_no_members_of_a_series_is_said(server: Server, content: str) -> None:
    refused = pytest.raises(PacsError, match="does not answer as an Orthanc does")
    with serve(lambda asked: Answer(content.encode())) as made, refused:
        OPENED.append(feed := OrthancSeries(at(server, made)))
        feed.members("a", Patience("main"))


def test_members_that_an_orthanc_has_lost_hide_no_other(server: Server) -> None:
    kept, lost = ("-".join([digit * 8] * 5) for digit in "ab")
    answers = {
        "/series/a": {"Instances": [kept, lost]},
        f"/instances/{kept}/tags?short=": {"0008,0018": "1.2", "0008,0060": "CT"},
    }

    def answer(asked: Asked) -> Answer:
        found = answers.get(asked.path)
        return Answer(json.dumps(found).encode(), status=500 if found is None else 200)

    with serve(answer) as made:
        OPENED.append(feed := OrthancSeries(at(server, made)))
        found = feed.members("a", Patience("main"))
        assert [*found] == [kept, lost]
        member, error = found.values()
        assert isinstance(member, Member)
        assert (member.description.uid, member.description.modality) == ("1.2", "CT")
        assert str(error) == "the server main answered with status 500"
    with pytest.raises(UnreachableError):
        feed.members("a", Patience("main"))


@pytest.mark.parametrize("content", ["{}", '[{"00080018": 3}]', "[3]"])
def test_what_is_no_dicomweb_is_said(server: Server, content: str) -> None:
    with serve(lambda asked: Answer(content.encode())) as made:
        feed = web(at(server, made))
        for ask in (lambda: feed.search({}), lambda: feed.file(HANDLE)):
            with pytest.raises(PacsError, match="does not answer as DICOMweb does"):
                ask()
        if content == "{}":
            with pytest.raises(PacsError, match="does not answer as DICOMweb does"):
                feed.describe(HANDLE)


def test_a_name_is_looked_for_at_each_level(server: Server) -> None:
    def only_study(asked: Asked) -> Answer:
        rows = (
            [row("1.1/1.2/9.10"), row("1.1/1.2/9.9")]
            if "StudyInstanceUID=1.1" in asked.path
            else []
        )
        return Answer(json.dumps(rows).encode())

    with serve(only_study) as made:
        # As a device counts, not as letters are sorted.
        assert web(at(server, made)).named("1.1").handles == ("1.1/1.2/9.9", "1.1/1.2/9.10")
        with pytest.raises(GoneError, match="the server main has nothing of that name; check it"):
            web(at(server, made)).named("1.3")
        with pytest.raises(
            UsageError, match="that is no UID; expected digits and dots, at most 64"
        ):
            web(at(server, made)).named("1.3*")


def test_other_instances_than_those_of_a_name_are_no_answer(server: Server) -> None:
    refused = pytest.raises(PacsError, match="answers with other instances than those of the UID")
    with serve(dicomweb({HANDLE: b""})) as made, refused:
        web(at(server, made)).named("1.3")


def test_an_orthanc_tells_the_uid_of_its_own_names(server: Server) -> None:
    name = "-".join(["0a1b2c3d"] * 5)
    found = {f"/series/{name}": {"SeriesInstanceUID": "1.2"}}

    def answer(asked: Asked) -> Answer:
        tags = found.get(asked.path)
        return Answer(json.dumps({"MainDicomTags": tags}).encode(), status=200 if tags else 404)

    with serve(answer) as made:
        assert orthanc(at(server, made)).uid_of(name) == "1.2"
        found[f"/series/{name}"] = {"SeriesInstanceUID": "../1.2"}
        with pytest.raises(PacsError, match="does not answer as an Orthanc does"):
            orthanc(at(server, made)).uid_of(name)
        found.clear()
        with pytest.raises(GoneError, match="the server main has nothing of that name; check it"):
            orthanc(at(server, made)).uid_of(name)
        with pytest.raises(UsageError, match="none of Orthanc's identifiers; expected five groups"):
            orthanc(at(server, made)).uid_of("../system")


def test_no_content_is_no_instance(server: Server) -> None:
    with serve(lambda asked: Answer(status=204)) as made:
        assert web(at(server, made)).search({}) == Listing(())


def test_a_server_without_pages_ends_a_search(server: Server) -> None:
    content = json.dumps([row(HANDLE)]).encode()
    with serve(lambda asked: Answer(content)) as made:
        assert web(at(server, made)).search({"Modality": "CT"}) == Listing((HANDLE,))
        places = [asked.path.rpartition("&offset=")[2] for asked in made.asked]
        assert places == ["0", "1", str(BEYOND)]  # a server that has pages has nothing there


def test_a_file_comes_alone_or_as_the_only_part(server: Server) -> None:
    for answer in (multipart(b"\r\nfile\r\n"), Answer(b"\r\nfile\r\n", "application/dicom")):
        with serve(always(answer)) as made:
            assert web(at(server, made)).file(HANDLE) == b"\r\nfile\r\n"


def test_a_key_that_is_no_keyword_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no keyword of DICOM.* Did you mean 'Modality'\?"):
        check_query({"Modalitty": "CT"})


def test_certificates_that_cannot_be_read_are_said(server: Server) -> None:
    with pytest.raises(UsageError, match=r"the certificates of the server main, none\.pem, cannot"):
        Client(replace(server, ca_file="none.pem"), "https://127.0.0.1/")


@pytest.mark.parametrize(
    ("library", "module"), [("httpx", "acir.pacs.client"), ("pynetdicom", "acir.pacs.scp")]
)
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, library: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ComponentError, match=rf"needs '{library}'.*pip install 'acir\[pacs\]'"):
        import_module(module)
