"""Exact statements about a rate agree with their defining sums."""

from math import comb

import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]

from acir.metrics.proportions import chance_of_as_many, clopper_pearson


def tail(count: int, n: int, rate: float) -> float:
    return sum(comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(count, n + 1))


@pytest.mark.parametrize(("count", "n"), [(0, 5), (1, 5), (5, 5), (3, 40), (17, 200)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_interval_is_that_of_another_implementation(
    count: int, n: int, confidence: float
) -> None:
    other = binomtest(count, n).proportion_ci(confidence, method="exact")
    assert clopper_pearson(count, n, confidence) == pytest.approx((other.low, other.high))


def test_at_each_end_of_the_interval_the_count_is_as_rare_as_half_of_what_is_left() -> None:
    low, high = clopper_pearson(3, 20)
    assert tail(3, 20, low) == pytest.approx(0.025)
    assert 1 - tail(4, 20, high) == pytest.approx(0.025)


def test_without_trials_nothing_is_known() -> None:
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("count", "n", "rate"), [(0, 4, 0.3), (2, 4, 0.3), (9, 100, 0.03)])
def test_the_chance_of_as_many_is_the_binomial_tail(count: int, n: int, rate: float) -> None:
    assert chance_of_as_many(count, n, rate) == pytest.approx(tail(count, n, rate))
