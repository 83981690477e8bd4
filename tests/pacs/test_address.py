"""An address says where a server is and no more, and leads nowhere that no PACS is."""

import socket
from dataclasses import replace

import pytest

from acir.errors import UnreachableError, UsageError
from acir.pacs.address import checked, resolved
from acir.pacs.settings import Server

SERVER = Server(name="main", url="", plain_http=True)
FORBIDDEN = [
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "::ffff:127.0.0.1",
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "192.0.0.192",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "2002:7f00:1::",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_name_that_leads_where_no_pacs_is_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("192.168.0.7", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    place = checked(SERVER, "http://pacs.test/")
    with pytest.raises(UsageError, match=r"the server main is at .*, where no PACS is"):
        resolved(SERVER, place)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
def test_this_machine_must_be_written_as_such(host: str) -> None:
    with pytest.raises(UsageError, match="where no PACS is"):
        resolved(SERVER, checked(SERVER, f"http://{host}:80/"))


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("10.0.0.8", "10.0.0.8")]
)
def test_an_address_that_is_written_out_is_itself(host: str, address: str) -> None:
    assert resolved(SERVER, checked(SERVER, f"http://{host}:80/")) == (address,)


def test_a_name_that_has_no_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UnreachableError, match=r"the server main, pacs\.test, cannot be resolved"):
        resolved(SERVER, checked(SERVER, "http://pacs.test/"))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://pacs/", "expected https://HOST/PATH"),
        ("pacs.hospital", "expected https://HOST/PATH"),
        ("https://pacs:port/", "expected https://HOST/PATH"),
        ("https://user:secret@pacs/", "holds more than a place"),
        ("https://pacs/?token=1", "holds more than a place"),
        ("http://pacs.hospital/", "is not encrypted"),
    ],
)
def test_an_address_that_says_too_much_or_little_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        checked(replace(SERVER, plain_http=False), url)
