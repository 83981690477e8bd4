"""Figures that set methods side by side, as SVG for a light and a dark page.

A method is told by its marker and line style as well as by its colour, so that a grey print and a
colour-blind reader lose nothing. Its look follows from its place in what is given: methods in the
same order look the same in every figure of curves.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from jaxtyping import Float, Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter

from acir.evaluation.figures import INK, LOSS, VALIDATION, as_svg, canvas, style
from acir.evaluation.mean_ranks import MeanRanks
from acir.evaluation.significance import Paired

BETTER, WORSE = VALIDATION, LOSS
# Contrast of at least 3 : 1 on white and on near-black, and apart for the colour-blind.
COLOURS = (BETTER, WORSE, "#1f9e74", "#9c5b9c", INK)
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "<", "X", ">", "p", "*", "h", "d")
MARKS = 8  # markers on a curve of many points
HEAVY, LIGHT = 2.8, 1.1  # line widths

LEAST_ERROR = 5e-4  # a score of 1 would lie infinitely far up
SCORES = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998)

Curve = tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]


class _Look(TypedDict):
    color: str
    linestyle: str
    marker: str


def critical_difference_plot(names: Sequence[str], ranks: MeanRanks) -> bytes:
    """Draw mean ranks on a line, best at the left; a bar joins methods that are not told apart.

    The diagram of Demsar (JMLR 7, 2006, figure 1).

    Args:
        names: Of the methods, in the order of `ranks`.
        ranks: As `acir.evaluation.mean_ranks.mean_ranks` has them.
    """
    order = np.argsort(ranks.ranks, kind="stable")
    values = ranks.ranks[order]
    joined = _not_told_apart(values, ranks.critical_difference)
    top = 1.2 + 0.5 * len(joined)  # height of the first name; heights grow downwards
    bottom = top + (len(values) - 1) // 2
    with style():
        figure = Figure(figsize=(6.4, 0.3 * (bottom + 3.6)), layout="constrained")
        axes: Axes = figure.subplots()
        axes.axis("off")
        axes.set(xlim=(1, len(values)), ylim=(bottom + 0.6, -3))
        _rank_axis(axes, ranks)
        _stems(axes, [names[method] for method in order], values, top)
        for number, (best, worst) in enumerate(joined):
            height = 0.6 + 0.5 * number
            axes.plot([best, worst], [height] * 2, color=BETTER, linewidth=4, clip_on=False)
        return as_svg(figure)


def score_against_bits(curves: Mapping[str, Mapping[int, tuple[float, float]]], ours: str) -> bytes:
    """Draw mAP over the code length; equal steps upwards are equal cuts of the error 1 - mAP.

    Points of one length stand a little apart, so that no bar hides another. The legend has the
    best at the longest code first.

    Args:
        curves: By method and bits, the mean and the half height of its bar.
        ours: The method whose line is heavy.
    """
    with style():
        figure, axes = canvas("code length in bits", "mAP, on a logarithmic scale of 1 - mAP", 4.0)
        axes.set_xscale("log", base=2)
        _space_by_error(axes, curves)
        drawn: dict[str, Line2D] = {}
        for place, (name, points) in enumerate(curves.items()):
            bits = np.array(sorted(points)) * 2.0 ** (0.03 * (place - (len(curves) - 1) / 2))
            means, spreads = np.array([points[length] for length in sorted(points)]).T
            width, size = (HEAVY, 8) if name == ours else (LIGHT, 5)
            look = _look(place)
            (drawn[name],) = axes.plot(
                bits, means, **look, linewidth=width, markersize=size, clip_on=False
            )
            axes.vlines(bits, means - spreads, means + spreads, color=look["color"], linewidth=1)
        lengths = sorted({length for points in curves.values() for length in points})
        axes.set_xticks(lengths, [f"{length}" for length in lengths])
        axes.minorticks_off()
        best_first = sorted(curves, key=lambda name: -curves[name][max(curves[name])][0])
        _legend(figure, {name: drawn[name] for name in best_first})
        return as_svg(figure)


def precision_recall_curves(curves: Mapping[str, Curve]) -> bytes:
    """Draw precision over recall.

    Args:
        curves: By method, recall from low to high, and the precision there.
    """
    with style():
        figure, axes = canvas("recall", "precision", 4.0)
        _draw(figure, axes, curves)
        return as_svg(figure)


def radius_curves(curves: Mapping[str, Float[np.ndarray, " _"]], score: str = "precision") -> bytes:
    """Draw a score of the pictures within each Hamming radius.

    Args:
        curves: By method, the score at radius 0, 1, 2 and so on; NaN leaves a gap.
        score: What it is.
    """
    with style():
        figure, axes = canvas("Hamming radius", f"{score} within the radius", 4.0)
        _draw(figure, axes, {name: (np.arange(float(len(y))), y) for name, y in curves.items()})
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return as_svg(figure)


def difference_intervals(rows: Sequence[tuple[str, Paired]]) -> bytes:
    """Draw each difference with its 95 % interval, and what it is in numbers (a forest plot).

    A filled triangle points to the better side where the interval leaves 0 out; a hollow circle
    says that it does not. Nothing here is corrected for the number of rows; see
    `acir.evaluation.claims.said` for the word that may be used.

    Args:
        rows: What was compared with, and the result; drawn from top to bottom.
    """
    with style():
        figure = Figure(figsize=(6.4, 0.7 + 0.27 * len(rows)), layout="constrained")
        axes: Axes = figure.subplots()
        axes.axvline(0, color=INK, linewidth=0.8, linestyle="--")
        for place, (_, paired) in enumerate(rows):
            _interval(axes, place, paired)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set(xlabel="difference in mAP with its 95 % interval", ylim=(len(rows) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
        axes.spines[["left", "top", "right"]].set_visible(False)
        return as_svg(figure)


def _look(place: int) -> _Look:
    """Return colour, line style and marker; the counts share no factor, so looks repeat late."""
    return {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": DASHES[place % len(DASHES)],
        "marker": MARKERS[place % len(MARKERS)],
    }


def _draw(figure: Figure, axes: Axes, curves: Mapping[str, Curve]) -> None:
    drawn: dict[str, Line2D] = {}
    for place, (name, (x, y)) in enumerate(curves.items()):
        step = max(1, len(x) // MARKS)
        # each method starts at another point, so that markers of near curves stand side by side
        some = (place * step // len(curves), step)
        (drawn[name],) = axes.plot(
            x, y, **_look(place), linewidth=1.4, markersize=5, markevery=some
        )
    _legend(figure, drawn)


def _legend(figure: Figure, drawn: Mapping[str, Line2D]) -> None:
    figure.legend(
        drawn.values(), drawn.keys(), loc="outside right upper", frameon=False, handlelength=3.5
    )


def _space_by_error(axes: Axes, curves: Mapping[str, Mapping[int, tuple[float, float]]]) -> None:
    """Give equal heights to equal cuts of the error, so that 0.98 and 0.99 lie well apart."""

    def halvings(scores: Float[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        height: np.ndarray = -np.log2(np.maximum(1 - scores, LEAST_ERROR))
        return height

    axes.set_yscale("function", functions=(halvings, lambda heights: 1 - 2.0**-heights))
    ends = np.array(
        [m + s * side for p in curves.values() for m, s in p.values() for side in (-1, 1)]
    )
    low, high = halvings(np.array([ends.min(), ends.max()]))
    low, high = low - 0.1 - 0.04 * (high - low), high + 0.1
    axes.set_ylim(1 - 2.0**-low, 1 - 2.0**-high)
    shown = [score for score in SCORES if low <= -math.log2(1 - score) <= high]
    if len(shown) > 2:  # noqa: PLR2004 - else the range is narrow, and even ticks serve
        axes.yaxis.set_major_locator(FixedLocator(shown))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _interval(axes: Axes, place: int, paired: Paired) -> None:
    colour, marker, face = INK, "o", "none"
    if paired.low > 0:
        colour, marker, face = BETTER, ">", BETTER
    elif paired.high < 0:
        colour, marker, face = WORSE, "<", WORSE
    axes.plot([paired.low, paired.high], [place] * 2, color=colour, linewidth=1.4)
    axes.plot(paired.difference, place, marker, color=colour, markerfacecolor=face, markersize=6)
    text = f"{paired.difference:+.3f}  [{paired.low:+.3f}, {paired.high:+.3f}]".replace(
        "-", "\N{MINUS SIGN}"
    )
    axes.text(1.02, place, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8)


def _not_told_apart(
    values: Float64[np.ndarray, " methods"], critical_difference: float
) -> list[tuple[float, float]]:
    """Return first and last of the longest runs of ascending ranks that are not told apart."""
    runs: list[tuple[float, float]] = []
    for best in values:
        worst = values[values - best < critical_difference].max()
        if worst > best and (not runs or worst > runs[-1][1]):
            runs.append((float(best), float(worst)))
    return runs


def _rank_axis(axes: Axes, ranks: MeanRanks) -> None:
    """Draw the line of ranks and, above it, how long the critical difference is."""
    last = len(ranks.ranks)
    axes.plot([1, last], [0, 0], color=INK, linewidth=1, clip_on=False)
    for rank in range(1, last + 1):
        axes.plot([rank, rank], [0, -0.25], color=INK, linewidth=1, clip_on=False)
        axes.text(rank, -0.4, f"{rank}", ha="center", va="bottom")
    length = ranks.critical_difference
    axes.errorbar(1 + length / 2, -2, xerr=length / 2, color=INK, capsize=3, clip_on=False)
    p = "p < 0.001" if ranks.p < 0.001 else f"p = {ranks.p:.3f}"  # noqa: PLR2004 - three decimals
    text = f"critical difference {length:.2f}; Friedman {p}"
    axes.text(1, -2.25, text, ha="left", va="bottom")


def _stems(
    axes: Axes, names: Sequence[str], values: Float64[np.ndarray, " methods"], top: float
) -> None:
    """Lead from each rank to its name: the better half at the left, the others at the right."""
    last, left = len(values), (len(values) + 1) // 2
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        at_left = place < left
        height = top + (place if at_left else last - 1 - place)
        edge = 1 - 0.02 * last if at_left else last + 0.02 * last
        axes.plot(
            [value, value, edge], [0, height, height], color=INK, linewidth=0.8, clip_on=False
        )
        text = f"{name}  {value:.2f} " if at_left else f" {value:.2f}  {name}"
        axes.text(edge, height, text, ha="right" if at_left else "left", va="center")
