"""Threshold-free separation of known and unknown, against scikit-learn."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from acir.metrics import ood

Metric = Callable[[Float[np.ndarray, " n"], Float[np.ndarray, " m"]], float]
METRICS: tuple[Metric, ...] = (ood.auroc, ood.fpr_at_95_tpr, ood.aupr)

# few distinct values, so that ties abound
scores = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=45).map(np.array)


@given(scores, scores)
def test_equal_to_scikit_learn_with_ties(
    known: Float[np.ndarray, " n"], unknown: Float[np.ndarray, " m"]
) -> None:
    truth = np.repeat([0, 1], [len(known), len(unknown)])
    together = np.concatenate([known, unknown])
    assert ood.auroc(known, unknown) == pytest.approx(roc_auc_score(truth, together), abs=1e-12)
    assert ood.aupr(known, unknown) == pytest.approx(
        average_precision_score(truth, together), abs=1e-12
    )
    fpr, tpr, _ = roc_curve(truth, together, drop_intermediate=False)
    assert ood.fpr_at_95_tpr(known, unknown) == pytest.approx(fpr[np.argmax(tpr >= 0.95)])


def test_perfect_separation_and_its_reverse() -> None:
    low, high = np.array([0.0, 1.0, 2.0]), np.array([3.0, 4.0])
    assert [metric(low, high) for metric in METRICS] == [1.0, 0.0, 1.0]
    assert ood.auroc(high, low) == 0.0
    assert ood.fpr_at_95_tpr(high, low) == 1.0


def test_one_score_for_all_is_blind() -> None:
    known, unknown = np.zeros(6), np.zeros(2)
    assert [metric(known, unknown) for metric in METRICS] == [0.5, 1.0, 0.25]


def test_one_of_twenty_unknown_pictures_may_be_missed_but_not_two() -> None:
    known = np.array([1.0, 2.0, 3.0, 4.0])
    assert ood.fpr_at_95_tpr(known, np.array([0.0] + [9.0] * 19)) == 0.0
    assert ood.fpr_at_95_tpr(known, np.array([0.0, 2.5] + [9.0] * 18)) == 0.5


@given(scores, scores, st.sampled_from([0.0, 0.01, 0.03, 0.25, 0.5]))
def test_what_is_detected_is_what_scikit_learn_finds_at_that_rate(
    known: Float[np.ndarray, " n"], unknown: Float[np.ndarray, " m"], rate: float
) -> None:
    truth = np.repeat([0, 1], [len(known), len(unknown)])
    fpr, tpr, _ = roc_curve(truth, np.concatenate([known, unknown]), drop_intermediate=False)
    assert ood.detected_at(known, unknown, rate) == pytest.approx(tpr[fpr <= rate].max())


def test_three_of_a_hundred_may_be_false_alarms() -> None:
    known = np.arange(100.0)
    assert ood.threshold_at(known, 0.03) == 96.0  # 97, 98 and 99 lie above
    assert ood.threshold_at(known, 0.29) == 70.0  # 0.29 x 100 is a little less than 29 in floats
    assert ood.detected_at(known, np.array([96.0, 96.5, np.inf]), 0.03) == pytest.approx(2 / 3)


def test_known_pictures_that_no_threshold_accepts_leave_nothing_to_detect() -> None:
    known = np.array([0.0, np.inf, np.inf])
    assert ood.detected_at(known, np.array([np.inf]), 0.34) == 0.0
    assert ood.detected_at(known, np.array([np.inf]), 0.67) == 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_an_empty_side_and_missing_scores_are_refused(metric: Metric) -> None:
    with pytest.raises(ValueError, match="got 0 known and 2 unknown scores; give at least one"):
        metric(np.array([]), np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="got 1 known and 0 unknown scores; give at least one"):
        metric(np.array([1.0]), np.array([]))
    with pytest.raises(ValueError, match="1 scores are NaN; leave out pictures"):
        metric(np.array([1.0, np.nan]), np.array([1.0]))


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_out_of_range_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"the rate is .*, expected at least 0 and below 1"):
        ood.threshold_at(np.array([1.0, 2.0]), rate)
