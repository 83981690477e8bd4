"""Engines on a server: a copy of the codes that follows the store, or says that it does not."""

from collections.abc import Callable

import numpy as np
import pytest

from acir import registry
from acir.errors import OutdatedError
from acir.index.engines.base import Engine
from acir.index.engines.flat import Flat
from made_engines import Codes, Keys, Maker, crowded, maker_of, pairs
from made_servers import Server

BITS = 64


@pytest.fixture(scope="module", params=["milvus", "pgvector"])
def make(request: pytest.FixtureRequest, server_of: Callable[[str], Server | None]) -> Maker:
    """Return what builds engines of one kind from codes."""
    return maker_of(request.param, server_of)


def test_these_are_the_engines_on_a_server(make: Maker) -> None:
    known = registry.names("acir.index.engines")
    assert make.name in known
    assert make.kind.on_server


def assert_same_answers(engine: Engine, codes: Codes, queries: Codes, seed: int) -> None:
    """Compare answers of every kind with those of the reference."""
    rng = np.random.default_rng(seed)
    allow = None if seed % 3 == 0 else rng.random(len(codes)) < rng.choice([0.002, 0.1, 0.5, 0.99])
    k, radius = int(rng.integers(1, 120)), int(rng.integers(0, 12))
    flat = Flat(codes)
    for ours, theirs in zip(
        engine.knn(queries, k, allow), flat.knn(queries, k, allow), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    for answers, expected in (
        (engine.tie_complete(queries, k, allow), flat.tie_complete(queries, k, allow)),
        (engine.within(queries, radius, allow), flat.within(queries, radius, allow)),
    ):
        assert list(map(pairs, answers)) == list(map(pairs, expected))


def assert_random_queries_agree(make: Maker, count: int, together: int) -> None:
    rng = np.random.default_rng(11)
    codes, _ = crowded(11, 5_000, BITS)
    engine = make(codes, collection="random")
    for seed in range(count // together):
        near = codes[rng.integers(0, len(codes), together)]
        flips = np.packbits(rng.random((together, BITS)) < rng.choice([0.0, 0.02, 0.5]), axis=1)
        assert_same_answers(engine, codes, near ^ flips, seed)
    engine.close()


def test_random_queries_are_answered_as_by_the_reference(make: Maker) -> None:
    assert_random_queries_agree(make, 300, 10)


@pytest.mark.soak
def test_ten_thousand_random_queries_are_answered_as_by_the_reference(make: Maker) -> None:
    assert_random_queries_agree(make, 10_000, 200)


def changed(
    rng: np.random.Generator, codes: Codes, keys: Keys, following: int
) -> tuple[Codes, Keys, int]:
    """Delete some rows and insert others anywhere in the order, under numbers never used before."""
    kept = rng.random(len(codes)) < rng.choice([0.0, 0.5, 0.9, 1.0])
    added = int(rng.integers(0, 30))
    fresh, _ = crowded(int(rng.integers(1000)), added, BITS)
    numbers = np.arange(following, following + added)
    order = rng.permutation(int(kept.sum()) + added)
    merged = np.concatenate([codes[kept], fresh])[order]
    return merged, np.concatenate([keys[kept], numbers])[order], following + added


def test_deletes_and_inserts_since_the_last_opening_are_followed(make: Maker) -> None:
    rng = np.random.default_rng(5)
    codes, queries = crowded(5, 40, BITS)
    keys = np.arange(1, 41)
    following = 41
    for seed in range(12):
        engine = make(codes, keys, "changing")
        if len(codes):
            assert_same_answers(engine, codes, queries, seed)
        else:
            assert engine.knn(queries, 3)[1].shape == (3, 0)
        engine.close()
        codes, keys, following = changed(rng, codes, keys, following)


def test_another_code_under_a_number_is_corrected(make: Maker) -> None:
    codes, queries = crowded(6, 30, BITS)
    keys = np.arange(30)
    make(codes, keys, "diverged").close()
    others = codes.copy()
    others[3] ^= 255  # as two copies of one folder differ that both went on
    engine = make(others, keys, "diverged")
    assert_same_answers(engine, others, np.vstack([queries, others[3]]), 0)
    engine.close()


def test_what_was_opened_before_another_process_changed_the_copy_says_so(make: Maker) -> None:
    codes, queries = crowded(7, 30, BITS)
    keys = np.arange(30)
    early = make(codes, keys, "shared")
    late = make(codes[1:], keys[1:], "shared")
    for ask in (lambda: early.knn(queries, 3), lambda: early.within(queries, 0)):
        with pytest.raises(OutdatedError, match=r"no longer those of this index .* open it again"):
            ask()
    assert_same_answers(late, codes[1:], queries, 0)
    early.close()
    late.close()


def test_opening_what_is_up_to_date_changes_nothing(make: Maker) -> None:
    codes, queries = crowded(8, 30, BITS)
    first = make(codes, collection="quiet")
    second = make(codes, collection="quiet")
    assert_same_answers(first, codes, queries, 0)
    assert_same_answers(second, codes, queries, 0)
    second.close()
    second.close()  # closing twice is harmless
    first.close()


def test_a_copy_is_listed_until_it_is_dropped(make: Maker) -> None:
    codes, queries = crowded(9, 30, BITS)
    make(codes, collection="dropped").close()
    assert make.server is not None
    address, name = make.server.address, f"dropped_{codes.shape[1]}"
    assert name in make.kind.copies(address)
    for _ in range(2):  # what is gone already is no error
        make.kind.drop(address, name)
        assert name not in make.kind.copies(address)
    again = make(codes, collection="dropped")
    assert_same_answers(again, codes, queries, 0)
    again.close()
