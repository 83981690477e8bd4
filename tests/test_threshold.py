"""Totals of ordinary pictures to a limit: who is called unknown, and where a picture lies."""

import numpy as np
import pytest

from acir.recipe import GateRecipe
from acir.threshold import Place, Threshold


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


@pytest.mark.parametrize(("n", "total"), [(0, 1.0), (9, float("nan")), (9, float("inf"))])
def test_without_calibration_or_a_number_there_is_no_place(n: int, total: float) -> None:
    place: Place | None = _threshold(n).place(total)
    assert place is None


def test_without_any_picture_everything_is_known() -> None:
    threshold = _threshold(0)
    assert (threshold.unknown.r, threshold.unknown.promised) == (0, None)
    assert [threshold.state(p) for p in threshold.p_values(np.array([5.0])).tolist()] == ["known"]
