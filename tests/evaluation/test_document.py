"""A report says the same as a page and as Markdown."""

import pytest

from acir.evaluation.document import Document, Figure, Section, Table, markdown
from acir.evaluation.report import render

PICTURE = b"<?xml version='1.0'?><svg/>"
TABLE = Table(
    "Scores <of> all",
    ("method", "mAP"),
    (("A|B", "0.9"), ("C", "0.8")),
    best=frozenset({(1, 1)}),
    heavy=frozenset({0}),
)
DOCUMENT = Document(
    title="Small & fine",
    intro="Two methods.",
    queries=(),
    sections=(
        Section("In short", ("A sentence.",), (TABLE,), (Figure(PICTURE, "A curve", "curve"),)),
        Section("Again", code=("acir compare x.toml --out DIR",)),
    ),
)


def test_markdown_has_everything_in_order() -> None:
    assert markdown(DOCUMENT).splitlines() == [
        "# Small & fine",
        "",
        "Two methods.",
        "",
        "**Not a medical device.** For research into image retrieval.",
        "",
        "## In short",
        "",
        "A sentence.",
        "",
        "*Scores <of> all*",
        "",
        "| method | mAP |",
        "| --- | ---: |",
        "| **A\\|B** | **0.9** |",
        "| C | **0.8** |",
        "",
        "![A curve](figures/curve.svg)",
        "",
        "## Again",
        "",
        "```sh",
        "acir compare x.toml --out DIR",
        "```",
    ]


def test_the_page_has_the_same_and_escapes_it() -> None:
    html = render(DOCUMENT)
    for text in ("Small &amp; fine", "Scores &lt;of&gt; all", "A|B", "<strong>0.8</strong>"):
        assert text in html
    assert html.count("<h2") == 2
    assert 'alt="A curve"' in html
    assert "<code>acir compare x.toml --out DIR</code>" in html


def test_a_row_fits_its_columns() -> None:
    with pytest.raises(ValueError, match="a row of 1 cells does not fit 2 columns"):
        Table("", ("a", "b"), (("1",),))
