"""What a card says of the knowledge boundary after a calibration."""

from typing import Any

import pytest

from acir.evaluation.model_card import model_card, recalibrated_card
from acir.recipe import Recipe

CARD = """# Model card

## Data
300 train.

## Knowledge boundary
At most 3% of ordinary pictures, of before.
And a second line.

## Limits
None.
"""


def test_only_the_knowledge_boundary_changes() -> None:
    assert recalibrated_card(CARD, r"Now \1 it is so.") == (
        "# Model card\n\n## Data\n300 train.\n\n## Knowledge boundary\nNow \\1 it is so.\n\n"
        "## Limits\nNone.\n"
    )


def test_a_boundary_at_the_end_is_replaced_too() -> None:
    card = CARD.partition("## Limits")[0]
    assert recalibrated_card(card, "New.").endswith("300 train.\n\n## Knowledge boundary\nNew.\n\n")


def test_a_card_without_the_section_gets_one() -> None:
    assert recalibrated_card("# Mine\n", "New.") == "# Mine\n\n## Knowledge boundary\nNew.\n\n"
    assert recalibrated_card("", "New.") == "## Knowledge boundary\nNew.\n\n"


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
