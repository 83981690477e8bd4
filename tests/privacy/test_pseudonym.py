"""Pseudonyms against the standard library's HMAC, and the life of a key file."""

import hmac
import os
import stat
from pathlib import Path

import pytest

from acir.errors import StorageError, UsageError
from acir.privacy.pseudonym import draw_key, fresh_key, load_key, pseudonym

KEY = bytes(range(32))


@pytest.fixture(autouse=True)
def _no_key_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACIR_KEY_FILE", raising=False)


def test_a_pseudonym_is_the_first_half_of_an_hmac_sha256() -> None:
    expected = hmac.new(KEY, b"patient:4711", "sha256").hexdigest()[:32]
    assert pseudonym(KEY, "patient", "4711") == expected


def test_a_path_that_is_no_text_has_one_too() -> None:
    expected = hmac.new(KEY, b"source:a/\xff.png", "sha256").hexdigest()[:32]
    assert pseudonym(KEY, "source", os.fsdecode(b"a/\xff.png")) == expected


def test_another_key_kind_or_name_gives_another_pseudonym() -> None:
    one = pseudonym(KEY, "patient", "4711")
    others = [
        pseudonym(bytes(32), "patient", "4711"),
        pseudonym(KEY, "instance", "4711"),
        pseudonym(KEY, "patient", "4712"),
    ]
    assert len({one, *others}) == 4


def test_the_blanks_that_dicom_pads_with_do_not_count() -> None:
    assert pseudonym(KEY, "patient", "4711 ") == pseudonym(KEY, "patient", "4711")
    assert draw_key("4711 ") == draw_key("4711")


def test_without_a_key_there_is_no_pseudonym() -> None:
    with pytest.raises(
        UsageError, match=r"the patient must be hidden .* no key was given; .*load_key"
    ):
        pseudonym(b"", "patient", "4711")


def test_a_new_key_has_32_bytes_stays_the_same_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "index" / "key"
    key = load_key(path)
    assert len(key) == 32
    assert load_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_two_new_keys_differ(tmp_path: Path) -> None:
    assert load_key(tmp_path / "a") != load_key(tmp_path / "b")


def test_workers_that_start_together_share_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster = list[bytes]()

    def drawn() -> bytes:  # by one who saw no key, when another one makes it
        monkeypatch.setattr("acir.privacy.pseudonym.fresh_key", fresh_key)
        faster.append(load_key(tmp_path / "key"))
        return fresh_key()

    monkeypatch.setattr("acir.privacy.pseudonym.fresh_key", drawn)
    assert [load_key(tmp_path / "key")] == faster


def test_the_variable_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_bytes(KEY)
    monkeypatch.setenv("ACIR_KEY_FILE", str(tmp_path / "secret"))
    assert load_key(tmp_path / "key") == KEY
    assert not (tmp_path / "key").exists()


def test_a_missing_file_that_the_variable_names_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACIR_KEY_FILE", str(tmp_path / "secret"))
    with pytest.raises(UsageError, match=r"ACIR_KEY_FILE names .*secret, which is no file"):
        load_key(tmp_path / "key")
    assert not any(tmp_path.iterdir())


def test_a_file_of_another_length_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(UsageError, match="key holds 5 bytes, expected a key of 32"):
        load_key(tmp_path / "key")


def test_a_key_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot write the key .*file/key"):
        load_key(tmp_path / "file" / "key")
