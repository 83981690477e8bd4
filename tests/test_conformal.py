"""p-values, and the tail beyond calibration."""

import math

import numpy as np
import pytest
from jaxtyping import Float64

from acir.conformal import (
    Ordinary,
    OrdinaryByClass,
    Usual,
    combined,
)
from acir.types import Scored

ORDINARY = Ordinary(np.array([5.0, 1.0, 3.0, 3.0]))


@pytest.mark.parametrize(
    ("score", "at_least_as_high"), [(0, 4), (1, 4), (2, 3), (3, 3), (4, 1), (5, 1), (6, 0)]
)
def test_a_p_value_counts_calibration_scores_at_least_as_high(
    score: float, at_least_as_high: int
) -> None:
    assert ORDINARY.p_values(np.array([float(score)]))[0] == (1 + at_least_as_high) / 5


def test_p_values_agree_with_a_naive_loop() -> None:
    random = np.random.default_rng(0)
    scores, calibration = random.integers(0, 9, 50) / 2, random.integers(0, 9, 30) / 2
    naive = [(1 + sum(c >= s for c in calibration)) / 31 for s in scores]
    np.testing.assert_array_equal(Ordinary(calibration).p_values(scores), naive)


def test_an_infinite_score_has_the_smallest_p_value_and_infinite_surprise() -> None:
    infinite = np.array([math.inf])
    assert ORDINARY.p_values(infinite)[0] == 1 / 5
    assert ORDINARY.surprise(infinite)[0] == math.inf


def test_an_infinite_calibration_score_makes_infinity_less_surprising() -> None:
    found = Ordinary(np.array([1.0, math.inf])).surprise(np.array([math.inf]))
    assert found[0] == pytest.approx(math.log(3 / 2))


def test_without_calibration_nothing_is_surprising() -> None:
    nothing, scores = Ordinary(np.empty(0)), np.array([0.0, 7.0, math.inf])
    np.testing.assert_array_equal(nothing.p_values(scores), 1)
    np.testing.assert_array_equal(nothing.surprise(scores), 0)


def test_within_calibration_surprise_is_the_negative_logarithm_of_p() -> None:
    scores = np.array([0.0, 2.0, 3.0, 5.0])
    expected = -np.log(ORDINARY.p_values(scores))
    np.testing.assert_array_equal(ORDINARY.surprise(scores), expected)


def test_beyond_calibration_surprise_grows_as_a_pareto_tail() -> None:
    # Highest 5, median 3: at 11 the excess is (11 - 5) / 2 = 3, so p = (1 / 5) / (1 + 3).
    assert ORDINARY.surprise(np.array([11.0]))[0] == pytest.approx(math.log(20))


def test_surprise_never_falls_and_orders_what_saturates() -> None:
    values = ORDINARY.surprise(np.linspace(0, 50, 400))
    assert (np.diff(values) >= 0).all()
    assert (np.diff(values[-300:]) > 0).all()


def test_surprise_is_defined_when_all_calibration_scores_are_equal() -> None:
    values = Ordinary(np.full(3, 2.0)).surprise(np.array([2.0, 2.5, 4.0]))
    np.testing.assert_allclose(values, np.log([1, 4 * 1.5, 4 * 3]))


def _naive_surprise(score: float, calibration: list[float]) -> float:
    m, highest = len(calibration), max(calibration)
    beyond = 0.0
    if score > highest:
        spread = highest - float(np.median(calibration))
        beyond = math.log1p((score - highest) / spread if spread else score - highest)
    return -math.log((1 + sum(c >= score for c in calibration)) / (m + 1)) + beyond


@pytest.mark.parametrize("m", [1, 2, 7, 8])
def test_several_detectors_are_looked_up_as_each_by_itself(m: int) -> None:
    random = np.random.default_rng(m)
    calibration = random.integers(0, 5, (4, m)) / 2
    calibration[1] = 2.0
    calibration[2, 0] = math.inf
    scores = random.integers(-1, 9, (4, 30)) / 2
    scores[:, 0] = math.inf
    found = Ordinary(calibration)
    p, surprises = found.p_values(scores), found.surprise(scores)
    for row, (known, asked) in enumerate(zip(calibration.tolist(), scores.tolist(), strict=True)):
        assert p[row].tolist() == [(1 + sum(c >= s for c in known)) / (m + 1) for s in asked]
        naive = [_naive_surprise(s, known) for s in asked]
        np.testing.assert_allclose(surprises[row], naive, atol=1e-12)
    np.testing.assert_array_equal(found.surprise(scores, p), surprises)


def test_many_surprises_of_one_picture_add_up_as_among_others() -> None:
    surprises = np.random.default_rng(0).random((9, 50))
    alone = [combined(surprises[:, [column]])[0] for column in range(50)]
    assert combined(surprises).tolist() == alone


