"""The rank that keeps a promise, and as how many independent pictures some count."""

import numpy as np
import pytest
from scipy.stats import beta, rankdata  # type: ignore[import-untyped]

from acir.promise import independent, largest_rank, pictures_needed, weakest_rate


@pytest.mark.parametrize(
    ("alpha", "ranks"),
    [(0.01, [1, 2, 5, 13, 39]), (0.03, [4, 9, 21, 48, 130]), (0.05, [9, 17, 39, 84, 225])],
)
def test_the_ranks_of_the_safety_note(alpha: float, ranks: list[int]) -> None:
    assert [largest_rank(n, alpha, 0.95) for n in (300, 500, 1000, 2000, 5000)] == ranks


@pytest.mark.parametrize("n", [0, 1, 20, 99, 150, 731])
@pytest.mark.parametrize("alpha", [0.01, 0.03, 0.3, 0.9])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_the_rank_is_the_largest_that_the_beta_distribution_allows(
    n: int, alpha: float, confidence: float
) -> None:
    keeps = [r for r in range(1, n + 1) if beta.cdf(alpha, r, n + 1 - r) >= confidence]
    assert largest_rank(n, alpha, confidence) == max(keeps, default=0)


def test_a_rank_of_very_many_pictures_is_found() -> None:
    n = 50_000
    r = largest_rank(n, 0.03, 0.95)
    assert beta.cdf(0.03, r, n + 1 - r) >= 0.95 > beta.cdf(0.03, r + 1, n - r)


@pytest.mark.parametrize(("alpha", "needed"), [(0.01, 299), (0.03, 99), (0.05, 59)])
def test_the_fewest_pictures_for_a_promise(alpha: float, needed: int) -> None:
    assert pictures_needed(alpha, 0.95) == needed
    assert largest_rank(needed, alpha, 0.95) == 1
    assert largest_rank(needed - 1, alpha, 0.95) == 0


def test_no_number_of_pictures_promises_no_false_alarm_at_all() -> None:
    assert pictures_needed(0.0, 0.95) is None
    assert largest_rank(10_000, 0.0, 0.95) == 0


@pytest.mark.parametrize("n", [1, 10, 50, 98, 1000])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_the_weakest_rate_is_what_the_largest_score_promises(n: int, confidence: float) -> None:
    rate = weakest_rate(n, confidence)
    assert beta.cdf(rate, 1, n) == pytest.approx(confidence)
    assert largest_rank(n, rate * 1.0001, confidence) == 1
    assert largest_rank(n, rate * 0.9999, confidence) == 0


def test_no_picture_promises_no_rate_below_one() -> None:
    assert weakest_rate(0, 0.95) == 1


def test_independent_scores_are_counted_as_the_analysis_of_variance_has_it() -> None:
    random = np.random.default_rng(0)
    groups = random.integers(0, 12, 60).astype(float)
    scores = groups + 6 * random.random(60)
    ranks = rankdata(scores)
    parts = [ranks[groups == one] for one in np.unique(groups)]
    k, n = len(parts), 60
    between = sum(len(p) * (p.mean() - ranks.mean()) ** 2 for p in parts) / (k - 1)
    within = sum(((p - p.mean()) ** 2).sum() for p in parts) / (n - k)
    squares = sum(len(p) ** 2 for p in parts)
    size = (n - squares / n) / (k - 1)
    rho = (between - within) / (between + (size - 1) * within)
    assert 0.2 < rho < 0.9
    assert independent(scores, groups) == int(n / (1 + rho * (squares / n - 1)))


@pytest.mark.parametrize(("count", "size"), [(30, 4), (7, 20), (2, 50)])
def test_groups_that_are_alike_count_once_each(count: int, size: int) -> None:
    groups = np.repeat(np.arange(count, dtype=float), size)
    assert (
        independent(np.random.default_rng(0).permutation(count)[groups.astype(int)] * 1.0, groups)
        == count
    )


def test_scores_alone_count_each_and_those_of_one_group_as_one() -> None:
    scores = np.random.default_rng(0).random(50)
    assert independent(scores, np.arange(50.0)) == 50
    assert independent(scores, np.zeros(50)) == 1
    assert independent(np.zeros(50), np.arange(50.0) // 2) == 50  # nothing says that they are alike
    assert independent(np.empty(0), np.empty(0)) == 0


def test_groups_whose_scores_have_nothing_in_common_cost_next_to_nothing() -> None:
    random, groups = np.random.default_rng(0), np.arange(300.0) // 2
    counts = [independent(random.random(300), groups) for _ in range(200)]
    assert np.median(counts) > 290
    assert max(counts) == 300
