"""`acir serve`: the link of the first login, and the addresses that it does not listen at."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from acir.api import server
from acir.api.app import create_app
from acir.api.server import prepare
from acir.bundle import WEIGHTS
from acir.errors import UsageError
from acir.workflows.serving.settings import ServerTable, ServeSettings
from made_certificate import certificate
from made_model import acir, damage
from made_web import HOST, people

REFUSED = "can be reached from other machines, so people must sign in and nobody may listen"


def settings(index: Path, **table: object) -> ServeSettings:
    return ServeSettings(index=str(index), server=ServerTable(**table))  # type: ignore[arg-type]


def test_a_link_signs_in_once(own_index: Path) -> None:
    chosen = settings(own_index)
    link = prepare(chosen)
    with TestClient(create_app(chosen), HOST) as client:
        assert client.get("/").status_code == 401
        first = client.get("/login", params={"link": link})
        assert first.status_code == 200
        assert "Find similar pictures" in first.text
        client.cookies.clear()
        again = client.get("/login", params={"link": link})
        assert again.status_code == 403
        assert "was used before or is too old" in again.text
        assert client.get("/").status_code == 401


def test_a_second_start_has_a_link_of_its_own(own_index: Path) -> None:
    assert prepare(settings(own_index)) != prepare(settings(own_index))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "::", "hospital.example"])
def test_an_open_address_is_refused_without_people_or_encryption(
    own_index: Path, host: str
) -> None:
    with pytest.raises(UsageError, match=REFUSED):
        prepare(settings(own_index, host=host, proxies=("10.0.0.1",)))
    people(own_index)
    with pytest.raises(UsageError, match=REFUSED):
        prepare(settings(own_index, host=host))
    assert prepare(settings(own_index, host=host, proxies=("10.0.0.1",))) == ""


def test_a_certificate_that_cannot_be_used_is_told_before_anything_listens(
    own_index: Path, tmp_path: Path
) -> None:
    nowhere = settings(own_index, certificate="nowhere.pem", private_key="nowhere.key")
    said = r"certificate nowhere.pem with private_key nowhere.key .* \(No such file or directory\)"
    with pytest.raises(UsageError, match=said):
        prepare(nowhere)
    (tmp_path / "other").mkdir()
    (one, key), (_, other) = certificate(tmp_path), certificate(tmp_path / "other")
    assert prepare(settings(own_index, certificate=one, private_key=key))
    for unfit in (other, one):
        with pytest.raises(UsageError, match=r"under \[server\] cannot be used .*; name a"):
            prepare(settings(own_index, certificate=one, private_key=unfit))


def test_an_index_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no index at .*; give the folder of one, or"):
        prepare(settings(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()


def test_an_index_that_cannot_be_opened_is_told_in_one_sentence(own_index: Path) -> None:
    damage(own_index / "bundle" / WEIGHTS)
    said = acir("serve", "--index", own_index).refusal()
    assert f"was altered, by the checksum of {WEIGHTS}; restore it from a copy" in said
    assert not (own_index / "audit.sqlite").exists()


def test_the_command_runs_the_server_with_what_it_was_given(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[dict[str, object]] = []
    monkeypatch.setattr(server, "write_to", lambda: None)
    monkeypatch.setattr("uvicorn.run", lambda _, **options: ran.append(options))
    outcome = acir("serve", "--index", own_index, "--port", 8123)
    assert outcome.code == 0, outcome.err
    assert outcome.err.startswith("open http://127.0.0.1:8123/login?link=")
    (options,) = ran
    assert (options["host"], options["port"]) == ("127.0.0.1", 8123)
    assert options["access_log"] is False


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "acir.example"])
@pytest.mark.parametrize("names", [(), ("acir.example", "acir")])
def test_the_address_that_is_printed_is_answered(
    own_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, names: tuple[str]
) -> None:
    people(own_index)
    cert, key = certificate(tmp_path)
    chosen = settings(own_index, host=host, names=names, certificate=cert, private_key=key)
    said: list[str] = []
    monkeypatch.setattr(server, "write_to", lambda: None)
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: None)
    server.serve(chosen, said.append)
    (line,) = said
    printed = line.removeprefix("serving at ")
    shown = names[0] if names else f"[{host}]" if ":" in host else host
    assert printed == f"https://{shown}:8000"
    with TestClient(create_app(chosen), printed) as client:
        assert client.get("/healthz").status_code == 200


def test_the_command_refuses_an_open_address(own_index: Path) -> None:
    outcome = acir("serve", "--index", own_index, "--host", "0.0.0.0")
    assert REFUSED in outcome.refusal()


def test_the_command_says_what_is_not_installed(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acir.cli.serve.RUN", "acir_missing.server:serve")
    outcome = acir("serve", "--index", own_index)
    assert outcome.refusal() == (
        "the server needs acir_missing, which is not installed; install acir[serve]"
    )
