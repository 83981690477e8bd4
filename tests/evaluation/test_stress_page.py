"""The page of a stress test: what is told, what stands out, and how much is shown."""

from dataclasses import replace

import numpy as np
import pytest

from acir.evaluation.document import markdown
from acir.evaluation.report import render
from acir.evaluation.stress import Stress
from acir.evaluation.stress_page import MOST_ROWS, document
from acir.evaluation.stress_scores import roc
from acir.metrics import ood
from made_stress import TRIALS, made, trial
from parsed_page import Parsed

FOUND = made()
PAGE = document(FOUND)


def test_the_page_names_the_worst_kind_and_the_promise() -> None:
    text = Parsed(render(PAGE)).text
    assert "refused: other.zip, of which 50.0 % are found" in text
    assert "The gate promises: at most 0.03 of ordinary pictures are called unknown." in text
    assert "Synthetic pictures" in text


def test_few_clean_pictures_leave_the_axis_of_the_curves_legible() -> None:
    # Ten make an axis of one decade, 10 to 100 %, on which matplotlib labels every small tick.
    roc_figure = PAGE.sections[1].figures[0].picture.decode()
    assert "<!-- 10% -->" in roc_figure
    assert "mathdefault" not in roc_figure


def test_the_best_of_each_column_stands_out() -> None:
    (table,) = PAGE.sections[0].tables
    by_heading = {name: column for column, name in enumerate(table.columns)}
    ours, msp = table.rows
    assert (ours[by_heading["recall"]], msp[by_heading["recall"]]) == ("62.5\xa0%", "50.0\xa0%")
    assert (0, by_heading["recall"]) in table.best
    assert (1, by_heading["false alarms, must accept"]) in table.best
    assert (1, by_heading["false alarms"]) not in table.best


def test_a_row_has_its_interval_and_its_commonest_reason() -> None:
    (table,) = PAGE.sections[4].tables
    # 1 of 4: the ends solve P(X >= 1) = 0.025 and P(X <= 1) = 0.025. Of the clean scores 0 to 9,
    # 0 is above 0.5 of ten (a tie counts half), 1 above 1.5, 2 above 2.5 and 9 above 9.5: 14 of 40.
    assert table.rows[0] == (
        *("speckle†, severity 1", "accept", "4", "25.0\xa0% (0.6 to 80.6)"),
        *("0.0\xa0%", "0.0\xa0%", "0.0\xa0%", "0.350", "ordinary", "100.0\xa0%"),
    )
    assert table.heavy == {4}


def test_false_alarms_are_listed_by_class() -> None:
    (table,) = PAGE.sections[6].tables
    assert [row[:2] for row in table.rows] == [("a", "5"), ("b", "5"), ("all", "10")]
    assert table.rows[1][2].startswith("20.0\xa0%")


def test_only_pictures_on_the_wrong_side_are_shown() -> None:
    names = [figure.name for figure in PAGE.sections[3].figures]
    # The worst picture of severity 2 and of the unknown set is the first, which is refused.
    assert names == []
    missed = replace(TRIALS[1], specimen=replace(TRIALS[1].specimen, state="known"))
    alarm = replace(TRIALS[0], specimen=replace(TRIALS[0].specimen, state="unknown"))
    shown = document(Stress(FOUND.protocol, FOUND.clean, (missed, alarm)))
    assert [figure.name for figure in shown.sections[3].figures] == ["missed", "alarms"]


def test_many_kinds_are_parted_into_grids_that_fit_a_screen() -> None:
    many = [replace(TRIALS[2], kind=f"kind {n}", group=f"group {n // 8}") for n in range(40)]
    page = document(Stress(FOUND.protocol, FOUND.clean, tuple(many)))
    assert [figure.name for figure in page.sections[2].figures] == ["grid-1", "grid-2", "grid-3"]
    assert MOST_ROWS == 20  # two groups of eight fit


def test_a_name_with_a_dollar_or_a_bracket_is_only_text() -> None:
    strange = trial(r"a<b>$\frac$", None, "reject", TRIALS[2].judged)
    html = render(document(Stress(FOUND.protocol, FOUND.clean, (strange,))))
    assert r"a&lt;b&gt;$\frac$" in html


def test_the_page_is_markdown_too() -> None:
    assert "| **this gate** |" in markdown(PAGE)


def test_a_curve_passes_through_what_is_detected_at_its_rates() -> None:
    rates, detected = roc(FOUND, "gate")
    assert rates.tolist() == pytest.approx([k / 10 for k in range(11)])
    assert (rates[-1], detected[-1]) == (1.0, 1.0)
    for rate, share in zip(rates[:-1], detected[:-1], strict=True):
        naive = [
            np.mean(
                [
                    ood.detected_at(
                        FOUND.clean.judged.scores["gate"], t.judged.scores["gate"], rate
                    )
                    for t in trials
                ]
            )
            for trials in FOUND.of("reject").values()
        ]
        assert share == pytest.approx(np.mean(naive))


def test_kinds_that_the_default_detectors_were_chosen_by_are_marked() -> None:
    (table,) = PAGE.sections[4].tables
    marked = [row[0] for row in table.rows if "†" in row[0]]
    assert marked == [t.title for t in TRIALS if t.group == "noise" or t.kind == "inverted"]
    assert len(marked) < len(table.rows)
    assert "† the default detectors were chosen by these kinds" in table.caption
