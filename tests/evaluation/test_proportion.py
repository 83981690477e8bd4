"""A share with its interval, against scipy's exact binomial test and the paper's counts."""

import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]

from acir.evaluation.proportion import Proportion


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 400), (12, 400), (397, 400), (5, 9)])
def test_the_interval_is_that_of_the_exact_binomial_test(hits: int, n: int) -> None:
    exact = binomtest(hits, n).proportion_ci(0.95, "exact")
    assert Proportion(hits, n).interval == pytest.approx((exact.low, exact.high))


def test_none_of_n_ends_at_the_rule_of_three() -> None:
    # (1 - p)^100 = 0.025 at the upper end
    assert Proportion(0, 100).interval == pytest.approx((0.0, 1 - 0.025 ** (1 / 100)))


def test_flags_are_counted() -> None:
    found = Proportion.of([True, False, True, True])
    assert (found, found.share) == (Proportion(3, 4), 0.75)
    assert set(found.to_dict()) == {"hits", "n", "share", "ci"}


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_what_is_no_share_is_refused(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{hits} of {n} pictures is no share of any"):
        Proportion(hits, n)
