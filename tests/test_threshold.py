"""Totals of ordinary pictures to a limit: who is called unknown, and where a picture lies."""

import math

import numpy as np
import pytest
from scipy.stats import norm  # type: ignore[import-untyped]

from acir.conformal import Ordinary
from acir.recipe import GateRecipe
from acir.threshold import Place, Threshold
from acir.types import Calibration


def _threshold(n: int, *, promise: bool = True) -> Threshold:
    """A threshold on totals 1 to n in another order, at 3 % and with caution at 8 %."""
    totals = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))
    return Threshold(totals, GateRecipe(unknown=0.03, caution=0.08), promise)


def test_unknown_is_what_lies_strictly_above_the_rth_largest() -> None:
    # n = 1000: r = 21 at 3 %, so the limit is the total 980; at 8 % r = 66, so it is 935.
    threshold = _threshold(1000)
    asked = np.array([1.0, 935.0, 935.5, 980.0, 980.5, 1e9])
    states = [threshold.state(p) for p in threshold.p_values(asked).tolist()]
    assert states == ["known", "known", "caution", "caution", "unknown", "unknown"]


def test_the_promise_is_the_rate_where_the_pictures_suffice_and_were_kept_for_it() -> None:
    assert _threshold(1000).unknown.promised == 0.03
    assert _threshold(1000, promise=False).unknown.promised is None
    assert _threshold(98).unknown.promised is None  # 1 - 0.97^98 < 0.95 < 1 - 0.97^99
    assert _threshold(99).unknown.promised == 0.03


def test_too_few_pictures_flag_only_beyond_all_of_them() -> None:
    threshold = _threshold(9)
    assert (threshold.unknown.n, threshold.unknown.r) == (9, 1)
    states = [threshold.state(p) for p in threshold.p_values(np.array([9.0, 9.5])).tolist()]
    assert states == ["known", "unknown"]


def test_pictures_that_go_together_count_as_the_independent_ones_that_they_are_worth() -> None:
    # 1,000 that count as 200: r = 2 of 200 at 3 %, so 2 in 201 may lie above, and so 9 of 1,001.
    totals = np.arange(1000.0)
    found = Threshold(totals, GateRecipe(unknown=0.03), True, 200)
    assert found.unknown == Calibration(1000, 9, 0.03, 0.03)
    assert Threshold(totals, GateRecipe(unknown=0.03), True, 1000).unknown.r == 21
    few = Threshold(totals, GateRecipe(unknown=0.03), True, 98)
    assert few.unknown == Calibration(1000, 1, 0.03, None)
    said = few.promise_in_words()
    assert "1000 calibration pictures that count as 98, as many are alike or of one patient" in said
    assert "99 needed for a rate of 0.03" in said


def _share_of_broken_promises(alike: float, *, counted: bool) -> float:
    """Return how often more than 3 % of new pictures lie above, where those of a group are alike.

    Totals are normal, of 150 groups of eight, with a correlation within groups.
    """
    random, broken = np.random.default_rng(0), 0
    groups = np.repeat(np.arange(150.0), 8)
    for _ in range(DRAWS):
        shared, own = np.repeat(random.standard_normal(150), 8), random.standard_normal(1200)
        totals = math.sqrt(alike) * shared + math.sqrt(1 - alike) * own
        recipe = GateRecipe(unknown=0.03)
        found = Threshold.of(totals, recipe, True, groups.tolist() if counted else None)
        place = found.place(0.0)
        assert place is not None
        broken += norm.sf(place.limit) > 0.03
    return broken / DRAWS


@pytest.mark.parametrize("alike", [0.0, 0.3, 0.6, 0.95])
def test_the_promise_holds_where_slices_of_a_scan_are_alike(alike: float) -> None:
    # Of 500 draws at 95 %, 7.2 % are broken by chance in one of forty.
    assert _share_of_broken_promises(alike, counted=True) <= 0.072


def test_it_would_not_if_every_slice_counted() -> None:
    assert _share_of_broken_promises(0.95, counted=False) > 0.15


def test_a_false_alarm_is_a_picture_that_the_others_alone_would_flag() -> None:
    threshold = _threshold(300)
    naive = [
        sum(other > one for j, other in enumerate(threshold.totals) if j != i) < threshold.unknown.r
        for i, one in enumerate(threshold.totals)
    ]
    assert threshold.false_alarms().tolist() == naive
    assert sum(naive) == threshold.unknown.r


def test_a_place_names_the_middle_nine_tenths_and_the_limit() -> None:
    # Quantiles of 1 to 1000: 1 + 0.05 x 999 and 1 + 0.95 x 999; the 21st largest is 980.
    found = _threshold(1000).place(7.0)
    assert found is not None
    assert (found.total, found.limit) == (7.0, 980.0)
    assert (found.low, found.high) == pytest.approx((50.95, 950.05))


@pytest.mark.parametrize(
    ("lowest", "state"),
    [(0.03, "known"), (10 / 1001, "caution"), (3 / 1001, "caution"), (2 / 1001, "unknown")],
)
def test_several_pictures_share_the_rate_of_one(lowest: float, state: str) -> None:
    # n = 1000 and 5 pictures: 0.6 % each gives r = 2 and 1.6 % gives r = 10, by the binomial.
    found = _threshold(1000).together(lowest, 5)
    assert found == (state, min(1.0, 5 * lowest), Calibration(1000, 2, 0.03, 0.03))


