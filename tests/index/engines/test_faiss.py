"""What of FAISS the suite of all engines does not see: threads, and the way a filter takes."""

from collections.abc import Iterator

import faiss
import numpy as np
import pytest

from acir.index.engines.faiss import FEW, FILTERS, MOST_COUNTED, SAMPLED, Faiss, sampled
from acir.index.engines.flat import Flat
from made_engines import crowded, pairs


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(request.param)
    yield request.param
    faiss.omp_set_num_threads(before)


def test_ties_keep_their_order_with_any_number_of_threads(threads: int) -> None:
    codes, queries = crowded(threads, 50_000, 64)
    ours, theirs = Faiss(codes), Flat(codes)
    for k in (1, 100, 5000):
        for found, expected in zip(ours.knn(queries, k), theirs.knn(queries, k), strict=True):
            np.testing.assert_array_equal(found, expected)
    found_within = ours.within(queries, 3)
    assert list(map(pairs, found_within)) == list(map(pairs, theirs.within(queries, 3)))


@pytest.mark.parametrize("bits", [8, 72, 128])
@pytest.mark.parametrize("excluded", [0, FEW, FEW + 1])
def test_fetching_more_rows_and_gathering_the_rest_answer_alike(excluded: int, bits: int) -> None:
    codes, queries = crowded(3, 5000, bits)
    nearest = Flat(codes).knn(queries, 5000)[1][0]
    allow = np.ones(len(codes), dtype=bool)
    allow[nearest[:excluded]] = False  # the worst: all that would be found
    ours, theirs = Faiss(codes), Flat(codes)
    for k in (0, 1, 50, 4900, 5001):
        np.testing.assert_array_equal(ours.knn(queries, k, allow), theirs.knn(queries, k, allow))
    found = ours.within(queries, 9, allow)
    assert list(map(pairs, found)) == list(map(pairs, theirs.within(queries, 9, allow)))
    found = ours.tie_complete(queries, 50, allow)
    assert list(map(pairs, found)) == list(map(pairs, theirs.tie_complete(queries, 50, allow)))


@pytest.mark.parametrize("rows", [1, SAMPLED - 1, 50 * SAMPLED + 3])
def test_all_that_tie_are_found_where_all_codes_are_alike(rows: int) -> None:
    codes = np.zeros((rows, 8), dtype=np.uint8)
    allow = np.arange(len(codes)) != 7
    (found,) = Faiss(codes).tie_complete(codes[:1], 3, allow)
    assert pairs(found) == [(0, row) for row in range(len(codes)) if row != 7]


def test_a_sample_without_any_neighbour_loses_none() -> None:
    codes, queries = crowded(9, 4000, 64)
    codes[sampled(len(codes))] ^= 255
    ours, theirs = Faiss(codes), Flat(codes)
    for k in (1, 100, len(codes) // SAMPLED, len(codes) // SAMPLED + 1):
        found, expected = ours.tie_complete(queries, k), theirs.tie_complete(queries, k)
        assert list(map(pairs, found)) == list(map(pairs, expected))
        np.testing.assert_array_equal(ours.knn(queries, k), theirs.knn(queries, k))


def test_many_neighbours_of_many_queries_are_found_without_counting() -> None:
    codes, _ = crowded(4, 3000, 64)
    k = len(codes) // SAMPLED
    queries = codes[: MOST_COUNTED // (k * 65) + 1]
    np.testing.assert_array_equal(Faiss(codes).knn(queries, k), Flat(codes).knn(queries, k))


def test_the_galleries_of_the_last_filters_are_remembered_as_far_as_there_is_room() -> None:
    codes, queries = crowded(6, 4000, 64)
    ours, theirs = Faiss(codes), Flat(codes)
    random = np.random.default_rng(6)
    tenths = [random.permutation(4000) < 400 for _ in range(4)]  # of one size
    half = random.permutation(4000) < 2000
    for allow in (*tenths, half, *tenths, half):
        np.testing.assert_array_equal(ours.knn(queries, 9, allow), theirs.knn(queries, 9, allow))
    kept = ours._kept
    assert [len(part.rows) for part in kept] == [2000, 400, 400, 400, 400]
    ours.tie_complete(queries, 9, tenths[0].copy())
    assert ours._kept[0] is kept[4]  # not gathered again, and now the last to be forgotten
    for allow in (half, ~half, np.arange(4000) < 3600):
        found = ours.within(queries, 9, allow)
        assert list(map(pairs, found)) == list(map(pairs, theirs.within(queries, 9, allow)))
    # Together twice as many as there are.
    assert [len(part.rows) for part in ours._kept] == [3600, 2000, 2000, 400]


def test_a_filter_that_its_owner_changes_later_is_another_filter() -> None:
    codes, queries = crowded(7, 1000, 64)
    ours, theirs, allow = Faiss(codes), Flat(codes), np.arange(1000) < 500
    for _ in range(2):
        np.testing.assert_array_equal(ours.knn(queries, 9, allow), theirs.knn(queries, 9, allow))
        allow[:] = ~allow


def test_no_more_filters_are_remembered_than_asked() -> None:
    codes, queries = crowded(8, 1000, 64)
    ours = Faiss(codes)
    for row in range(FILTERS + 3):
        ours.knn(queries, 1, np.arange(1000) == row)
    assert len(ours._kept) == FILTERS
