"""People: nothing without a grant, nothing without a record."""

import stat
from pathlib import Path

import pytest

from acir.errors import AccessError, AuditError, LockedError, StorageError, UsageError
from acir.governance.people import Person
from acir.governance.vault import Vault
from made_people import PASSWORD, ROOT, office


def test_a_person_may_do_nothing_until_a_role_is_granted(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        assert made.people.principal("ada").roles == {}
        made.people.grant("ada", "viewer", "ct", ROOT)
        made.people.grant("ada", "curator", "ct", ROOT)
        made.people.grant("ada", "viewer", "*", ROOT)
        assert made.last() == ("role", "root", "success", "ada is viewer")
    with office(tmp_path) as again:
        assert again.people.principal("ada").roles == {"ct": "curator", "*": "viewer"}
        again.people.revoke("ada", "ct", ROOT)
        assert again.people.list() == [Person("ada", {"*": "viewer"}, True, False)]


def test_the_file_is_for_its_owner_alone_and_holds_no_password(tmp_path: Path) -> None:
    with office(tmp_path):
        for name in ("access.sqlite", "access.sqlite-wal", "access.sqlite-shm"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    content = (tmp_path / "access.sqlite").read_bytes()
    assert PASSWORD.encode() not in content
    assert b"$argon2id$" in content


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        (tmp_path / "access.sqlite").chmod(0o640)
        with pytest.raises(AccessError, match=r"has mode 0640, expected 0600; set it with chmod"):
            Vault(tmp_path, made.log)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with office(tmp_path) as made, pytest.raises(StorageError, match=r"cannot open .* writable"):
        Vault(tmp_path / "absent", made.log)


def test_what_cannot_be_recorded_does_not_come_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office(tmp_path) as made:

        def refuse(event: object) -> None:
            raise AuditError("full")

        monkeypatch.setattr(made.log, "append", refuse)
        with pytest.raises(AuditError, match="full"):
            made.people.grant("ada", "admin", "*", ROOT)
        with pytest.raises(AuditError, match="full"):
            made.people.add("eve", None, ROOT)
        assert made.people.list() == [Person("ada", {}, True, False)]


def test_removing_a_person_ends_all_they_had(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        made.people.grant("ada", "viewer", "ct", ROOT)
        session = made.sessions.login("ada", PASSWORD)
        _, token = made.sessions.make_token("ada", "script", ROOT, verbs=["search"])
        made.people.remove("ada", ROOT)
        assert made.last() == ("person", "root", "success", "removed ada")
        assert made.sessions.recognise(session) is None
        assert made.sessions.recognise_token(token) is None
        made.people.add("ada", None, ROOT)  # another one of that name inherits nothing
        assert made.people.list() == [Person("ada", {}, False, False)]


def test_a_new_password_ends_the_wait_of_that_person_alone(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        made.people.add("bob", None, ROOT)
        for name in ("ada", "bob"):
            for _ in range(5):
                with pytest.raises(AccessError, match="is wrong"):
                    made.sessions.login(name, "wrong")
            with pytest.raises(LockedError, match="too many tries"):
                made.sessions.login(name, "wrong")
        made.people.set_password("ada", PASSWORD, ROOT)
        assert made.sessions.login("ada", PASSWORD)
        with pytest.raises(LockedError, match="too many tries"):
            made.sessions.login("bob", "wrong")


def test_a_new_password_ends_the_sessions(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        session = made.sessions.login("ada", PASSWORD)
        made.people.set_password("ada", "another horse battery", ROOT)
        assert made.sessions.recognise(session) is None
        with pytest.raises(AccessError, match="the name or the password is wrong"):
            made.sessions.login("ada", PASSWORD)
        assert made.sessions.login("ada", "another horse battery")


def test_impossible_people_are_refused(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        with pytest.raises(UsageError, match="'a b' is no name of a person; use 1 to 64"):
            made.people.add("a b", PASSWORD, ROOT)
        with pytest.raises(UsageError, match="there is a person ada already"):
            made.people.add("ada", PASSWORD, ROOT)
        with pytest.raises(UsageError, match="a password has 12 to 1024 characters"):
            made.people.add("bob", "short", ROOT)
        with pytest.raises(UsageError, match="does not hold the person's name"):
            made.people.add("bob", "I am Bob the builder", ROOT)
        with pytest.raises(UsageError, match="there is no person eve; see acir user list"):
            made.people.grant("eve", "viewer", "ct", ROOT)
        with pytest.raises(UsageError, match="a role is granted in a collection; name one, or"):
            made.people.grant("ada", "viewer", " ", ROOT)
        with pytest.raises(UsageError, match="ada has no role in the collection ct"):
            made.people.revoke("ada", "ct", ROOT)
        with pytest.raises(UsageError, match="there is no person eve"):
            made.people.principal("eve")
        with pytest.raises(UsageError, match="there is no person eve"):
            made.people.remove("eve", ROOT)
        with pytest.raises(UsageError, match="there is no person eve"):
            made.people.set_password("eve", PASSWORD, ROOT)
        with pytest.raises(UsageError, match="there is no person eve"):
            made.people.permit_emergency("eve", True, ROOT)
