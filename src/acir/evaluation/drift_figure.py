"""The histogram of `acir drift --html`."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from acir.evaluation.figures import INK, LOSS, VALIDATION, as_svg, style


def bars(counts: Sequence[int]) -> bytes:
    """Draw how many p-values lie in each of equal steps of (0, 1], and how many would, as SVG."""
    step = 1 / len(counts)
    with style():
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes: Axes = figure.subplots()
        left = [step * i for i in range(len(counts))]
        axes.bar(left, counts, width=0.94 * step, align="edge", color=VALIDATION)
        axes.axhline(sum(counts) / len(counts), color=LOSS, linestyle="--")
        axes.set_xlim(0, 1)
        axes.set_xlabel("p-value")
        axes.set_ylabel("queries", color=INK)
        axes.spines[["top", "right"]].set_visible(False)
        return as_svg(figure)
