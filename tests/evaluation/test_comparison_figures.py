"""What a figure shows, read back from the paths and texts of its SVG."""

import math
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from acir.evaluation import comparison_figures
from acir.evaluation.comparison_figures import (
    BETTER,
    WORSE,
    critical_difference_plot,
    difference_intervals,
    precision_recall_curves,
    radius_curves,
    score_against_bits,
)
from acir.evaluation.figures import INK
from acir.evaluation.mean_ranks import MeanRanks
from acir.evaluation.significance import Paired

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
METHODS = [f"method {number}" for number in range(13)]

Look = tuple[str, str, str]
Point = tuple[float, float]


def _group(drawn: bytes, name: str) -> ElementTree.Element:
    found = ElementTree.fromstring(drawn).find(f".//{SVG}g[@id='{name}']")
    assert found is not None
    return found


def _texts(drawn: bytes) -> list[str]:
    """Return all texts in the order drawn; matplotlib leaves each behind as a comment."""
    return re.findall(r"<!-- (.*?) -->", drawn.decode())


def _paths(drawn: bytes, kind: str) -> list[tuple[str, list[Point]]]:
    """Return style and points (y downwards) of every line of a kind within the axes."""
    return [
        (
            path.get("style", ""),
            [(float(x), float(y)) for x, y in re.findall(r"[ML] (\S+) (\S+)", path.get("d", ""))],
        )
        for group in _group(drawn, "axes_1").findall(f"./{SVG}g")
        for path in group.findall(f"./{SVG}path")
        if group.get("id", "").startswith(kind)
    ]


def _looks(drawn: bytes) -> list[Look]:
    """Return colour, dashes and shape of the marker of each line in the legend."""
    tree, looks = ElementTree.fromstring(drawn), []
    shapes = {path.get("id"): path.get("d", "") for path in tree.iter(f"{SVG}path")}
    for group in _group(drawn, "legend_1").findall(f"./{SVG}g"):
        line, marker = group.find(f"./{SVG}path"), group.find(f".//{SVG}use")
        if line is not None and marker is not None:
            style = dict(part.split(": ") for part in line.get("style", "").split("; "))
            shape = shapes[marker.get(LINK, "")[1:]]
            looks.append((style["stroke"], style.get("stroke-dasharray", ""), shape))
    return looks


def _bits(scores: Mapping[str, float]) -> dict[str, dict[int, tuple[float, float]]]:
    return {name: {16: (score, 0.01), 64: (score, 0.01)} for name, score in scores.items()}


def _every_figure_of_curves() -> dict[str, bytes]:
    scores = np.linspace(0.5, 0.9, 13)  # the best comes last, and first in a legend by score
    recall = np.linspace(0, 1, 30)
    return {
        "bits": score_against_bits(_bits(dict(zip(METHODS, scores, strict=True))), METHODS[3]),
        "recall": precision_recall_curves(
            {name: (recall, np.full(30, s)) for name, s in zip(METHODS, scores, strict=True)}
        ),
        "radius": radius_curves(
            {name: np.full(30, s) for name, s in zip(METHODS, scores, strict=True)}
        ),
    }


def _paired(low: float, high: float) -> Paired:
    return Paired((low + high) / 2, low, high, 0.5, 0.1, 50)


# All figures


@pytest.mark.parametrize("colour", comparison_figures.COLOURS)
@pytest.mark.parametrize("page", ["#ffffff", "#151a1f"])
def test_every_colour_stands_out_on_both_pages(colour: str, page: str) -> None:
    def luminance(code: str) -> float:  # of WCAG 2.1
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(colour), luminance(page)))
    assert (light + 0.05) / (dark + 0.05) >= 3


@pytest.mark.parametrize("figure", ["bits", "recall", "radius"])
def test_thirteen_methods_look_different_in_colour_and_in_grey(figure: str) -> None:
    looks = _looks(_every_figure_of_curves()[figure])
    assert len(looks) == 13
    assert len({(colour, dashes) for colour, dashes, _ in looks}) == 13
    assert len({shape for _, _, shape in looks}) == 13


def test_a_method_looks_the_same_in_every_figure_but_for_the_weight() -> None:
    bits, recall, radius = (
        {name: look[0] for name, look in zip(_texts(drawn)[-13:], _looks(drawn), strict=True)}
        for drawn in _every_figure_of_curves().values()
    )
    assert bits == recall == radius


