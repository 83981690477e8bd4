"""Mean ranks of methods against published tables and closed forms."""

import math

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from acir.evaluation.mean_ranks import mean_ranks

# Demsar 2006, table 6: AUC of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets. The last but
# one row prints 0.975 twice and ranks the first of the two higher; a digit more says so.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


@pytest.mark.parametrize(
    ("methods", "q"),
    # Demsar 2006, table 5 (a), alpha 0.05
    [
        (3, 2.343),
        (4, 2.569),
        (5, 2.728),
        (6, 2.85),
        (7, 2.949),
        (8, 3.031),
        (9, 3.102),
        (10, 3.164),
    ],
)
def test_the_critical_difference_is_that_of_the_published_table(methods: int, q: float) -> None:
    found = mean_ranks(np.random.default_rng(0).random((12, methods))).critical_difference
    # q is printed with three decimals
    assert found == pytest.approx(q * math.sqrt(methods * (methods + 1) / (6 * 12)), rel=3e-4)


def test_the_published_example_comes_out() -> None:
    found = mean_ranks(DEMSAR)
    assert found.ranks.round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    # Near the F of Iman and Davenport that Demsar prefers, from the chi square corrected for ties
    chi = stats.friedmanchisquare(*DEMSAR.T).statistic
    f = 13 * chi / (14 * 3 - chi)
    assert found.p == pytest.approx(stats.f.sf(f, 3, 3 * 13), abs=0.003)


@pytest.mark.parametrize("blocks", [2, 3, 4, 5])
def test_p_of_methods_in_the_same_order_everywhere_is_counted(blocks: int) -> None:
    # of 6^blocks ways to order three methods in each block, 6 order them alike in all
    scores = np.array([0.9, 0.8, 0.7]) - np.arange(blocks)[:, None] / 10
    assert mean_ranks(scores).p == pytest.approx(6 / 6**blocks)


@pytest.mark.parametrize(
    ("ranks", "p"),
    # Siegel, Nonparametric Statistics (1956), table N: exact p of a chi square of 6.5, 4.5 and 3.5
    # for three methods on four blocks, and of 8.2, 7.4 and 5.8 for four on three
    [
        ([[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 3, 2]], 0.042),
        ([[1, 2, 3], [1, 2, 3], [1, 3, 2], [2, 1, 3]], 0.125),
        ([[1, 2, 3], [1, 2, 3], [3, 1, 2], [2, 1, 3]], 0.273),
        ([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 4, 3]], 0.017),
        ([[1, 2, 3, 4], [1, 2, 4, 3], [2, 1, 3, 4]], 0.033),
        ([[1, 2, 3, 4], [2, 1, 3, 4], [2, 3, 1, 4]], 0.148),
    ],
)
def test_p_of_few_blocks_is_that_of_the_published_table(ranks: list[list[int]], p: float) -> None:
    scores = -np.array(ranks, dtype=np.float64)
    drawn = len(ranks[0]) == 4  # 24^3 orders are more than are counted
    error = 3 * math.sqrt(p * (1 - p) / 10_000) if drawn else 0.0
    assert mean_ranks(scores).p == pytest.approx(p, abs=0.0005 + error)


def test_p_of_many_blocks_is_near_that_of_scipy() -> None:
    scores = np.random.default_rng(0).random((60, 5)) + np.array([0.1, 0.05, 0, 0, 0])
    expected = stats.friedmanchisquare(*scores.T).pvalue
    assert 0.01 < expected < 0.99
    assert mean_ranks(scores).p == pytest.approx(expected, abs=0.02)


def test_the_same_scores_give_the_same_p() -> None:
    scores = np.random.default_rng(0).random((8, 6))
    assert mean_ranks(scores).p == mean_ranks(scores).p


def test_the_critical_difference_never_promises_too_much_on_few_blocks() -> None:
    orders = np.broadcast_to(np.arange(1.0, 11), (5000, 4, 10))
    by_chance = np.random.default_rng(0).permuted(orders, axis=2).mean(axis=1)
    critical = mean_ranks(np.random.default_rng(0).random((4, 10))).critical_difference
    assert np.mean(np.ptp(by_chance, axis=1) >= critical) == pytest.approx(0.018, abs=0.006)


def test_methods_that_always_tie_share_the_middle_rank() -> None:
    found = mean_ranks(np.full((5, 3), 0.9))
    assert (found.ranks.tolist(), found.p) == ([2.0, 2.0, 2.0], 1.0)


@pytest.mark.parametrize(("blocks", "methods"), [(1, 5), (5, 2)])
def test_too_few_methods_or_blocks_are_refused(blocks: int, methods: int) -> None:
    expected = f"{methods} methods on {blocks} blocks cannot be ranked; give at least 3 and 2"
    with pytest.raises(ValueError, match=expected):
        mean_ranks(np.random.default_rng(0).random((blocks, methods)))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_score_to_rank_that_is_not_finite_is_refused(bad: float) -> None:
    scores = np.full((2, 4), 0.5)
    scores[1, 2] = bad
    with pytest.raises(ValueError, match=r"1 of 8 scores are not finite; leave out"):
        mean_ranks(scores)
