"""What all rankers share: cosine, nearness, probability and the fit of log-odds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acir.ranking.base import cosine, fit_log_odds, nearness, probability


@pytest.mark.parametrize("size", [1, 2, 3, 5, 17, 101, 333, 999])
def test_a_cosine_is_bit_identical_in_a_shortlist_of_any_size(size: int) -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(999, 512)).astype(np.float16)
    whole = cosine(embeddings[0], embeddings)
    chosen = rng.permutation(999)[:size]
    assert cosine(embeddings[0], embeddings[chosen]).tobytes() == whole[chosen].tobytes()


def test_a_cosine_is_that_of_exact_fractions() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(9, 7)).astype(np.float16)
    query = vectors[0].tolist()
    for vector, found in zip(vectors.tolist(), cosine(vectors[0], vectors).tolist(), strict=True):
        product = sum(a * b for a, b in zip(query, vector, strict=True))
        lengths = sum(a * a for a in query) ** 0.5 * sum(b * b for b in vector) ** 0.5
        assert found == pytest.approx(product / lengths, abs=5.1e-7)


def test_a_picture_has_cosine_1_with_itself_though_float16_shortens_it() -> None:
    vector = np.array([[0.6, 0.8]], dtype=np.float16)
    assert (vector.astype(np.float64) ** 2).sum() < 0.9999
    assert cosine(vector[0], vector).tolist() == [1.0]


def test_the_cosine_with_zeros_is_zero() -> None:
    zeros = np.zeros((1, 3), dtype=np.float16)
    assert cosine(zeros[0], np.vstack([zeros, zeros + 1])).tolist() == [0.0, 0.0]


def test_nearness_is_the_cosine_of_codes_as_signs() -> None:
    signs = np.array([[1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, -1, -1], [-1] * 8])
    distances = (signs[0] != signs).sum(axis=1)
    assert nearness(distances, 8).tolist() == (signs @ signs[0] / 8).tolist() == [1.0, 0.5, -1.0]


def test_probability_is_the_logistic_function() -> None:
    # 1 / (1 + e^-1) = 0.7310586, 1 / (1 + e^2) = 0.1192029
    scores = np.array([0.0, 1.0, -2.0, 1e6, -1e6])
    assert probability(scores).tolist() == [0.5, 0.731059, 0.119203, 1.0, 0.0]


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=50), st.floats(0, 1e-5))
def test_a_larger_score_never_gets_a_smaller_probability(scores: list[float], step: float) -> None:
    rising = np.sort([*scores, *(score + step for score in scores)])
    assert (np.diff(probability(rising)) >= 0).all()


def test_the_fit_solves_its_equations() -> None:
    # At the optimum of the penalised likelihood, with p the fitted probabilities and the two
    # pairs that nobody doubts included: sum(y - p) = 0 and, for each weight, sum((y - p) x) = w.
    rng = np.random.default_rng(2)
    evidence = rng.uniform(-1, 1, (300, 2))
    same = rng.random(300) < 1 / (1 + np.exp(-(0.5 + 2 * evidence[:, 0] + evidence[:, 1])))
    intercept, weights = fit_log_odds(evidence, same)
    x = np.vstack([evidence, [1, 1], [-1, -1]])
    y = np.append(same, [1, 0])
    left = y - 1 / (1 + np.exp(-(intercept + x @ weights)))
    assert left.sum() == pytest.approx(0, abs=0.002)
    assert left @ x == pytest.approx(weights, abs=0.002)


def test_evidence_that_misleads_is_left_out_and_the_rest_fitted_alone() -> None:
    rng = np.random.default_rng(3)
    evidence = rng.uniform(-1, 1, (500, 2))
    same = rng.random(500) < 1 / (1 + np.exp(-(2 * evidence[:, 0] - 3 * evidence[:, 1])))
    intercept, weights = fit_log_odds(evidence, same)
    alone, weight = fit_log_odds(evidence[:, :1], same)
    assert weights[1] == 0
    assert weights[0] == pytest.approx(weight[0], rel=1e-3)
    assert intercept == pytest.approx(alone, rel=1e-3)


def test_without_any_pair_likeness_still_counts_in_favour() -> None:
    intercept, weights = fit_log_odds(np.empty((0, 2)), np.empty(0, dtype=bool))
    assert intercept == pytest.approx(0, abs=1e-4)
    assert (weights > 0).all()
