"""Answer sets: values by hand, ties, edges, and the promise over many draws."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from acir.answer_set import MOST, AnswerSets, doubt_to_bear, doubts, size
from acir.errors import UsageError

INF = math.inf


def made(*values: float) -> AnswerSets:
    return AnswerSets(np.array(values, np.float64), "", 0)


def test_doubts_by_hand() -> None:
    found = np.exp(doubts(np.array([0.75, 0.5, 0.5, 0.0])))
    np.testing.assert_allclose(found, [1, 0.25, 0.125, 0.0625])
    assert doubts(np.empty(0)).size == 0


def test_a_similarity_of_one_leaves_the_doubt_of_its_last_decimal() -> None:
    np.testing.assert_allclose(np.exp(doubts(np.array([1.0, 1.0, 0.3]))), [1, 1e-6, 1e-12])


def test_the_doubt_to_bear_is_that_before_the_first_hit_of_the_class() -> None:
    similarities = np.array([0.75, 0.5, 0.5])
    first, third = np.array([True, False, True]), np.array([False, False, True])
    assert doubt_to_bear(similarities, first) == 0
    assert doubt_to_bear(similarities, third) == pytest.approx(math.log(0.125))
    assert doubt_to_bear(similarities, np.zeros(3, np.bool_)) == -INF
    assert doubt_to_bear(np.empty(0), np.empty(0, np.bool_)) == -INF


def test_limits_and_sizes_by_hand() -> None:
    """Of nine pictures, the risk 0.2 takes the floor(0.2 x 10) = 2nd smallest doubt."""
    sets = made(0, 0, math.log(0.2), 0, math.log(0.05), 0, 0, math.log(0.01), 0)
    assert sets.least_risk == pytest.approx(0.1)
    limits = [math.exp(sets.limit(risk)) for risk in (0.1, 0.19, 0.2, 0.3, 0.4, 0.999)]
    assert limits == pytest.approx([0.01, 0.01, 0.05, 0.2, 1, 1])
    sure, doubtful = np.array([0.99, 0.9, 0.9]), np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    assert [size(sure, sets.limit(risk)) for risk in (0.1, 0.2, 0.4)] == [2, 1, 1]
    # Before the hits the doubt is 1, 1/2, 1/4, 1/8, 1/16 and 1/32.
    assert [size(doubtful, sets.limit(risk)) for risk in (0.1, 0.2, 0.3, 0.4)] == [6, 5, 3, 1]


def test_hits_that_tie_with_the_limit_belong_to_the_set() -> None:
    similarities = np.array([0.5, 0.5])
    borne = doubt_to_bear(similarities, np.array([False, True]))
    assert size(similarities, made(*[borne] * 9).limit(0.1)) == 2


def test_an_answer_set_has_one_hit_at_least_and_25_at_most() -> None:
    limit = made(0, 0, -1e9, 0).limit(0.25)
    assert size(np.full(100, 0.1), limit) == MOST == 25
    assert size(np.array([1.0]), made(0, 0, 0).limit(0.9)) == 1
    assert size(np.empty(0), limit) == 0


@pytest.mark.parametrize("risk", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_a_risk_out_of_range_is_refused(risk: float) -> None:
    with pytest.raises(UsageError, match=r"expected more than 0 and less than 1"):
        made(0, 0).limit(risk)


def test_a_risk_that_nobody_can_promise_is_refused_with_the_least() -> None:
    sets = made(*[0.0] * 98, -INF)
    assert sets.limit(0.02) == 0
    said = (
        r"a risk of 0.019 cannot be promised: answers can be sized for a risk of 0.02 or more, "
        r"from 99 calibration pictures, 1 of them without their class in 25 hits; ask for no "
        r"less, or calibrate with more pictures"
    )
    with pytest.raises(UsageError, match=said):
        sets.limit(0.019)


@pytest.mark.parametrize("sets", [made(), made(-INF), made(-INF, -INF)])
def test_without_a_picture_that_is_answered_nothing_is_promised(sets: AnswerSets) -> None:
    assert sets.least_risk == 1
    assert sets.in_words().startswith("no risk of an answer can be promised from")
    with pytest.raises(UsageError, match="no risk of an answer can be promised"):
        sets.limit(0.999)


def test_too_few_pictures_say_which_risk_they_can_promise() -> None:
    assert made(0, 0).in_words() == (
        "answers can be sized for a risk of 0.3334 or more, from 2 calibration pictures, 0 of "
        "them without their class in 25 hits"
    )


Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def honest(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw hits whose similarity is the probability that they are of the class."""
    similarities = np.sort(rng.beta(2, 1, (n, 1)) * rng.uniform(0, 1, (n, MOST)))[:, ::-1]
    return similarities, rng.random((n, MOST)) < similarities


def misled(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw hits that are right or wrong together, with few different similarities: many ties."""
    level = rng.integers(1, 5, (n, 1)) / 5
    right = rng.random((n, 1)) < level**0.5
    return np.repeat(level, MOST, axis=1), right | (rng.random((n, MOST)) < 0.1)


def share_missed(draw: Draw, n: int, risk: float, rounds: int) -> tuple[float, float]:
    """Calibrate on n and ask 50, again and again: how often no hit is right, and the error."""
    rng, missed = np.random.default_rng([n, int(100 * risk)]), list[float]()
    for _ in range(rounds):
        pairs = list(zip(*draw(rng, n + 50), strict=True))
        sets = made(*(doubt_to_bear(*pair) for pair in pairs[:n]))
        if risk < sets.least_risk:  # refused, so nothing is missed
            missed.append(0)
            continue
        limit = sets.limit(risk)
        wrong = [not right[: size(asked, limit)].any() for asked, right in pairs[n:]]
        missed.append(float(np.mean(wrong)))
    return float(np.mean(missed)), float(np.std(missed) / math.sqrt(rounds))


@pytest.mark.parametrize("draw", [honest, misled])
@pytest.mark.parametrize(("n", "risk"), [(49, 0.1), (100, 0.05), (99, 0.2)])
@pytest.mark.parametrize("rounds", [30, pytest.param(2000, marks=pytest.mark.soak)])
def test_the_promise_holds_over_many_draws(draw: Draw, n: int, risk: float, rounds: int) -> None:
    missed, error = share_missed(draw, n, risk, rounds)
    assert missed <= risk + 3 * error


@pytest.mark.parametrize("risk", [0.02, 0.05, 0.1])
def test_sets_are_not_larger_than_needed(risk: float) -> None:
    """Misses come near the risk, and one size for all would take more hits."""
    rng = np.random.default_rng(7)
    similarities, same = honest(rng, 4000)
    pairs = list(zip(similarities, same, strict=True))
    sets = made(*(doubt_to_bear(*pair) for pair in pairs[:2000]))
    limit = sets.limit(risk)
    sizes = np.array([size(one, limit) for one in similarities[2000:]])
    missed = [not right[:k].any() for k, right in zip(sizes, same[2000:], strict=True)]
    assert np.mean(missed) > risk / 2
    ranks = np.where(same.any(axis=1), same.argmax(axis=1) + 1, MOST + 1)
    fixed = np.sort(ranks[:2000])[math.ceil((1 - risk) * 2001) - 1]
    assert sizes.mean() < fixed
