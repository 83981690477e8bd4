"""What an index has of a PACS: rows and the place that was reached are one."""

from pathlib import Path

import pytest
from made_entries import create, entry, everything

from acir.errors import BusyError
from acir.index import feeds, letters
from acir.index.feeds import DAY, Step, alone
from acir.index.store import Store
from acir.types import Skipped


def ids(store: Store) -> set[str]:
    return {one.id for one in everything(store)}


def interrupt(*given: object) -> None:
    raise InterruptedError


def settled(*numbers: int) -> dict[str, str | None]:
    return {f"h{number}": entry(number).id for number in numbers}


def test_an_index_that_follows_nothing_has_no_place(tmp_path: Path) -> None:
    with create(tmp_path / "store") as store:
        feed = store.feed("main")
        assert (feed.cursor(), feed.known("t"), feed.due()) == (None, {}, False)


def test_rows_and_cursor_are_written_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with create(tmp_path / "store") as store:
        feed = store.feed("main")
        feed.follow(Step(entries=[entry(1)], terms="t", settled=settled(1), cursor=7))
        with monkeypatch.context() as patch, pytest.raises(InterruptedError):
            patch.setattr(letters, "change", interrupt)
            feed.follow(Step(entries=[entry(2)], settled=settled(2), cursor=8))
        assert (feed.cursor(), ids(store), feed.known("t")) == (7, {entry(1).id}, {"h1": False})
    with Store.open(tmp_path / "store") as store:
        assert store.feed("main").cursor() == 7
        assert store.feed("other").cursor() is None
        assert store.verify() == []


def test_other_terms_ask_for_another_look(tmp_path: Path) -> None:
    with create(tmp_path / "store") as store:
        feed = store.feed("main")
        feed.follow(Step(entries=[entry(1)], terms="t", settled={**settled(1), "h2": None}))
        assert feed.known("u") == {"h1": True, "h2": True}
        feed.follow(Step(terms="u", settled={"h1": None, "h2": None}))  # no longer wanted
        assert (ids(store), feed.known("u")) == (set(), {"h1": False, "h2": False})


def test_a_picture_stays_while_any_pacs_has_it(tmp_path: Path) -> None:
    with create(tmp_path / "store", range(1)) as store:
        one, two = store.feed("one"), store.feed("two")
        one.follow(Step(entries=[entry(1)], settled=settled(1)))
        two.follow(Step(entries=[entry(1)], settled={"x": entry(1).id}))
        one.follow(Step(gone=["h1", "never there"]))
        assert ids(store) == {entry(0).id, entry(1).id}
        two.follow(Step(gone=["x"]))
        assert ids(store) == {entry(0).id}
        assert store.info()["generation"] == 3  # added, inserted, erased


def test_a_failure_waits_four_times_as_long_each_time_up_to_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = [Skipped("h1", "it is torn", "truncated")]
    now = 1000.0
    monkeypatch.setattr(feeds, "time", lambda: now)
    with create(tmp_path / "store") as store:
        feed = store.feed("main")
        for wait in (DAY / 10, 4 * DAY / 10, DAY, DAY):
            feed.follow(Step(failed=failed, retry=DAY / 10))
            now += wait - 1
            assert (feed.known("t"), feed.due()) == ({"h1": False}, False)
            now += 2
            assert (feed.known("t"), feed.due()) == ({"h1": True}, True)
            assert store.dead_letters() == failed
        feed.follow(Step(entries=[entry(1)], terms="t", settled=settled(1)))
        assert (store.dead_letters(), feed.known("t"), feed.due()) == ([], {"h1": False}, False)


def test_what_was_held_stays_when_its_new_version_fails(tmp_path: Path) -> None:
    with create(tmp_path / "store") as store:
        feed = store.feed("main")
        feed.follow(Step(entries=[entry(1)], settled=settled(1)))
        feed.follow(Step(failed=[Skipped("h1", "it is torn")]))
        assert ids(store) == {entry(1).id}
        feed.follow(Step(gone=["h1"]))
        assert (ids(store), store.dead_letters()) == (set(), [])


def test_one_process_follows_into_an_index(tmp_path: Path) -> None:
    create(tmp_path / "store").close()
    refused = pytest.raises(BusyError, match="another process follows a PACS into the index at")
    with alone(tmp_path / "store"), refused, alone(tmp_path / "store"):
        pass
    with alone(tmp_path / "store"):  # what was refused holds nothing
        pass
