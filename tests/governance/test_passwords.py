"""Passwords: few tries, the same work and the same words for every name."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from acir.errors import AccessError, LockedError
from acir.governance import passwords
from made_people import PASSWORD, ROOT, office


def _refusals(tmp_path: Path, name: str, tries: int) -> list[str]:
    said = []
    with office(tmp_path) as made:
        for _ in range(tries):
            with pytest.raises(AccessError) as caught:
                made.sessions.login(name, "wrong")
            said.append(str(caught.value))
            made.clock.time += 1
    return said


def test_the_hash_is_one_of_argon2id(tmp_path: Path) -> None:
    kept = passwords.hashed(PASSWORD, "ada")
    assert PasswordHasher().verify(kept, PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")  # RFC 9106, second choice


def test_ten_failed_tries_lock_even_the_right_password_out_for_a_quarter_of_an_hour(
    tmp_path: Path,
) -> None:
    with office(tmp_path) as made:
        for _ in range(10):
            with pytest.raises(AccessError, match="the name or the password is wrong"):
                made.sessions.login("ada", "wrong")
            made.clock.time += 100  # as long as any wait before
        with pytest.raises(LockedError, match="too many tries to log in; wait 800 s") as caught:
            made.sessions.login("ada", PASSWORD)
        assert caught.value.wait == 800
        assert made.last() == ("login", "ada", "denied", "too many tries")
        made.clock.time += 800
        assert made.sessions.login("ada", PASSWORD)
        made.sessions.login("ada", PASSWORD)  # and the count begins anew


def test_the_wait_doubles_from_the_fifth_failed_try_on(tmp_path: Path) -> None:
    waits = [passwords._delay(failures) for failures in range(1, 12)]
    assert waits == [0, 0, 0, 0, 2, 4, 8, 16, 32, 900, 900]


def test_of_a_thousand_tries_at_once_ten_at_most_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    monkeypatch.setattr(passwords, "_matches", lambda *_: looked.append(1))

    def attempt(_: int) -> type[BaseException]:
        with pytest.raises(AccessError) as caught:
            passwords.check(made.vault, "ada", "wrong")
        return caught.type

    with office(tmp_path) as made, ThreadPoolExecutor(8) as pool:
        monkeypatch.setattr(made.log, "append", lambda _: None)
        kinds = list(pool.map(attempt, range(1000)))
    assert len(looked) == kinds.count(AccessError) == 5  # the fifth makes the others wait


def test_a_name_that_does_not_exist_is_told_the_same_for_the_same_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, kept: str, given: str) -> bool:
        checked.append(re.sub(r"[^$]*\$[^$]*$", "", kept))  # the parameters, that is the work
        return bool(verify(self, kept, given))

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert _refusals(tmp_path / "a", "ada", 6) == _refusals(tmp_path / "b", "nobody", 6)
    assert checked[:5] == checked[5:]
    assert len(checked) == 10  # the sixth of each had to wait


def test_a_person_without_a_password_cannot_log_in_with_one(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        made.people.add("bob", None, ROOT)
        with pytest.raises(AccessError, match="the name or the password is wrong"):
            made.sessions.login("bob", "")


def test_what_is_typed_as_an_unknown_name_is_written_nowhere(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        with pytest.raises(AccessError, match="wrong"):
            made.sessions.login("my-secret-password", "ada")
        assert made.last() == ("login", "(unknown)", "denied", "wrong name or password")
    for file in tmp_path.iterdir():
        assert b"my-secret-password" not in file.read_bytes()


def test_a_hash_with_weaker_parameters_is_replaced_at_the_next_login(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        with made.vault.transaction() as connection:
            connection.execute("update person set password = ?", (weak,))
        assert made.sessions.login("ada", PASSWORD)
        with made.vault.transaction() as connection:
            ((kept,),) = connection.execute("select password from person")
        assert not passwords.ARGON2.check_needs_rehash(kept)
        assert made.sessions.login("ada", PASSWORD)


def test_a_try_does_not_look_at_all_names_that_were_tried(tmp_path: Path) -> None:
    with office(tmp_path) as made, made.vault.transaction() as connection:
        plan = connection.execute("explain query plan delete from attempt where last < 1")
        assert "USING INDEX attempt_last" in str(plan.fetchall())
