"""Every ranker keeps what all rankers promise."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acir import ranking, registry
from acir.ranking.base import Pairs, Ranker
from acir.types import Ranking

BITS = 32

pytestmark = pytest.mark.parametrize("name", registry.names("acir.ranking"))


def pairs(seed: int, count: int, sense: float = 1.0) -> Pairs:
    """Draw pairs that share a class the more likely the nearer they are (`sense` = 1)."""
    rng = np.random.default_rng(seed)
    distances = rng.integers(0, BITS + 1, count)
    cosines = np.clip(rng.normal(1 - 2 * distances / BITS, 0.3), -1, 1).round(6)
    log_odds = sense * (6 * (0.5 - distances / BITS) + 3 * cosines)
    same = rng.random(count) < 1 / (1 + np.exp(-log_odds))
    return Pairs(BITS, distances, cosines, same)


def fitted(name: str, drawn: Pairs) -> Ranker:
    return ranking.get(name).fit(drawn)


def shortlist(seed: int, count: int) -> Ranking:
    """Draw candidates in no order, with many equal distances and cosines."""
    rng = np.random.default_rng(seed)
    return Ranking(
        rng.permutation(1000)[:count],
        rng.integers(0, 6, count),
        rng.integers(-4, 5, count) / 4,
        np.full(count, np.nan),
    )


@settings(deadline=None)  # the first example pays for imports
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 80))
def test_a_ranking_is_a_permutation_with_falling_similarities(
    name: str, seed: int, count: int
) -> None:
    candidates = shortlist(seed, count)
    ranked = fitted(name, pairs(seed, 50)).rank(candidates)
    columns = (candidates.rows, candidates.distances, candidates.cosines)
    given_in = sorted(zip(*(c.tolist() for c in columns), strict=True))
    columns = (ranked.rows, ranked.distances, ranked.cosines)
    assert sorted(zip(*(c.tolist() for c in columns), strict=True)) == given_in
    assert (np.diff(ranked.similarities) <= 0).all()
    assert ((ranked.similarities >= 0) & (ranked.similarities <= 1)).all()
    assert (ranked.similarities == ranked.similarities.round(6)).all()


@settings(deadline=None)  # the first example pays for imports
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_does_not_depend_on_the_order_given(name: str, seed: int) -> None:
    ranker = fitted(name, pairs(1, 200))
    candidates = shortlist(seed, 40)
    shuffled = candidates.take(np.random.default_rng(seed).permutation(40))
    assert ranker.rank(shuffled).rows.tolist() == ranker.rank(candidates).rows.tolist()


@settings(deadline=None)  # the first example pays for imports
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 80))
def test_a_group_of_ties_is_what_only_the_row_puts_in_order(
    name: str, seed: int, count: int
) -> None:
    ranker, candidates = fitted(name, pairs(1, 200)), shortlist(seed, count)
    rows, begins = ranker.tied(candidates)
    assert rows.tolist() == ranker.rank(candidates).rows.tolist()
    # With the rows the other way round, each group and nothing else is turned round.
    turned = replace(candidates, rows=-candidates.rows)
    groups = np.split(rows, np.flatnonzero(begins)[1:])
    expected = [int(row) for group in groups for row in group[::-1]]
    assert (-ranker.rank(turned).rows).tolist() == expected


@pytest.mark.parametrize("size", [1, 2, 3, 5, 17, 101, 333, 999])
def test_a_pair_has_the_same_similarity_in_any_shortlist(name: str, size: int) -> None:
    ranker = fitted(name, pairs(2, 300))
    rng = np.random.default_rng(3)
    whole = Ranking(
        np.arange(999),
        rng.integers(0, BITS + 1, 999),
        rng.uniform(-1, 1, 999).round(6),
        np.full(999, np.nan),
    )
    ranked = ranker.rank(whole)
    expected = dict(zip(ranked.rows.tolist(), ranked.similarities.tolist(), strict=True))
    part = ranker.rank(whole.take(rng.permutation(999)[:size]))
    assert all(
        expected[row] == value
        for row, value in zip(part.rows.tolist(), part.similarities.tolist(), strict=True)
    )


def test_full_ties_go_to_the_lower_row(name: str) -> None:
    tied = Ranking(
        np.array([5, 2, 9]), np.array([1, 1, 1]), np.array([0.5] * 3), np.full(3, np.nan)
    )
    assert fitted(name, pairs(4, 100)).rank(tied).rows.tolist() == [2, 5, 9]


def test_what_was_fitted_survives_json(name: str) -> None:
    ranker = fitted(name, pairs(5, 100))
    again = ranking.get(name)(**json.loads(json.dumps(ranker.config())))
    candidates = shortlist(6, 50)
    assert again.config() == ranker.config()
    assert again.rank(candidates).similarities.tolist() == (
        ranker.rank(candidates).similarities.tolist()
    )


@pytest.mark.parametrize(
    "drawn",
    [
        pairs(7, 0),
        pairs(7, 1),
        Pairs(BITS, np.array([3, 4]), np.array([0.9, 0.8]), np.array([True, True])),
        Pairs(BITS, np.array([3, 4]), np.array([0.9, 0.8]), np.array([False, False])),
        Pairs(BITS, np.array([3, 3]), np.array([0.9, 0.9]), np.array([True, False])),
        pairs(7, 500, sense=-1.0),
    ],
    ids=["none", "one", "all same", "all different", "indistinct", "the wrong way round"],
)
def test_degenerate_pairs_still_give_an_order_that_never_prefers_the_farther(
    name: str, drawn: Pairs
) -> None:
    ranker = fitted(name, drawn)
    assert all(np.isfinite(value) for value in ranker.config().values())
    near_and_far = Ranking(
        np.array([0, 1, 2]), np.array([30, 10, 0]), np.array([-0.9, 0.2, 1.0]), np.full(3, np.nan)
    )
    ranked = ranker.rank(near_and_far)
    assert ranked.rows.tolist() == [2, 1, 0]
    assert (np.diff(ranked.similarities) <= 0).all()


def test_similarities_are_calibrated(name: str) -> None:
    # Of pairs shown with about 0.1, 0.3, ... a like share must be same-class; 20,000 fresh pairs.
    ranker = fitted(name, pairs(8, 20_000))
    fresh = pairs(9, 20_000)
    unset = np.full(20_000, np.nan)
    ranked = ranker.rank(Ranking(np.arange(20_000), fresh.distances, fresh.cosines, unset))
    shares = fresh.same[ranked.rows]
    for low in np.arange(0, 1, 0.2):
        shown = (ranked.similarities >= low) & (ranked.similarities < low + 0.2)
        assert abs(shares[shown].mean() - ranked.similarities[shown].mean()) < 0.05


def test_the_fit_does_not_depend_on_the_order_of_the_pairs(name: str) -> None:
    drawn = pairs(10, 400)
    order = np.random.default_rng(0).permutation(400)
    columns = (drawn.distances, drawn.cosines, drawn.same)
    shuffled = fitted(name, Pairs(BITS, *(column[order] for column in columns)))
    for key, value in fitted(name, drawn).config().items():
        assert shuffled.config()[key] == pytest.approx(value, rel=1e-3)
