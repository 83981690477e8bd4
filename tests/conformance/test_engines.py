"""Every engine against sorting all rows by (distance, row) in plain Python.

The suite of an engine whose client library cannot live beside ours runs in an environment of its
own: see `test_engine_servers.py`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import UInt8

from acir import registry
from acir.errors import TooManyHitsError
from made_engines import Maker, assert_agrees, crowded, drawn_mask, maker_of, pairs, sorted_pairs
from made_servers import Server

LENGTHS = [8, 16, 24, 40, 64, 72, 128, 512]
SHARES = [None, 0.0, 0.1, 0.5, 1.0]


@pytest.fixture(scope="module", params=registry.names("acir.index.engines"))
def make(request: pytest.FixtureRequest, server_of: Callable[[str], Server | None]) -> Maker:
    """Return what builds engines of one kind from codes."""
    return maker_of(request.param, server_of)


@settings(deadline=None)  # the first example pays for imports
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 60),
    bits=st.sampled_from(LENGTHS),
    k=st.integers(0, 70),
    share=st.sampled_from(SHARES),
)
def test_an_answer_is_the_head_of_the_order_by_distance_and_row(
    make: Maker, seed: int, rows: int, bits: int, k: int, share: float | None
) -> None:
    codes, queries = crowded(seed, rows, bits)
    engine = make(codes)
    assert_agrees(engine, codes, queries, k, drawn_mask(seed, rows, share))
    engine.close()


@settings(deadline=None)  # the first example pays for imports
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 60),
    bits=st.sampled_from(LENGTHS),
    radius=st.one_of(st.integers(-1, 8), st.integers(0, 600)),
    filtered=st.booleans(),
)
def test_a_radius_includes_its_end(
    make: Maker, seed: int, rows: int, bits: int, radius: int, filtered: bool
) -> None:
    codes, queries = crowded(seed, rows, bits)
    allow = drawn_mask(seed, rows, 0.5 if filtered else None)
    engine = make(codes)
    answers = engine.within(queries, radius, allow)
    for query, answer in zip(queries, answers, strict=True):
        expected = [p for p in sorted_pairs(query, codes, allow) if p[0] <= radius]
        assert pairs(answer) == expected
    engine.close()


@pytest.mark.parametrize("bits", LENGTHS)
def test_every_length_of_code(make: Maker, bits: int) -> None:
    codes, queries = crowded(bits, 40, bits)
    engine = make(codes)
    for k in (0, 7, 50):
        assert_agrees(engine, codes, queries, k, None)
    for radius in (0, bits):
        for query, answer in zip(queries, engine.within(queries, radius), strict=True):
            assert pairs(answer) == [p for p in sorted_pairs(query, codes) if p[0] <= radius]
    engine.close()


@pytest.mark.parametrize("bits", [8, 64, 512])
def test_ties_at_the_cut_go_to_the_lower_rows_in_a_gallery_of_many_blocks(
    make: Maker, bits: int
) -> None:
    codes, queries = crowded(1, 70_000, bits)
    if make.kind.on_server:
        codes = codes[:3000]
    engine = make(codes)
    distances, rows = engine.knn(queries, 100)
    for i, query in enumerate(queries):
        exact = np.bitwise_count(codes ^ query).sum(axis=1, dtype=np.int64)
        order = np.lexsort((np.arange(len(codes)), exact))[:100]
        assert (rows[i] == order).all()
        assert (distances[i] == exact[order]).all()
    engine.close()


def test_equal_codes_all_tie(make: Maker) -> None:
    codes = np.full((300, 2), 7, dtype=np.uint8)
    engine = make(codes)
    assert engine.knn(codes[:1], 5)[1].tolist() == [[0, 1, 2, 3, 4]]
    assert engine.tie_complete(codes[:1], 5)[0][1].tolist() == list(range(300))
    engine.close()


@pytest.mark.parametrize("row", [0, 7, 8, 999])
def test_a_filter_that_one_row_passes_gives_that_row(make: Maker, row: int) -> None:
    codes, queries = crowded(2, 1000, 64)
    allow = np.arange(1000) == row
    engine = make(codes)
    assert_agrees(engine, codes, queries, 10, allow)
    answers = engine.within(queries, 64, allow)
    assert [rows.tolist() for _, rows in answers] == [[row]] * 3
    engine.close()


@pytest.mark.parametrize("passing", [0, 1, 5, 10, 11, 500, 995, 999, 1000])
def test_a_filter_of_any_width_is_exact(make: Maker, passing: int) -> None:
    codes, queries = crowded(6, 1000, 64)
    allow = np.zeros(1000, dtype=bool)
    allow[np.random.default_rng(passing).permutation(1000)[:passing]] = True
    engine = make(codes)
    assert_agrees(engine, codes, queries, 20, allow)
    for query, answer in zip(queries, engine.within(queries, 3, allow), strict=True):
        assert pairs(answer) == [p for p in sorted_pairs(query, codes, allow) if p[0] <= 3]
    engine.close()


def test_more_hits_than_the_cap_are_an_error_and_as_many_are_none(make: Maker) -> None:
    codes = np.full((30, 8), 7, dtype=np.uint8)
    engine = make(codes)
    assert len(engine.within(codes[:2], 0, cap=30)[1][1]) == 30
    with pytest.raises(TooManyHitsError, match=r"more than 29 pictures, .* are within 0 bits"):
        engine.within(codes[:2], 0, cap=29)
    engine.close()


def test_no_queries_give_no_answers(make: Maker) -> None:
    codes, queries = crowded(3, 20, 64)
    engine = make(codes)
    distances, rows = engine.knn(queries[:0], 5)
    assert distances.shape == rows.shape == (0, 5)
    assert engine.within(queries[:0], 5) == engine.tie_complete(queries[:0], 5) == []
    engine.close()


def test_what_does_not_fit_the_gallery_is_refused(make: Maker) -> None:
    codes, queries = crowded(7, 20, 64)
    engine = make(codes)
    asks: list[Callable[..., object]] = [
        partial(engine.knn, k=3),
        partial(engine.within, radius=3),
        partial(engine.tie_complete, k=3),
    ]
    for ask in asks:
        with pytest.raises(ValueError, match=r"queries have 56 bits, the codes of the gallery 64"):
            ask(np.ascontiguousarray(queries[:, :7]))
        with pytest.raises(ValueError, match=r"filter marks 19 rows, the gallery has 20"):
            ask(queries, allow=np.ones(19, dtype=bool))
    asks = [partial(engine.knn, k=-1), partial(engine.tie_complete, k=-1)]
    for ask in asks:
        with pytest.raises(ValueError, match=r"k is -1, expected at least 0"):
            ask(queries)
    engine.close()


def test_threads_may_search_one_engine_at_once(make: Maker) -> None:
    codes, _ = crowded(4, 200 if make.kind.on_server else 5_000, 64)
    engine, asked = make(codes), codes[:64]

    def rows(code: UInt8[np.ndarray, " bytes"]) -> list[int]:
        return engine.tie_complete(code[None], 50, codes[:, 0] != code[0])[0][1].tolist()  # type: ignore[no-any-return]

    alone = [rows(code) for code in asked]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(rows, asked)) == alone
    engine.close()


def test_a_gallery_that_is_changed_by_its_owner_later_is_not_seen(make: Maker) -> None:
    codes, queries = crowded(5, 50, 64)
    engine = make(codes)
    before = engine.knn(queries, 5)[1].tolist()
    codes[:] = 0
    assert engine.knn(queries, 5)[1].tolist() == before
    engine.close()
