"""Candidates of many probes at once are those that each would get with a filter of its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acir.index.engines.flat import Flat
from acir.search import shortlist
from acir.search.probe import Probe
from acir.search.shortlist import first_size, shortlists


def probe(code: np.ndarray, barred: list[int]) -> Probe:
    return Probe(code, np.ones(1, np.float16), np.array(sorted(barred), dtype=np.int64))


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.none() | st.integers(0, 8),
    st.lists(st.sets(st.integers(0, 39)), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_batch_gives_what_a_sort_of_the_allowed_rows_gives(
    seed: int, size: int, radius: int | None, barred: list[set[int]], narrowed: bool
) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (40, 1), dtype=np.uint8)
    allowed = rng.random(40) < (0.7 if narrowed else 2.0)
    queries = rng.integers(0, 256, (len(barred), 1), dtype=np.uint8)
    probes = [probe(query, list(rows)) for query, rows in zip(queries, barred, strict=True)]
    found = shortlists(Flat(codes), probes, allowed if narrowed else None, size, radius)
    for query, rows, got in zip(queries, barred, found, strict=True):
        pairs = sorted(
            (int(query[0] ^ codes[row, 0]).bit_count(), row)
            for row in range(40)
            if allowed[row] and row not in rows
        )
        if radius is not None:
            expected = [pair for pair in pairs if pair[0] <= radius]
        elif len(pairs) > size:
            expected = [pair for pair in pairs if pair[0] <= pairs[size - 1][0]]
        else:
            expected = pairs
        assert list(zip(got.distances.tolist(), got.rows.tolist(), strict=True)) == expected
        if radius is None and got.complete:
            assert expected == pairs


def test_a_list_that_holds_everything_says_so() -> None:
    codes = np.arange(4, dtype=np.uint8)[:, None]
    for everything in (np.ones(4, dtype=bool), None):
        (whole,) = shortlists(Flat(codes), [probe(codes[0], [1])], everything, 3, None)
        (part,) = shortlists(Flat(codes), [probe(codes[0], [])], everything, 1, None)
        assert (whole.complete, whole.rows.tolist()) == (True, [0, 2, 3])
        assert (part.complete, part.rows.tolist()) == (False, [0])


def test_too_long_a_list_is_cut_by_distance_and_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortlist, "MOST", 2)
    codes = np.array([[1], [0], [0], [0]], dtype=np.uint8)
    (found,) = shortlists(Flat(codes), [probe(codes[1], [])], np.ones(4, dtype=bool), 1, None)
    assert found.rows.tolist() == [1, 2]
    assert found.notice == (
        "3 pictures are near enough by their codes; the first 2 by distance and id were ordered by "
        "content"
    )


def test_at_least_a_hundred_candidates_are_taken() -> None:
    assert [first_size(k) for k in (1, 25, 26)] == [100, 100, 104]