def test_too_few_pictures_promise_nothing_of_many_but_flag_what_exceeds_all() -> None:
    threshold = _threshold(400)  # 1 - 0.994^400 = 0.91 < 0.95
    state, _, level = threshold.together(1 / 401, 5)
    assert (state, level) == ("unknown", Calibration(400, 1, 0.03, None))
    assert [threshold.together(k / 401, 5)[0] for k in (2, 3, 4)] == ["caution", "caution", "known"]
    assert _threshold(1000, promise=False).together(0.5, 5)[2].promised is None
    assert _threshold(498).together(0.5, 5)[2].promised == 0.03  # 1 - 0.994^498 = 0.9501
    assert _threshold(497).together(0.5, 5)[2].promised is None


SETS = 20_000
DRAWS = 500


def _slices(correlation: float, count: int = 5) -> np.ndarray:
    """Return normal scores of many sets of slices, of which any two correlate so much."""
    rng = np.random.default_rng(7)
    common = rng.normal(size=(SETS, 1))
    own = rng.normal(size=(SETS, count))
    scores: np.ndarray = correlation**0.5 * common + (1 - correlation) ** 0.5 * own
    return scores


def _p(scores: np.ndarray, n: int = 1000) -> np.ndarray:
    ordinary = np.random.default_rng(8).normal(size=n)
    p: np.ndarray = Ordinary(ordinary).p_values(scores.ravel()).reshape(scores.shape)
    return p


def _bonferroni(p: np.ndarray) -> np.ndarray:
    threshold = _threshold(1000)
    lowest = np.unique(p.min(axis=1), return_inverse=True)
    values = [threshold.together(one, p.shape[1])[1] for one in lowest[0].tolist()]
    together: np.ndarray = np.array(values)[lowest[1]]
    return together


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_the_p_value_of_a_set_is_valid_whatever_the_dependence(correlation: float) -> None:
    """P(p <= a) <= a; the rate of one draw of 1000 calibration scores may be some larger."""
    whole = _bonferroni(_p(_slices(correlation)))
    for level in (0.005, 0.01, 0.03, 0.08, 0.2, 0.5):
        among_draws = 3 * (level / 5 / 1000) ** 0.5 * 5  # three deviations of its rate, K times
        among_sets = 3 * (level / SETS) ** 0.5
        assert (whole <= level).mean() <= level + among_draws + among_sets


def test_sets_whose_slices_share_one_rank_are_valid_exactly() -> None:
    """Over the draw of calibration, too: all slices alike, p uniform on k / (n + 1)."""
    threshold = _threshold(99)
    p = np.arange(1, 101) / 100
    whole = np.array([threshold.together(one, 5)[1] for one in p.tolist()])
    for level in np.arange(1, 101) / 100:
        assert (whole <= level + 1e-12).mean() <= level + 1e-12


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_no_more_sets_than_pictures_are_called_unknown(correlation: float) -> None:
    p = _p(_slices(correlation))
    threshold = _threshold(1000)
    limit = threshold.together(0.5, 5)[2].r / 1001
    rate = threshold.unknown.r / 1001
    assert (p.min(axis=1) <= limit).mean() <= 0.03
    if correlation == 0:  # what the worst slice alone would come to
        assert (p.min(axis=1) <= rate).mean() > 0.08


def _others(p: np.ndarray) -> dict[str, np.ndarray]:
    """Return other p-values that hold under any dependence (Vovk and Wang 2020, table 1)."""
    return {
        "twice the mean": np.minimum(1, 2 * p.mean(axis=1)),
        "e times the geometric mean": np.minimum(1, np.e * np.exp(np.log(p).mean(axis=1))),
    }


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("foreign", "shift", "least"), [(1, 5, 0.98), (5, 4, 0.95), (5, 2, 0.35)])
def test_the_lowest_sees_as_much_as_any_mean_and_one_foreign_slice_too(
    correlation: float, foreign: int, shift: float, least: float
) -> None:
    scores = _slices(correlation)
    scores[:, :foreign] += shift
    p = _p(scores)
    seen = (_bonferroni(p) <= 0.03).mean()
    others = [(one <= 0.03).mean() for one in _others(p).values()]
    assert seen > least
    assert seen > max(others) - 0.005
    if foreign == 1:
        assert max(others) < 0.02


@pytest.mark.parametrize(("n", "total"), [(0, 1.0), (9, float("nan")), (9, float("inf"))])
def test_without_calibration_or_a_number_there_is_no_place(n: int, total: float) -> None:
    place: Place | None = _threshold(n).place(total)
    assert place is None


def test_without_any_picture_everything_is_known() -> None:
    threshold = _threshold(0)
    assert (threshold.unknown.r, threshold.unknown.promised) == (0, None)
    assert [threshold.state(p) for p in threshold.p_values(np.array([5.0])).tolist()] == ["known"]
