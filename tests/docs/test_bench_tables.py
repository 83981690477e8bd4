"""Pages say of the benchmark of the index what the committed results say."""

from bench_pages import PLACE, README, SCALE, larger, written


def test_the_table_of_the_readme_is_that_of_the_results() -> None:
    text = README.read_text(encoding="utf-8")
    assert PLACE.search(text)
    assert written(text) == text


def test_the_plan_on_paper_follows_from_the_results() -> None:
    assert SCALE.read_text(encoding="utf-8") == larger()


def test_a_number_that_was_changed_by_hand_is_found() -> None:
    text = README.read_text(encoding="utf-8")
    place = PLACE.search(text)
    assert place is not None
    changed = text.replace(place[0], place[0].replace("0.", "9.", 1), 1)
    assert written(changed) == text
