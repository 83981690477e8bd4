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
    # Printed is a chi square of 9.28, without a correction for ties. One row of 14 ties all four
    # (4^3 - 4), three rows tie two (2^3 - 2): 9.28 / (1 - (60 + 3 * 6) / (14 * 60))
    assert stats.chi2.isf(found.p, df=3) == pytest.approx(9.28 / (1 - 78 / 840), abs=0.006)


def test_p_of_methods_in_the_same_order_everywhere_is_a_closed_form() -> None:
    # ranks 1, 2, 3 in 4 blocks: 12 * 4 / (3 * 4) * (1 + 4 + 9) - 3 * 4 * 4 = 8; two degrees of
    # freedom: exp(-8 / 2)
    scores = np.array([0.9, 0.8, 0.7]) - np.arange(4)[:, None] / 10
    assert mean_ranks(scores).p == pytest.approx(math.exp(-4))


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
