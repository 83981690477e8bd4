"""Figures of a stress test, as SVG for a light and a dark page."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter, PercentFormatter
from PIL import Image

from acir.evaluation.comparison_figures import BETTER, COLOURS, DASHES, HEAVY, LIGHT, WORSE
from acir.evaluation.figures import INK, as_svg, canvas, style
from acir.evaluation.stress import Specimen, Tier
from acir.evaluation.stress_scores import RATES

SIGNS: Mapping[Tier, str] = {"reject": "✗", "warn": "?", "accept": "✓"}
RIGHTNESS = LinearSegmentedColormap.from_list("rightness", [WORSE, "#d9dcdf", BETTER])
ON_CELLS = "#101418"  # at least 5 : 1 on every colour of the scale
ROW_HEIGHT = 0.21  # inches
PER_LINE = 4

Curve = tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]


@dataclass(frozen=True)
class Cell:
    """What became of the pictures of one kind at one severity.

    Attributes:
        tier: What should have.
        refused: Share that was called unknown.
        right: Share whose verdict is as it should be.
    """

    tier: Tier
    refused: float
    right: float


def roc_curves(curves: Mapping[str, Curve], fewest: float) -> bytes:
    """Draw what is detected over the false alarms, these on a logarithmic scale.

    Args:
        curves: By method, the false-alarm rates in ascending order and the share detected there;
            the first method is drawn heavily.
        fewest: The least rate that can be told from none.
    """
    with style():
        figure, axes = canvas("false alarms among clean pictures", "detected", 4.4)
        axes.set(xscale="log", xlim=(fewest, 1), ylim=(0, 1.02))
        axes.xaxis.set_minor_formatter(NullFormatter())  # within one decade they would be labelled
        for rate in RATES:
            axes.axvline(rate, color=INK, linewidth=0.8, linestyle=":")
        _draw(figure, axes, curves)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=None))
        return as_svg(figure)


def risk_coverage_curves(curves: Mapping[str, Curve]) -> bytes:
    """Draw the share of wrong answers over the share of queries that are answered."""
    with style():
        figure, axes = canvas("queries answered", "wrong among the answered", 4.4)
        axes.set(xlim=(0, 1), ylim=(0, None))
        _draw(figure, axes, curves)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=None))
        return as_svg(figure)


def grid(rows: Mapping[tuple[str, str], Sequence[Cell]]) -> bytes:
    """Draw a table of kinds and severities: the colour says how right, the number what is refused.

    Args:
        rows: By group and kind, a cell a severity, or one alone.
    """
    widest = max(len(cells) for cells in rows.values())
    with style():
        figure = Figure(figsize=(4.2, 0.6 + ROW_HEIGHT * len(rows)), layout="constrained")
        axes: Axes = figure.subplots()
        for y, cells in enumerate(rows.values()):
            for x, cell in enumerate(cells):
                _cell(axes, (x, y), cell)
        axes.set(xlim=(-0.5, widest - 0.5), ylim=(len(rows) - 0.5, -0.5))
        axes.set_xticks(range(widest), [f"severity {x + 1}" for x in range(widest)])
        axes.set_yticks(range(len(rows)), [kind.replace("_", " ") for _, kind in rows])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        _part_groups(axes, [group for group, _ in rows])
        return as_svg(figure)


def specimens(shown: Sequence[tuple[str, Specimen]]) -> bytes:
    """Draw single pictures, each with a line of its own and the verdict on it."""
    lines = -(-len(shown) // PER_LINE)
    with style():
        figure = Figure(figsize=(6.4, 1.9 * lines), layout="constrained")
        for place, (text, specimen) in enumerate(shown):
            axes: Axes = figure.add_subplot(lines, PER_LINE, place + 1)
            with Image.open(io.BytesIO(specimen.picture)) as picture:
                axes.imshow(np.asarray(picture.convert("RGB")), interpolation="nearest")
            axes.set_title(f"{text}\n{specimen.state}", fontsize=7)
            axes.axis("off")
        return as_svg(figure)


def _draw(figure: Figure, axes: Axes, curves: Mapping[str, Curve]) -> None:
    for place, (name, (x, y)) in enumerate(curves.items()):
        axes.plot(
            x,
            y,
            label=name,
            color=COLOURS[place % len(COLOURS)],
            linestyle=DASHES[place % len(DASHES)],
            linewidth=LIGHT if place else HEAVY,
        )
    figure.legend(loc="outside lower center", ncols=2, frameon=False, handlelength=3.5, fontsize=8)


def _cell(axes: Axes, at: tuple[int, int], cell: Cell) -> None:
    x, y = at
    corner = (x - 0.48, y - 0.45)
    axes.add_patch(Rectangle(corner, 0.96, 0.9, facecolor=RIGHTNESS(cell.right)))
    text = f"{SIGNS[cell.tier]}  {100 * cell.refused:.0f} %"
    axes.text(x, y, text, ha="center", va="center", fontsize=7, color=ON_CELLS)


def _part_groups(axes: Axes, groups: Sequence[str]) -> None:
    for y, (above, below) in enumerate(pairwise(groups)):
        if above != below:
            axes.axhline(y + 0.5, color=INK, linewidth=0.6)
