"""Sessions, links, tokens and emergencies end when they must."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from acir.errors import AccessError, UsageError
from acir.governance.access import Principal, allowed
from acir.governance.audit import Actor
from acir.governance.sessions import IDLE, LONGEST
from made_people import PASSWORD, ROOT, Office, office


def test_a_session_ends_after_a_quarter_of_an_hour_without_a_request(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        secret = made.sessions.login("ada", PASSWORD, "10.0.0.1")
        assert made.last() == ("login", "ada", "success", "")
        for _ in range(3):
            made.clock.time += IDLE - 1
            assert (found := made.sessions.recognise(secret)) is not None
            assert found.user == "ada"
        made.clock.time += IDLE
        assert made.sessions.recognise(secret) is None
        made.clock.time -= IDLE  # it is gone, not merely too old
        assert made.sessions.recognise(secret) is None


def test_a_session_ends_after_twelve_hours_in_any_case(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        secret = made.sessions.login("ada", PASSWORD)
        for _ in range(int(LONGEST / 600) - 1):
            made.clock.time += 600
            assert made.sessions.recognise(secret)
        made.clock.time += 600
        assert made.sessions.recognise(secret) is None


def test_logging_out_ends_one_session_and_revoking_all(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        first, second, third = (made.sessions.login("ada", PASSWORD) for _ in range(3))
        made.sessions.logout(first, Actor("ada"))
        assert made.last() == ("logout", "ada", "success", "")
        assert made.sessions.recognise(first) is None
        assert made.sessions.recognise(second) is not None
        assert made.sessions.end_all("ada", ROOT) == 2
        assert made.sessions.recognise(third) is None


def test_no_secret_is_kept(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        secrets = [
            made.sessions.login("ada", PASSWORD),
            made.sessions.link("ada", ROOT),
            made.sessions.make_token("ada", "script", ROOT, verbs=["search"])[1],
        ]
    for file in tmp_path.iterdir():
        assert not any(secret.encode() in file.read_bytes() for secret in secrets)


def test_a_login_link_works_once_and_for_ten_minutes(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        link = made.sessions.link("ada", ROOT)
        assert made.sessions.recognise(made.sessions.redeem(link)) is not None
        with pytest.raises(AccessError, match="this login link was used or is too old"):
            made.sessions.redeem(link)
        assert made.last() == ("login", "(unknown)", "denied", "login link")
        late = made.sessions.link("ada", ROOT)
        made.clock.time += 600
        with pytest.raises(AccessError, match="was used or is too old"):
            made.sessions.redeem(late)
        assert made.last() == ("login", "ada", "denied", "login link")


def test_someone_whom_a_provider_vouches_for_must_be_known_here(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        assert made.sessions.begin(Actor("ada"))
        with pytest.raises(AccessError, match="eve may not use this index; ask who runs it"):
            made.sessions.begin(Actor("eve", address="10.0.0.1"))
        assert made.last() == ("login", "eve", "denied", "not known here")


def _token(made: Office, verbs: list[str], collections: list[str]) -> Principal:
    _, secret = made.sessions.make_token(
        "ada", "script", ROOT, verbs=verbs, collections=collections
    )
    found = made.sessions.recognise_token(secret)
    assert found is not None
    return found


def test_a_token_allows_what_its_owner_may_within_its_scope(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        made.people.grant("ada", "curator", "*", ROOT)
        found = _token(made, ["search", "erase"], ["ct"])
        assert allowed(found, "search", "ct")
        assert not allowed(found, "search", "mr")
        assert not allowed(found, "add", "ct")
        assert not allowed(found, "erase", "*")  # its owner may not
        wide = _token(made, ["search"], [])
        assert allowed(wide, "search", "mr")
        made.people.revoke("ada", "*", ROOT)
        assert _token(made, ["search"], ["ct"]).roles == {}


def test_a_token_expires_and_can_be_revoked(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        token, secret = made.sessions.make_token("ada", "script", ROOT, verbs=["search"], days=2)
        assert secret.startswith("acir_")
        assert token.until == datetime.fromtimestamp(made.clock.time + 2 * 86400, UTC)
        assert made.sessions.tokens() == made.sessions.tokens("ada") == [token]
        assert made.sessions.tokens("bob") == []
        other, kept = made.sessions.make_token("ada", "other", ROOT, verbs=["view"], days=2)
        made.sessions.revoke_token(token.id, ROOT)
        assert made.last() == ("person", "root", "success", f"token {token.id} revoked")
        assert made.sessions.recognise_token(secret) is None
        assert made.sessions.recognise_token(kept) is not None
        made.clock.time += 2 * 86400
        assert made.sessions.recognise_token(kept) is None
        assert made.sessions.tokens() == []
        assert other.id != token.id


def test_emergency_access_needs_permission_and_a_reason_and_lasts_an_hour(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        ada = Actor("ada", address="10.0.0.1")
        secret = made.sessions.login("ada", PASSWORD)
        with pytest.raises(AccessError, match="ada may not take emergency access; ask who runs it"):
            made.sessions.take_emergency(ada, "stroke in room 4")
        assert made.last() == ("emergency", "ada", "denied", "stroke in room 4")
        made.people.permit_emergency("ada", True, ROOT)
        with pytest.raises(UsageError, match="needs a reason of at least 10 characters"):
            made.sessions.take_emergency(ada, "because   ")
        until = made.sessions.take_emergency(ada, "stroke in room 4")
        assert until == datetime.fromtimestamp(made.clock.time + 3600, UTC)
        detail = "until 2023-11-14T23:13:20+00:00: stroke in room 4"
        assert made.last() == ("emergency", "ada", "success", detail)
        found = made.sessions.recognise(secret)
        assert found is not None
        assert allowed(found, "search", "anything")
        assert not _token(made, ["search"], []).emergency
        made.clock.time += 3600
        assert not made.people.principal("ada").emergency


def test_emergency_access_can_be_ended_and_taken_back(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        made.people.permit_emergency("ada", True, ROOT)
        made.sessions.take_emergency(Actor("ada"), "stroke in room 4")
        made.sessions.end_emergency(Actor("ada"))
        assert made.last() == ("emergency-end", "ada", "success", "")
        assert not made.people.principal("ada").emergency
        made.sessions.take_emergency(Actor("ada"), "stroke in room 5")
        made.people.permit_emergency("ada", False, ROOT)
        assert not made.people.principal("ada").emergency


def test_impossible_tokens_and_links_are_refused(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        for days in (0, 366):
            with pytest.raises(UsageError, match=f"a token lives 1 to 365 days, not {days}"):
                made.sessions.make_token("ada", "x", ROOT, verbs=["search"], days=days)
        with pytest.raises(UsageError, match="there is no person eve"):
            made.sessions.make_token("eve", "x", ROOT, verbs=["search"])
        with pytest.raises(UsageError, match="there is no person eve"):
            made.sessions.link("eve", ROOT)
        with pytest.raises(UsageError, match="there is no token abc; see acir user list"):
            made.sessions.revoke_token("abc", ROOT)
        assert made.sessions.recognise("nonsense") is None
        assert made.sessions.recognise_token("acir_nonsense") is None
