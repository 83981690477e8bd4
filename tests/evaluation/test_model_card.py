"""What the card of a model says of its data."""

from typing import Any

import pytest

from acir.evaluation.model_card import model_card
from acir.recipe import Recipe

METRICS: dict[str, Any] = {
    "per_class": {"a": {"n": 3, "mAP": 0.5, "P@1": 1.0}},
    "calibration": {"promised": False, "n": 0, "r": 0, "alpha": 0.03},
    "parameters": 1_000_000,
    "seed": 0,
    "mAP": 0.5,
    "split": "val",
    "reranked": {"mAP": 0.6, "mode": "fused"},
}


@pytest.mark.parametrize(
    ("patients", "alike", "said"),
    [
        (None, 0, "leakage between splits cannot be excluded. 2 duplicate pictures"),
        (
            None,
            7,
            "leakage between splits cannot be excluded. 7 pictures without a patient were kept "
            "together with nearly equal ones. 2 duplicate pictures",
        ),
        (5, 0, "5 patients, none in two splits. 2 duplicate pictures"),
    ],
)
def test_the_card_says_what_may_have_leaked(patients: int | None, alike: int, said: str) -> None:
    data = {
        "pictures": {"train": 9, "val": 3},
        "patients": patients,
        "alike": alike,
        "duplicates": 2,
        "in_two_splits": 0,
    }
    assert said in model_card(Recipe(), data, METRICS)
