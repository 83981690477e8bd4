"""A list asked for page by page: all but what the server fails at is there, and that is counted."""

import random
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest

from acir.errors import FailedError
from acir.pacs.feed import Listing
from acir.pacs.pages import BEYOND, DOUBTFUL, FAILURES, PAGE, listed
from acir.pacs.qido import DicomWeb
from acir.pacs.settings import load
from made_orthanc import MadeOrthanc, configured, slice_of, uids


def failing_at(count: int, lost: Iterable[int]) -> Callable[[int, int], list[str]]:
    """Return a server of so many instances, which fails at each page that holds a lost one."""
    gone = set(lost)

    def page(limit: int, offset: int) -> list[str]:
        numbers = range(offset, min(offset + limit, count))
        if gone & set(numbers):
            raise FailedError("status 500")
        return [str(number) for number in numbers]

    return page


@pytest.mark.parametrize("count", [0, 1, 2, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
@pytest.mark.parametrize("share", [0, 0.001, 0.1, 1])
def test_all_but_the_lost_are_named_and_the_lost_are_counted(count: int, share: float) -> None:
    rng = random.Random(count)
    lost = [n for n in range(count) if rng.random() < share][: DOUBTFUL - 1]
    names = tuple(str(n) for n in range(count) if n not in lost)
    assert listed(failing_at(count, lost)) == Listing(names, len(lost))


def test_one_lost_file_costs_few_questions() -> None:
    asked, page = list[int](), failing_at(20 * PAGE, [7 * PAGE + 123])

    def counting(limit: int, offset: int) -> list[str]:
        asked.append(limit)
        return page(limit, offset)

    assert listed(counting).unnamed == 1
    assert len(asked) < 21 + 60


def test_a_server_that_fails_at_everything_is_given_up() -> None:
    asked = list[int]()

    def page(limit: int, offset: int) -> list[str]:
        asked.append(offset)
        raise FailedError("status 500")

    with pytest.raises(FailedError, match="status 500"):
        listed(page)
    assert len(asked) == 8 + DOUBTFUL + 1  # 500, 250, ... 3, so often 1, and once beyond the end


def test_a_lost_study_stops_no_list() -> None:
    lost = range(70, 70 + 3 * DOUBTFUL)
    names = tuple(str(n) for n in range(PAGE) if n not in lost)
    assert listed(failing_at(PAGE, lost)) == Listing(names, len(lost))


def test_a_server_that_lost_its_disk_is_given_up() -> None:
    with pytest.raises(FailedError, match="status 500"):
        listed(failing_at(FAILURES + PAGE, range(PAGE, FAILURES + PAGE)))
    names = tuple(str(n) for n in range(PAGE))
    lost = range(PAGE, FAILURES + PAGE - 1)
    assert listed(failing_at(FAILURES + PAGE - 1, lost)) == Listing(names, FAILURES - 1)


@pytest.mark.parametrize("arrived", [PAGE - 1, PAGE, 2 * PAGE, 3 * PAGE + 7])
def test_so_many_that_arrive_between_two_pages_end_no_list(arrived: int) -> None:
    there, asked = [str(n) for n in range(3 * PAGE)], list[int]()

    def page(limit: int, offset: int) -> list[str]:
        if len(asked) == 1:
            there[:0] = [f"new{n}" for n in range(arrived)]
        asked.append(offset)
        return there[offset : offset + limit]

    assert set(listed(page).handles) >= {str(n) for n in range(3 * PAGE)}


def test_a_server_that_has_no_pages_ends_the_list_though_it_fails_at_large_ones() -> None:
    def page(limit: int, offset: int) -> list[str]:
        if limit > 100:
            raise FailedError("status 500")
        return ["a", "b"]

    assert listed(page) == Listing(("a", "b"))


def test_what_comes_while_it_is_asked_moves_the_rest_and_hides_none() -> None:
    there, lost = [str(n) for n in range(10)], "4"
    asked = list[int]()

    def page(limit: int, offset: int) -> list[str]:
        asked.append(limit)
        if len(asked) > 10 and "new" not in there:  # as soon as single ones are asked for
            there.insert(0, "new")
        found = there[offset : offset + limit]
        if lost in found:
            raise FailedError("status 500")
        return found

    assert set(listed(page).handles) >= {str(n) for n in range(10)} - {lost}


def test_an_orthanc_has_nothing_beyond_the_end(
    tmp_path: Path, orthanc: MadeOrthanc, make_dicom: Callable[..., bytes]
) -> None:
    orthanc.store(make_dicom(slice_of(0), **uids(0)))
    (server,) = load(configured(tmp_path, orthanc, tmp_path / "index", orthanc="")).servers
    with closing(DicomWeb(server)) as feed:
        assert [len(feed._page({}, 1, place)) for place in (0, 1, BEYOND)] == [1, 0, 0]
