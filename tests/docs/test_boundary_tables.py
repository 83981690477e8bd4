"""The page of the gate says of what it reaches what the committed results say."""

from boundary_pages import PAGE, PLACE, written


def test_the_tables_of_the_page_are_those_of_the_results() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert PLACE.search(text)
    assert written(text) == text


def test_a_number_that_was_changed_by_hand_is_found() -> None:
    text = PAGE.read_text(encoding="utf-8")
    place = PLACE.search(text)
    assert place is not None
    changed = text.replace(place[0], place[0].replace("e", "3", 1), 1)
    assert written(changed) == text