def _in_class(scores: list[float], one: int, calibration: dict[int, list[float]]) -> list[float]:
    known = np.concatenate([np.array(c, np.float64) for c in calibration.values()])
    classes = np.concatenate([np.full(len(c), k) for k, c in calibration.items()])
    asked = np.full(len(scores), one)
    found = OrdinaryByClass(known, classes).surprise(np.array(scores, np.float64), asked)
    return [float(value) for value in found]


def test_a_class_with_300_scores_is_asked_alone() -> None:
    # Of 1 to 300, 300 has p = 2/301 and 151 has p = 151/301; half way between 150 and 151 lies the
    # mean of their -log p. What class 0 is like does not matter.
    own = [float(n) for n in range(1, 301)]
    for others in ([1e6] * 50, [-1e6] * 50):
        found = _in_class([300, 151, 150.5], 1, {0: others, 1: own})
        between = -(math.log(151 / 301) + math.log(152 / 301)) / 2
        assert found == pytest.approx([-math.log(2 / 301), -math.log(151 / 301), between])


def test_a_class_without_scores_is_asked_among_all() -> None:
    # 4 is the third of 1, 2, 4, 8: p = (1 + 2) / 5.
    assert _in_class([4], 7, {0: [1, 2], 1: [4, 8]}) == pytest.approx([-math.log(3 / 5)])


def test_a_class_with_some_scores_is_shrunk_to_all() -> None:
    # 30 of 300 needed: a tenth of its own p. 50 is the highest of all 130: p = 2/131. It lies
    # 20 beyond class 0, whose highest is 14.5 above the median: p = 2/31 / (1 + 20 / 14.5).
    own, others = [float(n) for n in range(1, 31)], [float(n) for n in range(-50, 49)] + [50.0]
    everyone, alone = 2 / 131, 2 / 31 / (1 + 20 / 14.5)
    found = _in_class([50], 0, {0: own, 1: others})
    assert found == pytest.approx([-math.log(0.1 * alone + 0.9 * everyone)])


def test_it_rises_with_the_score_within_a_class_and_ends_in_infinity() -> None:
    random = np.random.default_rng(0)
    calibration = {k: (random.normal(size=40 * k) * k).tolist() for k in (1, 2, 3, 9)}
    asked = [*np.linspace(-5, 60, 400).tolist(), math.inf]
    for one in (0, 1, 2, 3, 9):
        found = _in_class(asked, one, calibration)
        assert (np.diff(found) >= 0).all()
        assert found[-1] == math.inf


def test_without_calibration_scores_no_class_is_surprising() -> None:
    assert _in_class([1, math.inf], 0, {0: []}) == [0, 0]
    assert _in_class([1], 0, {0: [math.inf]}) == pytest.approx([0])


def test_pictures_are_compared_by_each_detector_and_by_the_sum_of_cubes_in_their_class() -> None:
    rng = np.random.default_rng(0)
    ordinary, asked = (
        Scored({name: rng.normal(size=n) for name in ("a", "b")}, rng.integers(0, 2, n))
        for n in (40, 7)
    )

    def naive(name: str, scored: Scored) -> list[float]:
        known = ordinary.by_detector[name].tolist()
        return [_naive_surprise(score, known) for score in scored.by_detector[name].tolist()]

    def sums(scored: Scored) -> Float64[np.ndarray, " n"]:
        pairs = zip(naive("a", scored), naive("b", scored), strict=True)
        return np.array([a**3 + b**3 for a, b in pairs])

    # The order in which the detectors were asked does not matter.
    swapped = Scored({name: asked.by_detector[name] for name in ("b", "a")}, asked.predicted)
    found = Usual(ordinary).compare(swapped)
    for row, name in enumerate(("a", "b")):
        one = Ordinary(ordinary.by_detector[name])
        assert found.scores[row].tolist() == asked.by_detector[name].tolist()
        assert found.p_values[row].tolist() == one.p_values(asked.by_detector[name]).tolist()
        assert found.surprises[row].tolist() == pytest.approx(naive(name, asked))
    usual = {k: sums(ordinary)[ordinary.predicted == k].tolist() for k in (0, 1)}
    for k, members in enumerate((asked.predicted == 0, asked.predicted == 1)):
        expected = _in_class(sums(asked)[members].tolist(), k, usual)
        assert found.totals[members].tolist() == pytest.approx(expected)


def test_nine_in_ten_ordinary_pictures_lie_in_the_usual_range() -> None:
    # Of 0 to 100, 5 % lie below 5 and 5 % above 95; of three, the lower neighbour is named.
    many = Scored({"a": np.arange(101.0)[::-1]}, np.zeros(101, np.int64))
    few = Scored({"a": np.array([2.0, math.inf, 1.0])}, np.zeros(3, np.int64))
    assert Usual(many).ranges == {"a": (5.0, 95.0)}
    assert Usual(few).ranges == {"a": (1.0, 2.0)}
