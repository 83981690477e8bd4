"""Recall, hit rate and reciprocal rank against every order of the ties, and torchmetrics."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional import retrieval as theirs

from acir.metrics import hits, retrieval
from acir.metrics.ties import TieGroups, by_rank
from made_orders import Grades, Order, as_tie_groups, graded, mean_over_orders


def _reciprocal(order: Order) -> float:
    return 1 / (order.index(1) + 1)


@given(graded(1), st.integers(1, 8))
def test_recall_is_the_mean_over_every_order(groups: Grades, k: int) -> None:
    found, total = hits.recall(as_tie_groups(groups), k)[0], sum(map(sum, groups))
    if total == 0:
        assert np.isnan(found)
    else:
        expected = mean_over_orders(groups, lambda order: sum(order[:k]) / total)
        assert found == pytest.approx(expected, abs=1e-12)


@given(graded(1), st.integers(1, 8))
def test_the_hit_rate_is_the_mean_over_every_order(groups: Grades, k: int) -> None:
    expected = mean_over_orders(groups, lambda order: float(any(order[:k])))
    assert hits.hit_rate(as_tie_groups(groups), k)[0] == pytest.approx(expected, abs=1e-12)


@given(graded(1))
def test_the_reciprocal_rank_is_the_mean_over_every_order(groups: Grades) -> None:
    found = hits.reciprocal_rank(as_tie_groups(groups))[0]
    if sum(map(sum, groups)) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(mean_over_orders(groups, _reciprocal), abs=1e-12)


def test_queries_do_not_disturb_one_another() -> None:
    # no relevant picture; one of two; the only picture of the second group, after three others
    groups = TieGroups(np.array([[2, 1], [2, 1], [3, 1]]), np.array([[0, 0], [1, 1], [0, 1]]))
    assert hits.reciprocal_rank(groups).tolist() == pytest.approx([np.nan, 0.75, 0.25], nan_ok=True)
    # the chance of a hit in the first two: none, one of two drawn for sure, none
    assert hits.hit_rate(groups, 2).tolist() == pytest.approx([0, 1, 0])


def test_one_relevant_picture_among_ten_thousand_that_tie() -> None:
    # each rank as likely: (1/1 + 1/2 + ... + 1/n) / n, k / n and k / n
    groups = TieGroups(np.array([[10_000]]), np.array([[1]]))
    harmonic = (1 / np.arange(1, 10_001)).sum()
    assert hits.reciprocal_rank(groups)[0] == pytest.approx(harmonic / 10_000, abs=1e-12)
    assert hits.hit_rate(groups, 5)[0] == pytest.approx(5 / 10_000, abs=1e-12)
    assert hits.recall(groups, 100)[0] == pytest.approx(100 / 10_000, abs=1e-12)


def test_the_first_picture_hits_as_often_as_it_is_precise() -> None:
    groups = TieGroups(np.array([[0, 7, 3], [4, 0, 0]]), np.array([[0, 3, 1], [4, 0, 0]]))
    assert hits.hit_rate(groups, 1) == pytest.approx(retrieval.precision(groups, 1), abs=1e-12)


@pytest.mark.parametrize(
    ("ours", "torchmetrics"),
    [
        (hits.recall, theirs.retrieval_recall),
        (hits.hit_rate, theirs.retrieval_hit_rate),
        (retrieval.precision, theirs.retrieval_precision),
        (lambda groups, _: hits.reciprocal_rank(groups), theirs.retrieval_reciprocal_rank),
        (lambda groups, _: retrieval.average_precision(groups), theirs.retrieval_average_precision),
    ],
)
def test_equal_to_torchmetrics_without_ties(
    ours: Callable[[TieGroups, int], np.ndarray], torchmetrics: Callable[..., torch.Tensor]
) -> None:
    random = np.random.default_rng(0)
    relevance = random.random((20, 60)) < random.uniform(0.05, 0.5, (20, 1))
    relevance[:, 41] = True
    scores = torch.arange(60, 0, -1, dtype=torch.float64)
    for k in (1, 3, 5, 60):
        whole = torchmetrics in {
            theirs.retrieval_reciprocal_rank,
            theirs.retrieval_average_precision,
        }
        expected = [
            torchmetrics(scores, torch.from_numpy(row), top_k=60 if whole else k).item()
            for row in relevance
        ]
        assert ours(by_rank(relevance), k) == pytest.approx(expected, abs=1e-6)  # theirs: float32
