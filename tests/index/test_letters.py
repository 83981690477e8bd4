"""Dead letters: what failed of a source, until the source or its name comes."""

from pathlib import Path

from made_entries import create, entry

from acir.index.store import Store
from acir.types import Skipped

EMPTY = Skipped("a.png", "the file is empty", "truncated")
TEXT = Skipped("b.png", "it is text", "unreadable")


def test_letters_come_back_by_name_and_replace_those_of_their_source(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        store.keep_dead_letters("one", [TEXT, EMPTY])
        store.keep_dead_letters("two", [Skipped("c.png", "", "unreadable")])
    with Store.open(tmp_path / "index") as store:
        assert store.dead_letters()[:2] == [EMPTY, TEXT]
        store.keep_dead_letters("one", [TEXT])
        assert [letter.path for letter in store.dead_letters()] == ["b.png", "c.png"]
        store.keep_dead_letters("one", [])
        assert store.info()["failed"] == 1
        assert store.verify() == []


def test_a_letter_goes_when_a_picture_of_its_name_is_stored(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        store.keep_dead_letters("one", [EMPTY])
        store.add([entry(1, id="a.png")])
        store.keep_dead_letters("two", [])
        assert store.dead_letters() == []


def test_where_nothing_failed_nothing_is_written(tmp_path: Path) -> None:
    with create(tmp_path / "index") as store:
        before = store.info()
        store.keep_dead_letters("one", [])
        assert store.dead_letters() == []
        assert store.info() == before
