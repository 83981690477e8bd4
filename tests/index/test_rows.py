"""Rows of a table are what was given, however many are written at once, and so are checksums."""

from pathlib import Path
from sqlite3 import IntegrityError

import pytest
from made_entries import create, entry, plain

from acir.index import rows
from acir.index.entry import Entry, checksum, seal
from acir.index.rows import PART, mark_of
from acir.index.writer import Added

WORDS = ("ä'1", "a|b", None, "p", "0" * 64)
KEPT = (("key", "välue"),)
CODE, EMBEDDING = seal(b"12345678"), seal(b"\x00\xff" * 9)


@pytest.mark.parametrize("metadata", [(), KEPT])
def test_of_a_row_with_and_without_a_thumbnail(metadata: tuple[tuple[str, str], ...]) -> None:
    plain = mark_of((*WORDS, CODE, EMBEDDING, None, metadata))
    assert plain == checksum((*WORDS, metadata), (CODE, EMBEDDING))
    pictured = mark_of((*WORDS, CODE, EMBEDDING, b"png", metadata))
    assert pictured == checksum((*WORDS, metadata), (CODE, EMBEDDING, b"png"))


@pytest.mark.parametrize("other", ["text", 7, None])
def test_of_a_row_whose_blob_a_disk_has_made_something_else(other: object) -> None:
    for columns in ((*WORDS, other, EMBEDDING, None, KEPT), (*WORDS, CODE, EMBEDDING, 7, KEPT)):
        assert mark_of(columns) == checksum(columns, ())


def test_all_of_a_batch_longer_than_a_statement_is_there_and_the_last_of_an_id_stays(
    tmp_path: Path,
) -> None:
    words = dict.fromkeys("abcd", "word")
    given = [
        entry(
            number,
            thumbnail=None if number % 3 else b"png",
            metadata=dict(list(words.items())[: number % 5]),
        )
        for number in range(2 * PART + 7)
    ]
    again = [entry(PART - 1, label="within"), entry(1, label="across"), entry(1, label="last")]
    stays: dict[str, Entry] = {one.id: one for one in (*given, *again)}
    with create(tmp_path / "index") as store:
        added = store.add([*given[:PART], again[0], *given[PART:], *again[1:]])
        assert added == Added(new=len(given), replaced=len(again))
        found = store.known(list(stays))
        assert {name: plain(one) for name, one in found.items()} == {
            name: plain(one) for name, one in stays.items()
        }
        assert store.verify() == []


@pytest.mark.parametrize("count", [1, PART])
def test_a_statement_that_fails_takes_all_of_its_transaction_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    with create(tmp_path / "index", range(PART, 2 * PART)) as store:
        with monkeypatch.context() as patch:
            patch.setattr(rows, "THERE", f"{rows.THERE} and 0")  # as if the ids were not found
            with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: item\.id"):
                store.add(map(entry, range(PART + count)))
        assert set(store.known([entry(i).id for i in range(2 * PART)])) == {
            entry(i).id for i in range(PART, 2 * PART)
        }
        assert store.add(map(entry, range(3))) == Added(new=3)
        assert store.verify() == []
