"""The page of an evaluation says all it was given, escaped, and loads nothing."""

import re
from dataclasses import replace

import numpy as np
import pytest

from acir.evaluation.confusion import Answered, confusion
from acir.evaluation.evaluation_page import ClassRow, EvaluationPage, Key
from acir.evaluation.galleries import Exhibit, Found
from acir.evaluation.report import Panel, render
from acir.types import Hit, State
from parsed_page import Parsed

PNG = b"\x89PNG\r\n\x1a\n picture"
SVG = b"<?xml version='1.0'?><svg/>"
EVIL = "<script>alert('&')</script>"
NAMES = ("cat", EVIL)


def exhibit(state: State = "known", label: str = "cat") -> Exhibit:
    hits = tuple(Found(Hit(n, f"hit-{n}", label, n, 0.5, None), n == 1) for n in (1, 98))
    return Exhibit("cat", "asked-1", state, hits[:1], hits[1:], 100)


def page(names: tuple[str, ...] = NAMES, *exhibits: Exhibit) -> EvaluationPage:
    eye = np.eye(len(names), dtype=np.bool_)
    none = np.zeros(len(names), dtype=np.bool_)
    return EvaluationPage(
        title="Title",
        intro=EVIL,
        queries=(),
        facts={"mAP": "0.971", EVIL: EVIL},
        mode="fused",
        classes=tuple(ClassRow(n, 3, 0.25, 0.5, worst=n == "cat") for n in names),
        confusion=confusion(
            names, Answered(eye, eye, none), Answered(eye[:1], eye[:1], np.array([True]))
        ),
        excluded=4,
        promise="at most so many",
        maps=(Panel(SVG, "Codes"), Panel(SVG, EVIL)),
        legend=(Key(1, EVIL, 12, SVG),),
        exhibits=exhibits or (exhibit(),),
        asked={"asked-1": PNG},
        held={"hit-1": PNG},
    )


def rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """Return the ratio of WCAG 2.2 between two colours."""
    light = []
    for colour in (one, other):
        linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
        light.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(light) / min(light)


def test_a_page_loads_nothing_and_escapes_every_word() -> None:
    html = render(page(NAMES, exhibit(label=EVIL)))
    parsed = Parsed(html)
    assert "<script" not in html
    images = [attributes for tag, attributes in parsed.elements if tag == "img"]
    assert len(images) == 5  # two maps, a key, the query and one of its two hits
    assert all((image["src"] or "").startswith("data:image/") for image in images)
    assert {tag for tag, _ in parsed.elements}.isdisjoint({"script", "link", "iframe"})
    assert not re.search(r"url\(|@import|https?:", html)
    assert "default-src 'none'" in html
    assert "Not a medical device" in parsed.text


def test_every_picture_but_a_key_beside_its_word_is_described() -> None:
    elements = Parsed(render(page())).elements
    assert sum(not attributes["alt"] for tag, attributes in elements if tag == "img") == 1


def test_the_table_of_classes_names_the_worst_in_a_word() -> None:
    text = Parsed(render(page())).text
    assert "cat lowest 3 0.250 0.500" in text
    assert text.count("lowest") == 1


def test_a_class_without_queries_has_no_rate_and_no_bar() -> None:
    row = ClassRow("owl", 0, None, None, worst=False)
    assert "owl 0 none none" in Parsed(render(replace(page(), classes=(row,)))).text


def test_the_confusion_table_shows_count_share_and_sum() -> None:
    text = Parsed(render(page(("cat", "dog")))).text
    assert "cat dog called unknown all" in text
    assert "cat 1 100 % 1 dog 1 100 % 1 unknown kind 1 100 % 1" in text
    assert "Left out are queries with no picture of their class in the gallery: 4." in text


def test_ink_is_legible_on_every_cell_of_the_confusion_table() -> None:
    style = render(page())
    first, step = map(float, re.findall(r"calc\((\d+)% \+ ([\d.]+) \* var\(--share\)\)", style)[0])
    schemes = [
        dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in style.split("@media", 2)[:2]
    ]
    for scheme in schemes:
        ink, card = rgb(scheme["ink"]), rgb(scheme["card"])
        for shade in ("accent", "unknown"):
            for share in (0.0, 0.5, 1.0):
                part = first / 100 + step * share
                cell = part * rgb(scheme[shade]) + (1 - part) * card
                assert contrast(cell, ink) >= 4.5


def test_a_share_below_one_percent_is_not_called_0_nor_its_rest_100() -> None:
    eye = np.eye(2, dtype=np.bool_)
    true = np.array([0] * 200)
    said = np.array([1] + [0] * 199)
    table = confusion(("cat", "dog"), Answered(eye[true], eye[said], true > 0))
    # 199 of 200 are 99.5 % and the other is 0.5 %: 100 % and 0 % would hide it.
    text = Parsed(render(replace(page(("cat", "dog")), confusion=table))).text
    assert "cat 199 >99 % 1 <1 % 200" in text


def test_right_and_wrong_are_words() -> None:
    text = Parsed(render(page())).text
    assert "1 cat 0.50 Hamming 1 ✓ same class hit-1" in text
    assert "no picture 98 cat 0.50 Hamming 98 ✗ other class hit-98" in text
    assert text.index("Most similar") < text.index("hit-1")
    assert text.index("Least similar of the first 100") < text.index("hit-98")


@pytest.mark.parametrize(
    ("state", "words"), [("known", ""), ("caution", "caution "), ("unknown", "called unknown ")]
)
def test_a_query_that_the_gate_doubts_says_so(state: State, words: str) -> None:
    assert f"query {words}asked-1" in Parsed(render(page(NAMES, exhibit(state)))).text


def test_a_hit_without_label_says_so() -> None:
    assert "1 no label 0.50" in Parsed(render(page(NAMES, exhibit(label="")))).text


def test_too_few_pictures_for_a_map_are_said() -> None:
    html = render(replace(page(), maps=(), legend=()))
    assert "There are too few pictures for a map." in Parsed(html).text
