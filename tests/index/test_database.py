"""Writers wait for one another, and nobody waits for ever."""

import threading
import time
from pathlib import Path

import pytest
from made_entries import create, entry, gallery

from acir.errors import BusyError, UsageError
from acir.index.store import Store


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(3)) as first, Store.open(tmp_path / "index") as second:
        added: list[object] = []
        with first._database.transaction() as connection:
            connection.execute("insert into traffic (p, day) values (0.5, '2026-01-31')")
            thread = threading.Thread(target=lambda: added.append(second.add([entry(5)])))
            thread.start()
            time.sleep(0.05)
            assert added == []
            assert len(gallery(second).keys) == 3  # reading goes on
        thread.join()
        assert len(added) == 1
        assert len(gallery(first).keys) == 4


def test_a_second_writer_that_waited_too_long_says_so_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with create(tmp_path / "index", range(3)) as first, Store.open(tmp_path / "index") as second:
        monkeypatch.setattr("acir.index.database.PATIENCE", 0.01)
        with (
            first._database.transaction(),
            pytest.raises(BusyError, match=r"another process has been writing .* run the command"),
        ):
            second.add([entry(5)])
        second.add([entry(6)])
        assert len(gallery(first).keys) == 4


def test_emptying_the_log_does_not_wait_for_a_reader_who_never_pauses(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    secret = entry(3, id="secret-id")
    with create(folder, range(3)) as writer:
        writer.add([secret])
        with Store.open(folder) as reader:
            with reader.view():
                assert writer.delete(["secret-id"]) == 1
                assert not writer._database.forget()
            assert writer._database.forget()
    assert b"secret" not in (folder / "store.sqlite").read_bytes()
    assert [f.name for f in folder.iterdir()] == ["store.sqlite"]


def test_what_is_no_text_is_refused_and_nothing_stored(tmp_path: Path) -> None:
    said = r"'a\\udcff' is no text that an index can hold; give it in UTF-8"
    with create(tmp_path / "index") as store:
        with pytest.raises(UsageError, match=said):
            store.add([entry(1), entry(2, path="a\udcff")])
        with store.view() as view, pytest.raises(UsageError, match=said):
            view.select({"label": "a\udcff"})
        assert store.info()["n"] == 0
        assert store.add([entry(1)]).new == 1
