"""Corrections by hand, and the words that follow from them."""

import math

import numpy as np
import pytest

from acir.evaluation.claims import holm, relative_error_cut, said
from acir.evaluation.significance import Paired


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        # sorted 0.01, 0.02, 0.03, 0.04: 4 * 0.01, 3 * 0.02, 2 * 0.03, then 0.04 raised to 0.06
        ([0.04, 0.01, 0.03, 0.02], [0.06, 0.04, 0.06, 0.06]),
        ([0.005, 0.5, 0.9], [0.015, 1.0, 1.0]),  # 3 * 0.005, 2 * 0.5, 0.9 raised to 1
        ([0.4, 0.4, 0.4], [1.0, 1.0, 1.0]),  # 3 * 0.4 is cut
        ([0.03], [0.03]),
        ([], []),
    ],
)
def test_holm_multiplies_by_what_is_left_and_never_falls(
    p_values: list[float], adjusted: list[float]
) -> None:
    np.testing.assert_allclose(holm(np.array(p_values, dtype=float)), adjusted)


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1])
def test_a_p_value_out_of_range_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=r"p values are \[0.5, .*\], expected numbers from 0 to 1"):
        holm(np.array([0.5, bad]))


@pytest.mark.parametrize(
    ("ours", "other", "cut"),
    [
        (0.985, 0.98, 0.25),  # errors 0.015 and 0.02
        (0.9, 0.9, 0.0),
        (0.8, 0.9, -1.0),  # twice the error
        (1.0, 0.9, 1.0),
        (1.0, 1.0, 0.0),
    ],
)
def test_the_error_cut_is_the_share_that_is_gone(ours: float, other: float, cut: float) -> None:
    assert relative_error_cut(ours, other) == pytest.approx(cut)


def test_where_the_other_makes_no_error_there_is_none_to_cut() -> None:
    assert relative_error_cut(0.9, 1.0) is None


@pytest.mark.parametrize(
    ("difference", "p", "ours", "other", "wording"),
    [
        (0.1, 0.049, [0.8, 0.9], [0.7, 0.79], "better"),
        (0.1, 0.05, [0.8, 0.9], [0.7, 0.79], "no difference shown"),  # p must be below
        (0.1, 0.001, [0.8, 0.9], [0.7, 0.8], "no difference shown"),  # the ranges touch
        (0.1, 0.001, [0.7, 1.0], [0.6, 0.75], "no difference shown"),  # they overlap
        (-0.1, 0.049, [0.7, 0.79], [0.8, 0.9], "worse"),
        (-0.1, 0.05, [0.7, 0.79], [0.8, 0.9], "no difference shown"),
        (-0.1, 0.001, [0.7, 0.8], [0.8, 0.9], "no difference shown"),
    ],
)
def test_words_need_a_small_p_and_seeds_apart(
    difference: float, p: float, ours: list[float], other: list[float], wording: str
) -> None:
    paired = Paired(difference, difference - 0.01, difference + 0.01, 0.001, 1.0, 50)
    assert said(paired, p, ours, other) == wording
    assert said(paired, p, np.array(ours), np.array(other)) == wording
