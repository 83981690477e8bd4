"""NDCG against every order of the ties, scikit-learn and torchmetrics."""

from math import log2

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Int
from sklearn.metrics import ndcg_score
from torchmetrics.functional.retrieval import retrieval_normalized_dcg

from acir.metrics.graded import ndcg
from made_orders import Grades, Order, graded, mean_over_orders


def _levels(groups: Grades, highest: int = 3) -> Int[np.ndarray, "levels 1 groups"]:
    return np.array([[[g.count(level) for g in groups]] for level in range(highest + 1)])


def _dcg(order: Order, k: int) -> float:
    return sum((2.0**grade - 1) / log2(2 + rank) for rank, grade in enumerate(order[:k]))


@given(graded(3), st.integers(1, 8))
def test_ndcg_is_the_mean_over_every_order(groups: Grades, k: int) -> None:
    best = tuple(sorted((grade for group in groups for grade in group), reverse=True))
    found = ndcg(_levels(groups), k)[0]
    if best[0] == 0:
        assert np.isnan(found)
    else:
        expected = mean_over_orders(groups, lambda order: _dcg(order, k)) / _dcg(best, k)
        assert found == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 5, 10, 100]))
def test_equal_to_scikit_learn_which_averages_ties_too(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    distances, shared = random.integers(0, 9, 60), random.integers(0, 4, 60)
    shared[0] = 2
    groups = [shared[distances == distance].tolist() for distance in range(9)]
    expected = ndcg_score([2.0**shared - 1], [-distances], k=k, ignore_ties=False)
    assert ndcg(_levels(groups), k)[0] == pytest.approx(expected, abs=1e-12)


def test_equal_to_torchmetrics_without_ties() -> None:
    random = np.random.default_rng(1)
    shared = random.integers(0, 4, 50)
    groups = [[grade] for grade in shared.tolist()]
    scores = torch.arange(50, 0, -1, dtype=torch.float64)
    for k in (1, 10, 50):
        gains = torch.from_numpy(2**shared - 1)
        expected = retrieval_normalized_dcg(scores, gains, top_k=k).item()
        assert ndcg(_levels(groups), k)[0] == pytest.approx(expected, abs=1e-6)  # theirs: float32


def test_two_shared_labels_are_worth_three_times_one() -> None:
    # ranks: one shared, two shared; 1 + 3 / log2(3) against 3 + 1 / log2(3)
    found = ndcg(_levels([[1], [2]]), 2)[0]
    assert found == pytest.approx((1 + 3 / log2(3)) / (3 + 1 / log2(3)), abs=1e-12)


def test_the_best_order_scores_1_and_equal_codes_score_the_prior() -> None:
    assert ndcg(_levels([[3], [2, 2], [1], [0, 0]]), 4)[0] == pytest.approx(1.0, abs=1e-12)
    # one of four relevant, all tied: each of two ranks expects 1/4
    assert ndcg(_levels([[1, 0, 0, 0]]), 2)[0] == pytest.approx((1 + 1 / log2(3)) / 4, abs=1e-12)
