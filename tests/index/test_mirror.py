"""What a server lacks and has too much follows from two listings, or from the name of a state."""

from collections.abc import Callable

import numpy as np
import pytest

from acir.errors import OutdatedError
from acir.index.mirror import Listing, Mirror

KEYS = np.array([5, 2, 9])
CODES = np.array([[50], [20], [90]], dtype=np.uint8)


def listing(*pairs: tuple[int, int]) -> Callable[[], Listing]:
    keys = np.array([key for key, _ in pairs], dtype=np.int64)
    codes = np.array([code for _, code in pairs], dtype=np.uint8).reshape(-1, 1)
    return lambda: (keys, codes)


def never() -> Listing:
    raise AssertionError("the server is listed")


def plain(changes: tuple[list[int], Listing]) -> tuple[list[int], list[int], list[list[int]]]:
    surplus, (keys, codes) = changes
    return surplus, keys.tolist(), codes.tolist()


def test_the_state_is_of_the_rows_whatever_their_order() -> None:
    order = [1, 2, 0]
    assert Mirror(CODES[order], KEYS[order]).state == Mirror(CODES, KEYS).state
    assert Mirror(CODES + 1, KEYS).state != Mirror(CODES, KEYS).state
    assert Mirror(CODES, KEYS).state.startswith("9_")


def test_what_was_only_added_to_is_not_listed() -> None:
    before = Mirror(CODES[:2], KEYS[:2])
    after = Mirror(CODES, KEYS)
    assert after.continues(before.state)
    assert plain(after.changes(before.state, never)) == ([], [9], [[90]])
    empty = Mirror(CODES[:0], KEYS[:0]).state
    assert plain(after.changes(empty, never)) == ([], [2, 5, 9], [[20], [50], [90]])


def test_after_a_deletion_the_listing_tells() -> None:
    before = Mirror(CODES, KEYS)
    after = Mirror(CODES[[0, 2]], KEYS[[0, 2]])
    assert not after.continues(before.state)
    there = listing((2, 20), (5, 50), (9, 90))
    assert plain(after.changes(before.state, there)) == ([2], [], [])


def test_without_a_state_missing_surplus_and_wrong_rows_are_found() -> None:
    there = listing((2, 21), (5, 50), (7, 70))
    surplus, keys, codes = plain(Mirror(CODES, KEYS).changes(None, there))
    assert sorted(surplus) == [2, 7]
    assert (keys, codes) == ([2, 9], [[20], [90]])


def test_an_empty_gallery_wants_nothing() -> None:
    there = listing((2, 21))
    assert plain(Mirror(CODES[:0], KEYS[:0]).changes(None, there)) == ([2], [], [])


def test_keys_and_positions_are_each_other() -> None:
    mirror = Mirror(CODES, KEYS)
    assert mirror.positions(np.array([9, 5, 2])).tolist() == [2, 0, 1]
    assert mirror.keys(np.array([True, True, False])) == [2, 5]
    with pytest.raises(OutdatedError, match=r"no longer those of this index as it was opened"):
        mirror.positions(np.array([4]))
