"""Numbers of attacks against naive ones."""

import math

import numpy as np
import pytest

from acir.evaluation.attack_scores import (
    at_size,
    attack_dict,
    attack_summary,
    bound,
    floors,
    too_weak,
    unsafe,
)
from acir.metrics.retrieval import average_precision
from acir.metrics.ties import by_rank
from made_attacks import made, seen


@pytest.mark.parametrize(("relevant", "gallery"), [(1, 1), (1, 5), (3, 8), (5, 5), (50, 100)])
def test_the_floor_is_the_precision_of_a_ranking_with_all_relevant_pictures_last(
    relevant: int, gallery: int
) -> None:
    last = np.arange(gallery)[None] >= gallery - relevant
    expected = average_precision(by_rank(last))
    np.testing.assert_allclose(floors(np.array([relevant]), gallery), expected)


def test_two_large_classes_of_one_size_cannot_fall_below_one_less_the_logarithm_of_two() -> None:
    assert floors(np.array([5000]), 10_000)[0] == pytest.approx(1 - math.log(2), abs=1e-3)


def test_a_picture_is_unsafe_where_it_is_answered_and_much_worse_than_before() -> None:
    clean = seen([0.9, 0.9, 0.9, 0.5], [False] * 4)
    now = seen([0.7, 0.7, 0.85, 0.6], [False, True, False, False])
    assert unsafe(clean, now).tolist() == [True, False, False, False]


def test_joined_attacks_are_the_worst_on_each_picture() -> None:
    found = at_size(made(), 8)
    # Per picture: min(0.5, 0.4, 0.8), min(0.2, 0.9, 0.9), min(0.9, 0.1, 0.9), min(0.8, 0.7, 0.6).
    assert found.mAP == pytest.approx((0.4 + 0.2 + 0.1 + 0.6) / 4)
    assert found.kept == pytest.approx(found.mAP / 0.9)
    assert found.worst_attack == "target"  # 2.1 of 4 against 2.4 and 3.2
    assert found.t_mAP == pytest.approx((0.3 + 0.4 + 0.8 + 0.1) / 4)
    # Refused: none, the second, none: 1 of 4 under one of three attacks.
    assert found.detected == pytest.approx(1 / 12)
    # No clean picture scores above 4; 3 % of four are none.
    assert found.detected_at_3pct == pytest.approx((1 + 2 + 0) / 12)
    # Picture 1 is refused where it is worse; each of the others is unsafe under some attack.
    assert found.safe == found.safe_adaptive == 0.25
    assert found.safe_black_box == 0.5


def test_an_attack_that_knows_the_gate_counts_for_safety_alone() -> None:
    found = at_size(made(), 2)
    assert (found.safe, found.safe_adaptive) == (1.0, 0.75)
    assert found.mAP == pytest.approx(0.88)
    assert found.t_mAP is None


def test_a_model_without_defence_must_fall_below_thirty_percent_or_near_the_floor() -> None:
    assert bound(made()) == pytest.approx(0.3 * 0.9)
    high = made(floor=0.31)
    assert bound(high) == pytest.approx(0.31 + 0.1 * (0.9 - 0.31))
    assert too_weak(made()) is True  # 0.325 against 0.27
    assert too_weak(high) is False  # against 0.369
    assert too_weak(made(robust=True)) is None


def test_the_objects_are_plain_and_complete() -> None:
    summary, whole = attack_summary(made()), attack_dict(made())
    assert summary["clean_mAP"] == pytest.approx(0.9)
    assert summary["by_grey_levels"]["8"].items() <= summary.items()
    assert (summary["floor"], summary["grey_levels"]) == (pytest.approx(0.1), 8)
    assert whole["pictures"] == ["a", "b", "c", "d"]
    row = whole["rows"][-1]
    assert (row["attack"], row["lambda"], row["grey_levels"]) == ("adaptive", 1.0, 2)
    assert row["safe"]["hits"] == 3