@pytest.mark.parametrize(
    "draw",
    [
        lambda name: score_against_bits(_bits({name: 0.9}), name),
        lambda name: precision_recall_curves({name: (np.array([0.0, 1.0]), np.array([1.0, 0.2]))}),
        lambda name: radius_curves({name: np.array([1.0, 0.5])}),
        lambda name: difference_intervals([(name, _paired(0.1, 0.2))]),
        lambda name: critical_difference_plot(
            [name, "b", "c"], MeanRanks(np.array([1.0, 2.0, 3.0]), 1.5, 0.01)
        ),
    ],
)
def test_a_name_is_shown_as_it_is_and_the_same_input_gives_the_same_bytes(
    draw: Callable[[str], bytes],
) -> None:
    drawn = draw("a$x^2$ & <b>")
    assert drawn == draw("a$x^2$ & <b>")
    assert any("a$x^2$" in text for text in _texts(drawn))
    assert b"nan" not in drawn.split(b"</metadata>")[1]


# Ranks


@pytest.mark.parametrize(
    ("ranks", "critical_difference", "bars"),
    [
        ([1.0, 2.0, 3.5], 1.6, 2),  # 1 with 2, and 2 with 3.5
        ([3.5, 1.0, 2.0], 1.6, 2),
        ([1.0, 2.0, 3.5], 2.6, 1),  # all three: shorter runs lie within
        ([1.0, 2.0, 3.0], 1.0, 0),  # as far apart as the critical difference is apart
        ([2.0, 2.0, 2.0], 0.5, 0),  # ties need no bar
        ([1.0, 2.0, 2.1, 4.0, 4.1], 0.5, 2),
    ],
)
def test_bars_join_the_longest_runs_not_told_apart(
    ranks: list[float], critical_difference: float, bars: int
) -> None:
    names = [f"m{number}" for number in range(len(ranks))]
    drawn = critical_difference_plot(
        names, MeanRanks(np.array(ranks), critical_difference, 0.5)
    ).decode()
    assert drawn.count(f"stroke: {BETTER}; stroke-width: 4") == bars


def test_names_stand_from_best_to_worst_with_their_ranks() -> None:
    drawn = critical_difference_plot(
        ["x", "y", "z"], MeanRanks(np.array([3.0, 1.2, 1.8]), 1.5, 0.0)
    )
    texts = [" ".join(text.split()) for text in _texts(drawn)]
    assert texts == [
        *("1", "2", "3"),
        "critical difference 1.50; Friedman p &lt; 0.001",
        *("y 1.20", "z 1.80", "3.00 x"),
    ]


def test_a_stem_stands_at_its_rank() -> None:
    drawn = critical_difference_plot(
        ["x", "y", "z"], MeanRanks(np.array([1.0, 1.5, 3.0]), 0.2, 0.5)
    )
    lines = [points for _, points in _paths(drawn, "line2d")]
    (first, level), (last, _) = lines[0]  # the line from rank 1 to rank 3
    stems = [points[0] for points in lines if len(points) == 3]
    middle = first + (last - first) / 4  # rank 1.5
    assert [x for x, _ in stems] == pytest.approx([first, middle, last], abs=1e-3)
    assert [y for _, y in stems] == pytest.approx([level] * 3)


# Bits


def test_equal_steps_are_equal_cuts_of_the_error() -> None:
    # errors 0.4, 0.2, 0.1: halved from length to length
    drawn = score_against_bits({"a": {16: (0.6, 0.0), 32: (0.8, 0.0), 64: (0.9, 0.0)}}, "a")
    ((_, line),) = _paths(drawn, "line2d")
    (x0, y0), (x1, y1), (x2, y2) = line
    assert (x1 - x0, y0 - y1) == pytest.approx((x2 - x1, y1 - y2), abs=1e-3)
    assert y0 - y1 > 10


def test_a_bar_reaches_one_spread_to_each_side() -> None:
    # errors 0.4, 0.2 - 0.1 = 0.1 and 0.2 + 0.2 = 0.4: the bar of b spans two halvings, the
    # difference of a and b is one
    drawn = score_against_bits({"a": {16: (0.6, 0.0)}, "b": {16: (0.75, 0.15)}}, "a")
    (_, [(_, a)]), _ = _paths(drawn, "line2d")
    bars = [points for _, points in _paths(drawn, "LineCollection")]
    (low, high) = sorted((y for _, y in bars[1]), reverse=True)
    assert low == pytest.approx(a, abs=1e-3)  # 0.75 - 0.15 = 0.6
    assert high < low


