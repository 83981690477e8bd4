"""What a card says of the knowledge boundary after a calibration."""

from acir.evaluation.model_card import recalibrated_card

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
