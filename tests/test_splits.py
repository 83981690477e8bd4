"""How splits are drawn: in what shares, and the same for ever."""

from collections import Counter

import pytest

from acir.splits import drawn_for_calibration, drawn_split, uniform


def test_drawn_splits_share_the_pictures_seven_to_one_to_two() -> None:
    counts: Counter[str] = Counter(drawn_split(f"patient {n}") for n in range(10_000))
    # Four standard deviations of a binomial share of 10,000: at most 0.0184.
    for split, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
        assert counts[split] / 10_000 == pytest.approx(share, abs=0.0184)


def test_draws_for_different_purposes_are_independent() -> None:
    both = [(uniform(f"{n}", "split") < 0.5, uniform(f"{n}", "other") < 0.5) for n in range(10_000)]
    assert sum(a and b for a, b in both) / 10_000 == pytest.approx(0.25, abs=0.0174)


def test_a_draw_is_the_same_for_ever() -> None:
    # The first 8 bytes of SHA-256("calibration:a"), modulo a million, worked out with sha256sum.
    assert drawn_for_calibration("a") == 0.404552
