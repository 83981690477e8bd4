"""Risk over coverage, against a loop and against values computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float

from acir.metrics.selective import aurc, risk_coverage, silent_error_rate

# score, loss and weight of each query; few distinct scores, so that ties abound
queries = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.integers(1, 5)), min_size=1, max_size=30
).map(lambda rows: np.array(rows, dtype=np.float64).T)


@given(queries)
def test_each_step_is_the_mean_loss_of_all_queries_below_a_threshold(
    rows: Float[np.ndarray, "3 n"],
) -> None:
    scores, losses, weights = rows
    naive = []
    for threshold in sorted(set(scores.tolist())):
        answered = scores <= threshold
        risk = np.average(losses[answered], weights=weights[answered])
        naive.append((weights[answered].sum() / weights.sum(), risk))
    coverage, risk = risk_coverage(scores, losses, weights)
    assert np.allclose(np.stack([coverage, risk], axis=1), naive)


@given(queries)
def test_a_weight_is_as_good_as_that_many_copies(rows: Float[np.ndarray, "3 n"]) -> None:
    scores, losses, weights = rows
    copies = weights.astype(np.int64)
    copied = aurc(np.repeat(scores, copies), np.repeat(losses, copies))
    assert aurc(scores, losses, weights) == pytest.approx(copied)


def test_the_area_is_the_mean_of_the_risks_where_no_scores_are_equal() -> None:
    scores, losses = np.array([3.0, 1.0, 2.0, 4.0]), np.array([1.0, 0.0, 0.0, 1.0])
    # answered in the order 1, 2, 3, 4: risks 0, 0, 1/3, 2/4
    assert aurc(scores, losses) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_one_score_for_all_is_the_mean_loss() -> None:
    assert aurc(np.zeros(4), np.array([1.0, 0.0, 0.0, 0.0])) == 0.25


def test_queries_that_never_come_open_no_step() -> None:
    scores, losses = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.0, 1.0])
    coverage, risk = risk_coverage(scores, losses, np.array([0.0, 1.0, 1.0]))
    assert coverage.tolist() == [0.5, 1.0]
    assert risk.tolist() == [0.0, 0.5]


def test_the_papers_gates_make_six_point_nine_and_twelve_point_six_silent_errors() -> None:
    # (489 + 98) / 8500 and (649 + 420) / 8500, of 8,000 known and 500 unknown queries
    assert silent_error_rate(489 / 8000, 98 / 500) == pytest.approx(587 / 8500)
    assert silent_error_rate(649 / 8000, 420 / 500) == pytest.approx(1069 / 8500)


def test_a_gate_that_answers_nothing_makes_no_silent_error() -> None:
    assert silent_error_rate(0.0, 0.0) == 0.0
    assert silent_error_rate(1.0, 1.0) == 1.0


@pytest.mark.parametrize(("values", "said"), [([], "0 of 0"), ([1.0, np.nan], "1 of 2")])
def test_no_score_and_missing_scores_are_refused(values: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=f"{said} scores are NaN; give at least one score"):
        risk_coverage(np.array(values), np.zeros(len(values)))
