"""The cache of the codes makes opening quick, and is never believed without reason."""

import os
import random
from pathlib import Path

import pytest
from made_entries import Spy, create, entry, gallery

from acir.durable import part_of
from acir.errors import StorageError
from acir.index import cache, clusters
from acir.index.gallery import load
from acir.index.store import Store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an index of 200 pictures with its cache."""
    monkeypatch.setattr(cache, "LEAST", 100)
    with create(tmp_path / "index", range(200)) as store:
        gallery(store)
    assert (tmp_path / "index" / cache.FILE).exists()
    return tmp_path / "index"


def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], bool]:
    """Return the keys that are seen after opening, and whether all were read row by row."""
    whole = Spy(load)
    with monkeypatch.context() as patch, Store.open(folder) as store:
        patch.setattr("acir.index.readers.load", whole)
        return gallery(store).keys.tolist(), whole.calls > 0


def test_a_small_index_has_none(tmp_path: Path) -> None:
    with create(tmp_path / "index", range(200)) as store:
        gallery(store)
    assert not (tmp_path / "index" / cache.FILE).exists()


def test_opening_with_it_reads_no_rows_and_sees_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_it = opened(folder, monkeypatch)
    (folder / cache.FILE).unlink()
    without = opened(folder, monkeypatch)
    assert with_it == (without[0], False)
    assert without[1]


def test_a_stale_one_is_brought_up_to_date(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (folder / cache.FILE).read_bytes()
    with Store.open(folder) as store:
        store.add([entry(300), entry(5, label="other")])
        store.delete([entry(7).id])
    assert not (folder / cache.FILE).exists()  # it held the code of what was deleted
    (folder / cache.FILE).write_bytes(content)
    keys, whole = opened(folder, monkeypatch)
    assert not whole
    (folder / cache.FILE).unlink()
    assert opened(folder, monkeypatch)[0] == keys


def test_that_of_another_history_is_not_used(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with create(tmp_path / "other", range(1000, 1200)) as store:  # as many, as often changed
        gallery(store)
    content = (tmp_path / "other" / cache.FILE).read_bytes()
    expected, _ = opened(folder, monkeypatch)
    (folder / cache.FILE).write_bytes(content)
    assert opened(folder, monkeypatch) == (expected, True)


def test_one_that_is_torn_or_altered_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = opened(folder, monkeypatch)
    content = (folder / cache.FILE).read_bytes()
    rng = random.Random(4)
    altered = [b"", b"{}\n", b"[]\n", b"\xff\n", content[:-1], content + b"\0", content[:200]]
    altered += [content.replace(b'"n": 200', b'"n": -1'), content.replace(b'"n": 200', b'"n": "2"')]
    for _ in range(40):
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        altered.append(bytes(flipped))
    for bad in altered:
        (folder / cache.FILE).write_bytes(bad)
        assert opened(folder, monkeypatch) == (expected, True)
        assert (folder / cache.FILE).read_bytes() == content  # and written anew


def test_what_is_deleted_is_overwritten_in_it_too(folder: Path) -> None:
    linked = folder.parent / "the same file"
    linked.hardlink_to(folder / cache.FILE)
    with Store.open(folder) as store:
        store.delete([entry(7).id])
    assert linked.stat().st_size > 0
    assert not any(linked.read_bytes())


@pytest.mark.parametrize("name", [cache.FILE, cache.LEARNED])
def test_what_is_deleted_is_overwritten_in_what_a_killed_process_left(
    folder: Path, name: str
) -> None:
    part = part_of(folder / name)
    part.write_bytes(b"codes")
    linked = folder.parent / "the same file"
    linked.hardlink_to(part)
    with Store.open(folder) as store:
        store.delete([entry(7).id])
    assert not part.exists()
    assert linked.read_bytes() == bytes(5)


def test_one_that_cannot_be_removed_stops_the_deletion(folder: Path) -> None:
    (folder / cache.FILE).unlink()
    (folder / cache.FILE).mkdir()
    with Store.open(folder) as store:
        with pytest.raises(StorageError, match=r"cannot remove .*gallery.cache .*delete again"):
            store.delete([entry(7).id])
        assert len(gallery(store).keys) == 200


@pytest.mark.parametrize("obstacle", ["read-only", "a writer", "no room"])
def test_it_is_left_out_where_it_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    (folder / cache.FILE).unlink()
    with Store.open(folder) as writer, monkeypatch.context() as patch:
        if obstacle == "read-only":
            patch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
        if obstacle == "no room":
            part_of(folder / cache.FILE).mkdir()
        if obstacle == "a writer":
            with writer._database.transaction(), Store.open(folder) as store:
                assert len(gallery(store).keys) == 200
        else:
            with Store.open(folder) as store:
                assert len(gallery(store).keys) == 200
    assert not (folder / cache.FILE).exists()


@pytest.fixture
def learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an index of 200 pictures whose engine has learned something."""
    monkeypatch.setattr("acir.index.engines.ivf.LEAST_CODES", 100)
    monkeypatch.setattr("acir.index.engines.ivf.ASKED", 20)
    settings = {"bits": 16, "dim": 12, "engine": "ivf", "model": "m1"}
    with Store.create(tmp_path / "index", **settings) as store:  # type: ignore[arg-type]
        store.add(map(entry, range(200)))
        with store.view() as view:
            assert view.engine.learned
    return tmp_path / "index"


def times_learned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how often an engine learned for three openings."""
    spy = Spy(clusters.learned)
    with monkeypatch.context() as patch:
        patch.setattr(clusters, "learned", spy)
        for _ in range(3):
            with Store.open(folder) as store, store.view() as view:
                assert view.engine.knn(view.gallery.codes[:1], 1)[0].tolist() == [[0]]
    return spy.calls


def test_an_engine_learns_once_in_each_state(
    learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert times_learned(learned, monkeypatch) == 0
    with Store.open(learned) as store:
        store.add([entry(300)])
    assert times_learned(learned, monkeypatch) == 1
    with Store.open(learned) as store:
        store.delete([entry(300).id])
    assert not (learned / cache.LEARNED).exists()  # what is deleted may have been a centre
    assert times_learned(learned, monkeypatch) == 1


def test_what_was_learned_is_not_used_when_altered(
    learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (learned / cache.LEARNED).read_bytes()
    rng = random.Random(4)
    for place in rng.choices(range(len(content)), k=5):
        altered = bytearray(content)
        altered[place] ^= 1 << rng.randrange(8)
        for bad in (altered, content[:place], b""):
            (learned / cache.LEARNED).write_bytes(bad)
            assert times_learned(learned, monkeypatch) == 1
            assert (learned / cache.LEARNED).read_bytes() == content


def test_what_was_learned_is_written_only_where_it_can_be(
    learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (learned / cache.LEARNED).unlink()
    with monkeypatch.context() as patch:
        patch.setattr("acir.index.readers.can_be_written", lambda _: False)
        assert times_learned(learned, monkeypatch) == 3
    assert not (learned / cache.LEARNED).exists()
