"""Every engine against sorting all rows by (distance, row) in plain Python."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Bool, UInt8

from acir import registry
from acir.index import engines

LENGTHS = [8, 16, 24, 40, 64, 72, 128, 512]
Pairs = list[tuple[int, int]]
Codes = UInt8[np.ndarray, "n bytes"]
Mask = Bool[np.ndarray, " n"]

pytestmark = pytest.mark.parametrize("name", registry.names("acir.index.engines"))


def sorted_pairs(
    query: UInt8[np.ndarray, " bytes"], codes: Codes, allow: Mask | None = None
) -> Pairs:
    """Sort (distance, row) of all rows allowed, distances counted as ones in a Python integer."""
    asked = int.from_bytes(query.tobytes(), "big")
    return sorted(
        ((asked ^ int.from_bytes(code.tobytes(), "big")).bit_count(), row)
        for row, code in enumerate(codes)
        if allow is None or allow[row]
    )


def crowded(seed: int, rows: int, bits: int) -> tuple[Codes, Codes]:
    """Draw a gallery around four centres, so that most distances tie, and queries from it."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 256, (4, bits // 8), dtype=np.uint8)
    flips = rng.random((rows, bits)) < 0.02
    codes = centres[rng.integers(0, 4, rows)] ^ np.packbits(flips, axis=1)
    return codes, np.vstack([centres[:2], rng.integers(0, 256, (1, bits // 8), dtype=np.uint8)])


def pairs(distances: np.ndarray, rows: np.ndarray) -> Pairs:
    return list(zip(distances.tolist(), rows.tolist(), strict=True))


@settings(deadline=None)  # the first example pays for imports
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 60),
    bits=st.sampled_from(LENGTHS),
    k=st.integers(0, 70),
    share=st.sampled_from([None, 0.0, 0.1, 0.5, 1.0]),
)
def test_an_answer_is_the_head_of_the_order_by_distance_and_row(
    name: str, seed: int, rows: int, bits: int, k: int, share: float | None
) -> None:
    codes, queries = crowded(seed, rows, bits)
    allow = None if share is None else np.random.default_rng(seed).random(rows) < share
    engine = engines.get(name)(codes)
    distances, found = engine.knn(queries, k, allow)
    for i, query in enumerate(queries):
        expected = sorted_pairs(query, codes, allow)
        assert pairs(distances[i], found[i]) == expected[:k]
        last = expected[k - 1 :][:1] or expected[-1:]
        ties = [pair for pair in expected if k and pair[0] <= last[0][0]]
        assert pairs(*engine.tie_complete(query, k, allow)) == ties


@settings(deadline=None)  # the first example pays for imports
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 60),
    bits=st.sampled_from(LENGTHS),
    radius=st.one_of(st.integers(-1, 8), st.integers(0, 600)),
    filtered=st.booleans(),
)
def test_a_radius_includes_its_end(
    name: str, seed: int, rows: int, bits: int, radius: int, filtered: bool
) -> None:
    codes, queries = crowded(seed, rows, bits)
    allow = np.random.default_rng(seed).random(rows) < 0.5 if filtered else None
    engine = engines.get(name)(codes)
    for query in queries:
        expected = [p for p in sorted_pairs(query, codes, allow) if p[0] <= radius]
        assert pairs(*engine.within(query, radius, allow)) == expected


@pytest.mark.parametrize("bits", [8, 64, 512])
def test_ties_at_the_cut_go_to_the_lower_rows_in_a_gallery_of_many_blocks(
    name: str, bits: int
) -> None:
    codes, queries = crowded(1, 70_000, bits)
    distances, rows = engines.get(name)(codes).knn(queries, 100)
    for i, query in enumerate(queries):
        exact = np.bitwise_count(codes ^ query).sum(axis=1, dtype=np.int64)
        order = np.lexsort((np.arange(len(codes)), exact))[:100]
        assert (rows[i] == order).all()
        assert (distances[i] == exact[order]).all()


def test_equal_codes_all_tie(name: str) -> None:
    codes = np.full((300, 2), 7, dtype=np.uint8)
    engine = engines.get(name)(codes)
    assert engine.knn(codes[:1], 5)[1].tolist() == [[0, 1, 2, 3, 4]]
    assert engine.tie_complete(codes[0], 5)[1].tolist() == list(range(300))


@pytest.mark.parametrize("row", [0, 7, 8, 99])
def test_a_filter_that_one_row_passes_gives_that_row(name: str, row: int) -> None:
    codes, queries = crowded(2, 100, 64)
    allow = np.arange(100) == row
    distances, rows = engines.get(name)(codes).knn(queries, 10, allow)
    assert rows.tolist() == [[row]] * 3
    assert distances[0].tolist() == [sorted_pairs(queries[0], codes, allow)[0][0]]


def test_no_queries_give_no_answers(name: str) -> None:
    codes, queries = crowded(3, 20, 64)
    distances, rows = engines.get(name)(codes).knn(queries[:0], 5)
    assert distances.shape == rows.shape == (0, 5)


def test_threads_may_search_one_engine_at_once(name: str) -> None:
    codes, _ = crowded(4, 5_000, 64)
    engine = engines.get(name)(codes)
    alone = [
        engine.tie_complete(code, 50, codes[:, 0] != code[0])[1].tolist() for code in codes[:64]
    ]
    with ThreadPoolExecutor(8) as pool:
        together = pool.map(
            lambda code: engine.tie_complete(code, 50, codes[:, 0] != code[0])[1].tolist(),
            codes[:64],
        )
        assert list(together) == alone


def test_a_gallery_that_is_changed_by_its_owner_later_is_not_seen(name: str) -> None:
    codes, queries = crowded(5, 50, 64)
    engine = engines.get(name)(codes)
    before = engine.knn(queries, 5)[1].tolist()
    codes[:] = 0
    assert engine.knn(queries, 5)[1].tolist() == before
