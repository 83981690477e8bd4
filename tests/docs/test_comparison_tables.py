"""README says of the comparison what the committed results say."""

from comparison import PLACE, README, written


def test_the_tables_of_the_readme_are_those_of_the_results() -> None:
    text = README.read_text(encoding="utf-8")
    assert PLACE.search(text)
    assert written(text) == text


def test_a_number_that_was_changed_by_hand_is_found() -> None:
    text = README.read_text(encoding="utf-8")
    place = PLACE.search(text)
    assert place is not None
    changed = text.replace(place[0], place[0].replace("0.", "0.9", 1), 1)
    assert written(changed) == text
