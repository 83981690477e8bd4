"""Tests and intervals against every sign flip, scipy, published tables and plain simulation."""

import math
import tracemalloc
from itertools import product

import numpy as np
import pytest
from jaxtyping import Float, Float64
from scipy import stats  # type: ignore[import-untyped]

from acir.evaluation.significance import Paired, compare, compare_over_sets

ROUNDS = 10_000


def _scores(seed: int, seeds: int, queries: int, gain: float = 0.0) -> Float64[np.ndarray, "s q"]:
    rng = np.random.default_rng(seed)
    return rng.random((seeds, queries)) + gain


def _every_flip(shares: Float[np.ndarray, " units"]) -> float:
    """Return the share of all sign flips whose sum is at least as far from 0."""
    signs = np.array(list(product([-1, 1], repeat=len(shares))))
    return float((abs(signs @ shares) >= abs(shares.sum()) - 1e-12).mean())


def _error(p: float, rounds: int = ROUNDS) -> float:
    """Return four standard errors of a share found in so many rounds, and one round."""
    return 4 * math.sqrt(p * (1 - p) / rounds) + 1 / rounds


# The permutation test


@pytest.mark.parametrize("gain", [0.0, 0.2, 0.4])
def test_p_is_that_of_every_sign_flip_and_of_scipy(gain: float) -> None:
    ours, other = _scores(1, 3, 10, gain), _scores(2, 2, 10)
    exact = _every_flip(ours.mean(axis=0) - other.mean(axis=0))
    scipys = stats.permutation_test(
        (ours.mean(axis=0), other.mean(axis=0)),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert exact == pytest.approx(scipys.pvalue)
    assert compare(ours, other, rounds=ROUNDS).p == pytest.approx(exact, abs=_error(exact))


def test_the_differences_of_a_patient_change_sign_together() -> None:
    patients = np.array([7, 3, 7, 3, 9, 1, 1, 1, 4])
    ours, other = _scores(3, 2, 9, 0.3), _scores(4, 2, 9)
    differences = (ours - other).mean(axis=0)
    exact = _every_flip(np.array([differences[patients == one].sum() for one in (1, 3, 4, 7, 9)]))
    found = compare(ours, other, patients=patients, rounds=ROUNDS)
    assert found.p == pytest.approx(exact, abs=_error(exact))


def test_many_queries_of_few_patients_are_weak_evidence() -> None:
    # all differences positive: 2 of 2^3 flips of patients are as large, but 2 of 2^12 of queries
    ours, other = np.full((1, 12), 0.9), np.full((1, 12), 0.8)
    by_patient = compare(ours, other, patients=np.arange(12) // 4, rounds=ROUNDS)
    assert by_patient.p == pytest.approx(2 / 8, abs=_error(2 / 8))
    assert compare(ours, other, rounds=ROUNDS).p == pytest.approx(0.0005, abs=_error(0.0005))


def test_signs_change_within_each_set_and_sets_weigh_equally() -> None:
    one, two = (_scores(5, 1, 4, 0.1), _scores(6, 1, 4)), (_scores(7, 2, 6, 0.3), _scores(8, 3, 6))
    differences = [ours.mean(axis=0) - other.mean(axis=0) for ours, other in (one, two)]
    exact = _every_flip(np.concatenate([differences[0] / 4, differences[1] / 6]))
    found = compare_over_sets([one, two], rounds=ROUNDS)
    assert found.p == pytest.approx(exact, abs=_error(exact))
    assert found.difference == pytest.approx((differences[0].mean() + differences[1].mean()) / 2)
    assert found.queries == 10


def test_sets_of_the_same_queries_change_sign_together() -> None:
    one, two = (_scores(5, 1, 6, 0.1), _scores(6, 1, 6)), (_scores(7, 2, 6, 0.3), _scores(8, 3, 6))
    three = (_scores(9, 1, 4, 0.2), _scores(10, 1, 4))
    means = [ours.mean(axis=0) - other.mean(axis=0) for ours, other in (one, two, three)]
    exact = _every_flip(np.concatenate([(means[0] + means[1]) / 6, means[2] / 4]))
    found = compare_over_sets([one, two, three], blocks=[4, 4, 1], rounds=ROUNDS)
    apart = compare_over_sets([one, two, three], rounds=ROUNDS)
    assert found.p == pytest.approx(exact, abs=_error(exact))
    assert found.p > apart.p
    assert (found.difference, found.queries) == (apart.difference, apart.queries)


def test_sets_of_other_queries_are_no_block() -> None:
    pairs = [(np.ones((1, n)), np.ones((1, n))) for n in (5, 6)]
    said = r"the sets of block 3 have other queries or patients \(5 of 5, 6 of 6\); give a block"
    with pytest.raises(ValueError, match=said):
        compare_over_sets(pairs, blocks=[3, 3])


def test_equal_scores_give_a_p_of_one_whatever_the_number_of_chunks() -> None:
    same = _scores(0, 1, 3_000)
    assert compare(same, same, rounds=301) == Paired(0.0, 0.0, 0.0, 1.0, 0.0, 3_000)


def test_the_smallest_p_is_one_in_all_rounds_and_the_shuffled() -> None:
    assert compare(_scores(0, 1, 60, 2.0), _scores(1, 1, 60), rounds=199).p == 1 / 200


def test_ties_of_scores_count_as_large_as_they_are() -> None:
    # differences 0.1 and 0.1 in parts that float cannot add exactly: sums are 0.2, 0, 0, -0.2
    ours, other = np.array([[0.3, 0.8]]), np.array([[0.2, 0.7]])
    assert compare(ours, other, rounds=ROUNDS).p == pytest.approx(0.5, abs=_error(0.5))


def test_p_is_uniform_where_there_is_no_difference() -> None:
    rng = np.random.default_rng(11)
    found = []
    for number in range(200):
        ours, other = rng.beta(5, 1, (2, 3, 40))  # skewed as AP is
        found.append(compare(ours, other, rounds=399, seed=number).p)
    low, high = stats.binom.interval(0.999, 200, 0.05)  # 2 and 21
    assert low <= sum(p < 0.05 for p in found) <= high
    assert stats.kstest(found, "uniform").pvalue > 0.001


# The bootstrap


def test_the_interval_of_one_seed_is_scipys() -> None:
    ours, other = _scores(1, 1, 80, 0.1), _scores(2, 1, 80)
    scipys = stats.bootstrap(
        (ours[0] - other[0],),
        np.mean,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    found = compare(ours, other, rounds=20_000)
    # an end of the interval has a standard error of about 0.0006 at 20,000 rounds, twice drawn
    assert (found.low, found.high) == pytest.approx(tuple(scipys), abs=0.004)


@pytest.mark.parametrize("patients", [None, np.arange(30) // 4 % 5])
def test_the_interval_is_that_of_a_plain_loop(patients: np.ndarray | None) -> None:
    ours, other = _scores(1, 3, 30, 0.1), _scores(2, 2, 30)
    ours += np.array([[0.0], [0.05], [0.2]])
    ids = np.arange(30) if patients is None else patients
    groups = [np.flatnonzero(ids == one) for one in np.unique(ids)]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(ROUNDS):
        queries = np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])
        mine, theirs = ours[rng.integers(0, 3, 3)], other[rng.integers(0, 2, 2)]
        drawn.append(mine[:, queries].mean() - theirs[:, queries].mean())
    found = compare(ours, other, patients=patients, rounds=ROUNDS)
    expected = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.01)
    assert found.high - found.low > 0.2


def test_seeds_alone_can_make_the_interval() -> None:
    # No query differs from another: two draws from the seeds 0.8 and 0.9 average 0.8 in a quarter
    # of all rounds, 0.85 in half, 0.9 in a quarter; less the other's 0.5.
    found = compare(np.array([[0.8] * 4, [0.9] * 4]), np.full((1, 4), 0.5), rounds=500)
    assert (found.low, found.difference, found.high) == pytest.approx((0.3, 0.35, 0.4))


def test_the_interval_of_a_mean_of_independent_sets_is_narrower_by_a_root() -> None:
    pair = (_scores(1, 1, 100, 0.1), _scores(2, 1, 100))
    one, four = compare(*pair), compare_over_sets([pair] * 4)
    assert one.difference == pytest.approx(four.difference)
    assert (four.high - four.low) / (one.high - one.low) == pytest.approx(0.5, rel=0.1)


def test_the_same_queries_again_make_the_interval_no_narrower() -> None:
    pair = (_scores(1, 1, 100, 0.1), _scores(2, 1, 100))
    one, again = compare(*pair), compare_over_sets([pair] * 4, blocks=[0] * 4)
    # one seed of each, so that queries alone are drawn anew, for all four sets the same
    assert (again.low, again.high) == pytest.approx((one.low, one.high))


def test_the_interval_holds_the_true_difference_about_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(5), 0
    for number in range(200):
        queries = rng.normal(0, 0.3, 40)  # hard and easy queries are so for both
        ours, other = queries + rng.normal(0, 0.2, (2, 8, 40)) + rng.normal(0, 0.02, (2, 8, 1))
        found = compare(ours + 0.05, other, rounds=299, seed=number)
        held += found.low <= 0.05 <= found.high
    assert 0.9 <= held / 200 <= 1


# Both


def test_exchanging_the_methods_changes_the_sign_alone() -> None:
    ours, other = _scores(1, 2, 50, 0.05), _scores(2, 2, 50)
    one, two = compare(ours, other), compare(other, ours)
    assert one.effect is not None
    assert (two.difference, two.p, two.effect) == (-one.difference, one.p, -one.effect)
    assert (two.low, two.high) == pytest.approx((-one.high, -one.low), abs=0.01)


def test_the_seed_decides_every_number() -> None:
    ours, other = _scores(1, 2, 50, 0.05), _scores(2, 3, 50)
    assert compare(ours, other, seed=4) == compare(ours, other, seed=4)
    assert compare(ours, other, seed=4) != compare(ours, other, seed=5)


def test_scores_of_less_precision_give_the_same() -> None:
    ours, other = (_scores(seed, 2, 50).astype(np.float32) for seed in (1, 2))
    found, wide = compare(ours, other), compare(ours.astype(float), other.astype(float))
    assert found.difference == pytest.approx(wide.difference)
    assert found.p == wide.p


def test_memory_stays_small_at_the_size_of_the_benchmark() -> None:
    ours, other = _scores(1, 3, 2_561), _scores(2, 3, 2_561)
    tracemalloc.start()
    compare(ours, other, rounds=2_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24  # 2,000 rounds x 2,561 queries at once would be 41 MB


@pytest.mark.parametrize(
    ("differences", "effect"),
    [
        ([0.1, 0.2, 0.3], 2.0),  # mean 0.2; variance (0.01 + 0 + 0.01) / 2
        ([0.0, 0.0, 0.0], 0.0),
        ([0.1, 0.1, 0.1], None),  # no spread to measure it by
        ([-0.1, -0.1, -0.1], None),
    ],
)
def test_the_effect_is_the_difference_in_standard_deviations(
    differences: list[float], effect: float | None
) -> None:
    other = np.full((2, 3), 0.7)
    assert compare(other + differences, other, rounds=9).effect == pytest.approx(effect)


def test_the_effect_over_sets_is_in_the_root_of_their_mean_variance() -> None:
    # differences 0.1, 0.3 (variance 0.02) and 0.2, 0.8 (0.18): 0.35 / sqrt(0.1)
    pairs = [(np.array([d]), np.zeros((1, 2))) for d in ([0.1, 0.3], [0.2, 0.8])]
    assert compare_over_sets(pairs, rounds=9).effect == pytest.approx(0.35 / math.sqrt(0.1))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_score_that_is_not_finite_is_refused(bad: float) -> None:
    ours, other = _scores(1, 2, 4), _scores(2, 1, 4)
    ours[1, 2] = bad
    with pytest.raises(ValueError, match=r"1 of 12 scores are not finite; leave out"):
        compare(ours, other)


@pytest.mark.parametrize(
    ("seeds", "queries", "patients", "independent"),
    [(0, 5, None, 5), (1, 1, None, 1), (1, 3, 8, 1)],
)
def test_too_little_to_compare_is_refused(
    seeds: int, queries: int, patients: int | None, independent: int
) -> None:
    ids = None if patients is None else np.full(queries, patients)
    expected = rf"{seeds} and 2 seeds on {independent} independent queries or patients cannot"
    with pytest.raises(ValueError, match=expected):
        compare(np.ones((seeds, queries)), np.ones((2, queries)), patients=ids)


def test_different_queries_are_refused() -> None:
    expected = "ours has 5 queries, the other 4 and 5 have a patient; give scores"
    with pytest.raises(ValueError, match=expected):
        compare_over_sets([(np.ones((1, 5)), np.ones((1, 4)))])
    expected = "ours has 5 queries, the other 5 and 3 have a patient; give scores"
    with pytest.raises(ValueError, match=expected):
        compare_over_sets([(np.ones((1, 5)), np.ones((1, 5)))], patients=[np.arange(3)])


def test_sets_without_their_patients_are_refused() -> None:
    pair = (np.ones((1, 5)), np.ones((1, 5)))
    said = "1 data sets came with 2 entries of patients and 1 of blocks; give at least one set"
    with pytest.raises(ValueError, match=said):
        compare_over_sets([pair], patients=[None, None])
    said = "1 data sets came with 1 entries of patients and 2 of blocks; give at least one set"
    with pytest.raises(ValueError, match=said):
        compare_over_sets([pair], blocks=[0, 0])
    said = "0 data sets came with 0 entries of patients and 0 of blocks; give at least one set"
    with pytest.raises(ValueError, match=said):
        compare_over_sets([])
