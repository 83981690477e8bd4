"""The uniformity of p-values: distance, its chance and the histogram."""

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest  # type: ignore[import-untyped]

from acir.conformal import Ordinary
from acir.metrics.uniformity import chance_of_as_far, distance, histogram


def drawn(random: np.random.Generator, n: int, m: int, shift: float = 0.0) -> np.ndarray:
    asked, ordinary = random.normal(shift, size=n), random.normal(size=m)
    return Ordinary(ordinary).p_values(asked)


def naive(p: np.ndarray, m: int) -> float:
    steps = [k / (m + 1) for k in range(m + 2)]
    return max(abs(float(np.mean(p <= step + 1e-12)) - step) for step in steps)


@pytest.mark.parametrize(("n", "m"), [(1, 3), (40, 9), (500, 120)])
def test_the_distance_is_the_largest_at_any_value(n: int, m: int) -> None:
    p = drawn(np.random.default_rng(n), n, m, shift=0.3)
    assert distance(p, m) == pytest.approx(naive(p, m))


def test_p_values_of_every_step_alike_have_no_distance() -> None:
    assert distance(np.arange(1, 21) / 20, 19) == pytest.approx(0, abs=1e-12)


def test_the_test_is_that_of_two_samples_but_for_the_step() -> None:
    random, n, m = np.random.default_rng(5), 600, 250
    ordinary, queries = random.normal(size=m), random.normal(0.15, size=n)
    found = distance(Ordinary(ordinary).p_values(queries), m)
    expected = ks_2samp(queries, ordinary, method="asymp")
    assert found == pytest.approx(expected.statistic, abs=2 / m)
    assert chance_of_as_far(expected.statistic, n, m) == pytest.approx(expected.pvalue, rel=0.02)


def test_with_very_many_calibration_pictures_it_is_the_test_of_one_sample() -> None:
    p = np.random.default_rng(1).beta(1.2, 1, 300)
    expected = kstest(p, "uniform", method="exact")
    assert distance(p, 10**6) == pytest.approx(expected.statistic, abs=1 / 300)
    assert chance_of_as_far(expected.statistic, 300, 10**9) == pytest.approx(
        expected.pvalue, rel=0.02
    )


def test_long_ordinary_traffic_raises_an_alarm_no_more_often_than_it_says() -> None:
    """Over 600 hospitals of 200 calibration pictures; a test of one sample alarms most."""
    random, n, m = np.random.default_rng(7), 5000, 200
    far = [distance(drawn(random, n, m), m) for _ in range(600)]
    ours = np.mean([chance_of_as_far(d, n, m) < 0.05 for d in far])
    one_sample = np.mean([chance_of_as_far(d, n, 10**9) < 0.05 for d in far])
    # Monte Carlo error: 2 sqrt(.05 x .95 / 600) = .018.
    assert ours <= 0.05 + 0.018
    assert one_sample > 0.5


def test_traffic_that_has_shifted_is_found() -> None:
    p = drawn(np.random.default_rng(2), 1000, 500, shift=0.5)
    assert chance_of_as_far(distance(p, 500), 1000, 500) < 1e-6


def test_each_step_of_the_histogram_includes_its_upper_end() -> None:
    tenths = np.array([0.1 * k for k in range(1, 11)])  # 0.30000000000000004 among them
    assert histogram(tenths).tolist() == [1] * 10
    assert histogram(np.array([1e-5, 0.11, 0.999, 1.0])).tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert histogram(np.empty(0)).tolist() == [0] * 10