def test_ours_is_heavy_and_points_of_one_length_stand_apart() -> None:
    drawn = score_against_bits(_bits({"a": 0.9, "b": 0.9, "c": 0.9}), "b")
    lines = _paths(drawn, "line2d")
    assert ["stroke-width: 2.8" in style for style, _ in lines] == [False, True, False]
    assert [left < right for left, right in pairwise(points[0][0] for _, points in lines)] == [
        True,
        True,
    ]


def test_lengths_are_the_ticks_and_the_best_at_the_longest_comes_first() -> None:
    curves = {"a": {16: (0.99, 0.0), 48: (0.7, 0.0)}, "b": {16: (0.3, 0.0), 48: (0.8, 0.0)}}
    texts = _texts(score_against_bits(curves, "a"))
    assert texts[:2] == ["16", "48"]
    assert texts[-2:] == ["b", "a"]
    assert {"0.40", "0.80", "0.98"} <= {f"{float(t):.2f}" for t in texts if t.startswith("0.")}


@pytest.mark.parametrize("score", [0.0, 0.9731, 1.0])
def test_one_score_alone_can_be_drawn(score: float) -> None:
    drawn = score_against_bits({"a": {32: (score, 0.0)}}, "a")
    ((_, [(x, y)]),) = _paths(drawn, "line2d")
    assert math.isfinite(x)
    assert 0 < y < 288


# Curves


def test_precision_is_drawn_over_recall() -> None:
    recall, precision = np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.9, 0.7])
    drawn = precision_recall_curves({"a": (recall, precision)})
    ((_, [(x0, y0), (x1, y1), (x2, y2)]),) = _paths(drawn, "line2d")
    assert x1 - x0 == pytest.approx(x2 - x1, abs=1e-3)
    assert y2 - y1 == pytest.approx(2 * (y1 - y0), abs=1e-3)
    assert y1 > y0  # downwards
    assert {"recall", "precision", "a"} <= set(_texts(drawn))


def test_a_radius_curve_starts_at_zero_and_leaves_out_what_is_not_known() -> None:
    drawn = radius_curves({"a": np.array([0.9, 0.8, np.nan, 0.4])}, score="recall")
    ((_, [(x0, y0), (x1, y1), (x3, y3)]),) = _paths(drawn, "line2d")
    assert x3 - x0 == pytest.approx(3 * (x1 - x0), abs=1e-3)
    assert y3 - y0 == pytest.approx(5 * (y1 - y0), abs=1e-3)
    assert {"Hamming radius", "recall within the radius", "0", "3"} <= set(_texts(drawn))


# Intervals


@pytest.mark.parametrize(
    ("low", "high", "colour", "filled"),
    [
        (0.01, 0.02, BETTER, True),
        (-0.02, -0.01, WORSE, True),
        (-0.01, 0.02, INK, False),
        (0.0, 0.02, INK, False),  # 0 is within
        (-0.02, 0.0, INK, False),
    ],
)
def test_an_interval_is_filled_where_it_leaves_zero_out(
    low: float, high: float, colour: str, filled: bool
) -> None:
    drawn = difference_intervals([("a", _paired(low, high))])
    markers = [
        use.get("style", "")
        for group in _group(drawn, "axes_1").findall(f"./{SVG}g")
        for use in group.findall(f"./{SVG}g/{SVG}use")
    ]
    (style,) = [style for style in markers if style]
    assert f"stroke: {colour}" in style
    assert (f"fill: {colour}" in style) == filled


def test_a_row_spans_its_interval_and_says_it() -> None:
    drawn = difference_intervals([("a", _paired(-0.1, 0.2)), ("b", _paired(0.2, 0.3))])
    (_, zero), (_, a), (_, b) = [p for p in _paths(drawn, "line2d") if len(p[1]) == 2]
    assert a[1][0] == pytest.approx(b[0][0], abs=1e-3)  # 0.2 ends one and starts the other
    assert zero[0][0] - a[0][0] == pytest.approx(b[1][0] - b[0][0], abs=1e-3)  # 0.1 each
    assert a[0][1] < b[0][1]  # from top to bottom
    minus = "\N{MINUS SIGN}"
    assert {f"+0.050  [{minus}0.100, +0.200]", "+0.250  [+0.200, +0.300]", "a", "b"} <= set(
        _texts(drawn)
    )
