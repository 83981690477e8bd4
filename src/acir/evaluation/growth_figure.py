"""The figure of `acir bench index`: how the time of a query grows with the gallery."""

from collections.abc import Mapping, Sequence

from acir.evaluation.figures import as_svg, canvas, style


def growth(curves: Mapping[str, Sequence[tuple[int, float]]]) -> bytes:
    """Draw milliseconds of a query against rows, both by powers of ten, as SVG.

    Args:
        curves: Points (rows, milliseconds) by contender, in the order of the legend.
    """
    with style():
        figure, axes = canvas("rows of the gallery", "milliseconds a query", height=3.6)
        for name, points in curves.items():
            rows, times = zip(*sorted(points), strict=True)
            axes.plot(rows, times, marker="o", markersize=3, label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        figure.legend(loc="outside right upper")
        return as_svg(figure)
