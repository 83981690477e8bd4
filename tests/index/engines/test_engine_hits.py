"""Hits are sorted and left out as plain Python does it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acir.index.engines.base import in_order, without
from made_engines import pairs

HITS = st.dictionaries(st.integers(0, 2**32 + 9), st.integers(0, 65_535))


@given(HITS, st.sampled_from([np.int32, np.float32, np.uint16]))
def test_hits_are_sorted_by_distance_and_row(hits: dict[int, int], kind: type[np.generic]) -> None:
    rows = np.array([*hits], dtype=np.int64)
    found = in_order(np.array([*hits.values()], dtype=kind), rows)
    assert pairs(found) == sorted((distance, row) for row, distance in hits.items())
    assert [column.dtype for column in found] == [np.int32, np.int64]


@given(st.lists(st.integers(0, 20), unique=True), st.sets(st.integers(0, 20)))
def test_hits_at_some_rows_are_left_out_and_the_others_stay_as_they_are(
    rows: list[int], barred: set[int]
) -> None:
    found = np.arange(len(rows), dtype=np.int32), np.array(rows, dtype=np.int64)
    left = without(found, np.array(sorted(barred), dtype=np.int64))
    assert pairs(left) == [(i, row) for i, row in enumerate(rows) if row not in barred]
