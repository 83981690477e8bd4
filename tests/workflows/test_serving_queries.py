"""Pictures that are being looked at: whose they are, and when they are forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from acir.workflows.serving.queries import Asked, Queries, examine
from acir.workflows.serving.served import Served
from made_model import draw, foreign
from made_web import png


@pytest.fixture(scope="module")
def served(index: Path) -> Iterator[Served]:
    with Served.open(index) as opened:
        yield opened


@pytest.fixture(scope="module")
def views(served: Served) -> tuple[Asked, ...]:
    files = (png(draw("disc", 900)), png(foreign(1)), b"no picture")
    return examine(served, [(file, None) for file in files])


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_query_is_found_by_its_owner_alone(views: tuple[Asked, ...]) -> None:
    queries = Queries(10**9)
    first, second = queries.keep("ada", views[:1]), queries.keep("ada", views[:1])
    assert first.key != second.key
    assert queries.find(first.key, "ada") is first
    assert queries.find(first.key, "bob") is None
    assert queries.find("nothing", "ada") is None


def test_what_nobody_looks_at_is_forgotten_after_a_while(views: tuple[Asked, ...]) -> None:
    clock = Clock()
    queries = Queries(10**9, seconds=60.0, clock=clock)
    looked_at, other = queries.keep("ada", views[:1]), queries.keep("ada", views[:1])
    for clock.now in (40.0, 80.0, 120.0):
        assert queries.find(looked_at.key, "ada") is looked_at
    assert queries.find(other.key, "ada") is None
    clock.now = 181.0
    assert queries.find(looked_at.key, "ada") is None


def test_what_takes_too_much_memory_goes_the_longest_unseen_first(views: tuple[Asked, ...]) -> None:
    size = views[0].size
    assert size > draw("disc", 900).nbytes
    queries = Queries(most=2 * size)
    first, second = queries.keep("ada", views[:1]), queries.keep("ada", views[:1])
    assert queries.find(first.key, "ada") is first
    third = queries.keep("ada", views[:1])
    found = [queries.find(one.key, "ada") for one in (first, second, third)]
    assert found == [first, None, third]


def test_regions_of_a_picture_take_room_as_well(views: tuple[Asked, ...]) -> None:
    queries = Queries(most=2 * views[0].size)
    first, second = queries.keep("ada", views[:1]), queries.keep("ada", views[:1])
    second.regions["left"] = replace(second, regions={})
    assert queries.find(second.key, "ada") is second  # now it is known how much it takes
    assert queries.find(first.key, "ada") is None
    assert queries.find(second.key, "ada") is second


def test_one_that_is_too_large_by_itself_is_kept_until_the_next(views: tuple[Asked, ...]) -> None:
    queries = Queries(most=1)
    large = queries.keep("ada", views[:1])
    assert queries.find(large.key, "ada") is large
    assert queries.keep("ada", views[:1]).key != large.key
    assert queries.find(large.key, "ada") is None


def test_a_view_knows_what_can_be_shown_of_it(served: Served, views: tuple[Asked, ...]) -> None:
    known, strange, nothing = views
    query = Queries(10**9).keep("ada", views)
    assert [view.is_readable for view in views] == [True, True, False]
    assert (nothing.picture, nothing.place, nothing.shape) == (None, None, (1, 1))
    assert known.place is not None
    assert strange.place is not None
    assert known.place.total < known.place.limit < strange.place.total
    assert query.heat_map(2, served) is None
    drawn = query.heat_map(1, served)
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")


def test_pictures_that_cannot_be_read_take_room_too(views: tuple[Asked, ...]) -> None:
    unreadable = views[2:]
    queries = Queries(10 * unreadable[0].size)
    keys = [queries.keep("ada", unreadable).key for _ in range(11)]
    assert [queries.find(key, "ada") is None for key in keys] == [True, *[False] * 10]


def test_what_a_page_has_made_of_a_picture_takes_memory_too(served: Served) -> None:
    (view,) = examine(served, [(png(draw("disc", 901)), None)])
    before = view.size
    assert view.picture is not None
    assert view.size == before + len(view.picture)
