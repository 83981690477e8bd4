"""What the page says of attacks, read back from its HTML."""

import re
from pathlib import Path

import pytest

from acir.evaluation import attack_figures as figures
from acir.evaluation.attack_page import with_attacks
from acir.evaluation.document import Document, Section
from acir.evaluation.report import write_page
from made_attacks import answered, made
from parsed_page import Parsed

PAGE = Document(
    title="A test", intro="Of a page.", queries=(), sections=(Section("First"), Section("Last"))
)


def said(folder: Path, **changed: object) -> str:
    write_page(folder / "page.html", with_attacks(PAGE, made(**changed)))  # type: ignore[arg-type]
    return Parsed((folder / "page.html").read_text(encoding="utf-8")).text


def test_the_sections_stand_after_the_first() -> None:
    titles = [section.title for section in with_attacks(PAGE, made()).sections]
    assert titles == ["First", "Attacks", "How the attacks were done", "Last"]


def test_the_numbers_are_told_in_words_and_in_tables(tmp_path: Path) -> None:
    text = said(tmp_path)
    assert "an mAP of 0.325 under the worst attack on each, 36.1 % of the 0.900 without" in text
    assert "No attack can bring it below 0.100" in text
    assert "25.0 % are safe" in text
    assert "towards another class (DHTA)" in text
    assert "away from its class, and from the gate, lambda 1" in text


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "The attack is too weak to report: a model without defence must fall to 0.270"),
        ({"floor": 0.31}, "The attack is strong enough to report: the model fell below 0.369"),
        ({"robust": True}, "The model was trained to withstand attacks, so these figures"),
    ],
)
def test_it_is_said_whether_the_attack_is_strong_enough(
    tmp_path: Path, changed: dict[str, object], expected: str
) -> None:
    assert expected in said(tmp_path, **changed)


def test_pictures_are_shown_where_there_are_any(tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", with_attacks(PAGE, made(shown=True)))
    parsed = Parsed((tmp_path / "page.html").read_text(encoding="utf-8"))
    images = [attributes for tag, attributes in parsed.elements if tag == "img"]
    assert len(images) == 2
    assert "“towards another class (DHTA)”" in (images[1]["alt"] or "")


def test_a_figure_of_answers_names_labels_states_and_precision() -> None:
    svg = figures.answers([answered()]).decode()
    assert svg.startswith("<?xml")
    assert svg.count("<image") == 3 + 2 + 1
    # matplotlib leaves each text behind as a comment
    assert re.findall("<!-- (.*?) -->", svg) == [
        *("basophil", "answered", "AP 0.95", "→ 0.10"),
        *("hit 1", "basophil", "hit 2", "basophil"),
        *("attacked", "unknown", "hit 1", "monocyte"),
    ]


def test_curves_are_drawn_over_every_size() -> None:
    by_attack = {"one": [(0, 0.9), (2, 0.5), (8, 0.1)], "two": [(0, 0.9), (8, 0.5)]}
    drawn = figures.curves(by_attack, 0.1)
    assert drawn == figures.curves(by_attack, 0.1)
    lines = re.findall(r'<path d="M ([^"]*)" clip-path="[^"]*" style="fill: none', drawn.decode())
    floor, one, two = (
        [tuple(map(float, point.split())) for point in line.split("L")] for line in lines
    )
    (left, top), (quarter, middle), (right, bottom) = one
    assert quarter - left == pytest.approx((right - left) / 4, abs=1e-3)  # 2 of 8 grey levels
    assert middle - top == pytest.approx((bottom - top) / 2, abs=1e-3)  # downwards: 0.9, 0.5, 0.1
    assert two == [pytest.approx((left, top)), pytest.approx((right, middle))]
    assert {y for _, y in floor} == {bottom}
