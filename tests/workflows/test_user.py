"""`acir user`: passwords come from a pipe or a prompt, and nothing is there by default."""

import io
import sys
from pathlib import Path

import pytest

from acir.errors import ComponentError
from acir.governance.access import allowed
from acir.governance.audit import AuditLog
from acir.workflows import user
from made_model import Outcome, acir
from made_people import PASSWORD


def _piped(monkeypatch: pytest.MonkeyPatch, text: str, *words: object) -> Outcome:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return acir(*words)


@pytest.fixture
def place(own_index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an index with one person."""
    outcome = _piped(monkeypatch, f"{PASSWORD}\n", "user", "add", "ada", "--index", own_index)
    assert outcome.code == 0, outcome.err
    return own_index


def _ok(*words: object) -> Outcome:
    outcome = acir("user", *words)
    assert outcome.code == 0, outcome.err
    return outcome


def test_there_is_nobody_by_default(own_index: Path) -> None:
    assert _ok("list", "--index", own_index, "--json").lines() == []


def test_a_person_is_added_granted_and_listed(place: Path) -> None:
    _ok("grant", "ada", "--index", place, "--role", "viewer", "--collection", "ct")
    _ok("grant", "ada", "--index", place, "--emergency")
    assert _ok("list", "--index", place, "--json").line() == {
        "name": "ada",
        "roles": {"ct": "viewer"},
        "password": True,
        "emergency": True,
        "tokens": [],
    }
    assert "viewer in ct" in _ok("list", "--index", place).out
    _ok("revoke", "ada", "--index", place, "--emergency")
    _ok("revoke", "ada", "--index", place, "--collection", "ct")
    line = _ok("list", "--index", place, "--json").line()
    assert (line["roles"], line["emergency"]) == ({}, False)
    with AuditLog.open(place) as log:
        assert [record.event.action for record in log.records()] == ["person", *["role"] * 4]


def test_the_password_is_read_from_a_pipe_and_counts(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with user.office(place) as office:
        assert office.sessions.login("ada", PASSWORD)
    words = ("user", "password", "ada", "--index", place)
    assert _piped(monkeypatch, "another horse battery\r\n", *words).code == 0
    with user.office(place) as office:
        session = office.sessions.login("ada", "another horse battery")
    _ok("revoke", "ada", "--index", place, "--sessions")
    with user.office(place) as office:
        assert office.sessions.recognise(session) is None


def test_a_password_is_asked_for_twice_at_a_terminal(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def prompt(text: str, **options: object) -> str:
        asked.update(options)
        return PASSWORD

    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr("typer.prompt", prompt)
    _ok("add", "ada", "--index", own_index)
    assert asked == {"hide_input": True, "confirmation_prompt": True, "err": True}


def test_no_option_takes_a_password() -> None:
    for command in ("add", "password"):
        assert "--password" not in acir("user", command, "--help").out


def test_a_token_is_shown_once_and_can_be_revoked(place: Path) -> None:
    _ok("grant", "ada", "--index", place, "--role", "curator", "--collection", "*")
    words = ("--label", "nightly", "--verb", "search", "--collection", "ct", "--days", "2")
    made = _ok("token", "ada", "--index", place, *words, "--json").line()
    with user.office(place) as office:
        found = office.sessions.recognise_token(made["secret"])
        assert found is not None
        assert allowed(found, "search", "ct")
        assert not allowed(found, "add", "ct")
    (listed,) = _ok("list", "--index", place, "--json").line()["tokens"]
    assert listed == {key: value for key, value in made.items() if key != "secret"}
    _ok("revoke", "--index", place, "--token", made["id"])
    with user.office(place) as office:
        assert office.sessions.recognise_token(made["secret"]) is None


def test_one_who_logs_in_elsewhere_has_no_password(place: Path) -> None:
    _ok("add", "bob", "--index", place, "--no-password")
    assert [p["password"] for p in _ok("list", "--index", place, "--json").lines()] == [True, False]
    _ok("remove", "bob", "--index", place)
    assert len(_ok("list", "--index", place, "--json").lines()) == 1


def test_unclear_commands_are_refused(place: Path) -> None:
    one = "give --role with --collection or --emergency, one of them"
    assert acir("user", "grant", "ada", "--index", place).refusal() == one
    both = ("--role", "viewer", "--collection", "ct", "--emergency")
    assert acir("user", "grant", "ada", "--index", place, *both).refusal() == one
    assert acir("user", "revoke", "ada", "--index", place).refusal() == (
        "give --collection, --sessions or --token or --emergency, one of them"
    )
    assert acir("user", "revoke", "--index", place).refusal() == (
        "give the name of the person, or --token with the id of a token"
    )
    said = acir("user", "grant", "ada", "--index", place, "--role", "king", "--collection", "ct")
    assert said.refusal().startswith("there is no role 'king'")


def test_people_belong_to_an_index(tmp_path: Path) -> None:
    assert "there is no index at" in acir("user", "list", "--index", tmp_path).refusal()


def test_without_argon2_the_error_names_the_extra(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "argon2", None)
    for name in ("people", "sessions", "passwords"):
        monkeypatch.delitem(sys.modules, f"acir.governance.{name}", raising=False)
    said = r"people need argon2, .* pip install 'acir\[serve\]'"
    with pytest.raises(ComponentError, match=said), user.office(own_index):
        pass
