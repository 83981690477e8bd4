"""Pages say of the comparison what the committed results say."""

from pathlib import Path

import pytest
from comparison import PAGE, PLACE, README, written

PAGES = pytest.mark.parametrize("page", [README, PAGE], ids=lambda path: path.name)


@PAGES
def test_the_tables_of_a_page_are_those_of_the_results(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert PLACE.search(text)
    assert written(text) == text


@PAGES
def test_a_number_that_was_changed_by_hand_is_found(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    place = PLACE.search(text)
    assert place is not None
    changed = text.replace(place[0], place[0].replace("0.", "0.9", 1), 1)
    assert written(changed) == text
