"""What a person is told: rounded to the safe side, and what is missing for a promise."""

import math

import pytest

from acir.gate_words import evidence_in_words, promise_in_words, share_in_words
from acir.types import Calibration


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.5, "50 in 100 ordinary pictures look this unusual (p = 0.5)"),
        (0.1, "10 in 100 ordinary pictures look this unusual (p = 0.1)"),
        # 1 / 0.03 = 33: one in twenty is the rarest round share that is not rarer than measured.
        (0.03, "at most 1 in 20 ordinary pictures look this unusual (p = 0.03)"),
        (0.001, "at most 1 in 1000 ordinary pictures look this unusual (p = 0.001)"),
    ],
)
def test_a_share_is_rounded_to_the_safe_side(p: float, said: str) -> None:
    assert share_in_words(p, 1000) == said


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.5, "at most 50 in 100 ordinary sets of 5 pictures hold one this unusual (p = 0.5)"),
        (0.03, "at most 1 in 20 ordinary sets of 5 pictures hold one this unusual (p = 0.03)"),
    ],
)
def test_of_several_it_is_a_bound(p: float, said: str) -> None:
    assert share_in_words(p, 1000, 5) == said


def test_without_ordinary_pictures_there_is_no_share() -> None:
    assert share_in_words(1.0, 0) == "there are no ordinary pictures to compare with"


def test_evidence_stands_beside_the_usual_range() -> None:
    said = evidence_in_words("it is odd", "distance", 3.0, (5.0, 95.0))
    assert said == "it is odd, distance 3, usually 5 to 95"
    said = evidence_in_words("it is odd", "distance", math.inf, (0.0, 2.0))
    assert said == "it is odd, distance cannot be computed"


def test_a_promise_that_cannot_be_kept_says_what_is_missing() -> None:
    # 1 - 0.05^(1/50) = 0.0582, rounded up.
    said = promise_in_words(Calibration(50, 1, 0.03, None), 50, 0.95, kept=True)
    assert said == (
        "no guarantee possible: 50 calibration pictures, 99 needed for a rate of 0.03; only that "
        "at most 0.059 of ordinary pictures are called unknown can be promised, with confidence "
        "0.95"
    )
    said = promise_in_words(Calibration(50, 1, 0.03, None), 50, 0.95, kept=False)
    assert said == "no guarantee possible: no pictures were kept for calibration alone"
