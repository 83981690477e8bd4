"""Figures of attacks, as SVG for a light and a dark page."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from acir.evaluation.attacked import Answered
from acir.evaluation.comparison_figures import COLOURS, DASHES, HEAVY, LIGHT
from acir.evaluation.figures import INK, as_svg, canvas, style

CELL = 0.95  # inches


def curves(by_attack: Mapping[str, Sequence[tuple[int, float]]], floor: float) -> bytes:
    """Draw the mAP over the largest change of a pixel.

    Args:
        by_attack: By name, (grey levels, mAP) in ascending order; the first is drawn heavily.
        floor: The least mAP that an attack can reach, dotted.
    """
    with style():
        figure, axes = canvas("largest change of a pixel, in grey levels of 255", "mAP", 4.4)
        axes.axhline(floor, color=INK, linewidth=0.8, linestyle=":")
        for place, (name, points) in enumerate(by_attack.items()):
            x, y = zip(*points, strict=True)
            axes.plot(
                x,
                y,
                marker="o",
                label=name,
                color=COLOURS[place % len(COLOURS)],
                linestyle=DASHES[place % len(DASHES)],
                linewidth=LIGHT if place else HEAVY,
            )
        axes.set(xlim=(0, None), ylim=(0, 1.02))
        axes.set_xticks(sorted({x for points in by_attack.values() for x, _ in points}))
        figure.legend(
            loc="outside lower center", ncols=2, frameon=False, handlelength=3.5, fontsize=8
        )
        return as_svg(figure)


def answers(shown: Sequence[Answered]) -> bytes:
    """Draw each picture with its change and first hits, and below it attacked with those after.

    The change is drawn about middle grey, as strongly as it can be.
    """
    hits = max(len(some) for one in shown for some in one.hits)
    with style():
        size = (CELL * (2 + hits), 1.25 * CELL * 2 * len(shown))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(2 * len(shown), 2 + hits, squeeze=False)
        for place, one in enumerate(shown):
            before, after = grid[2 * place], grid[2 * place + 1]
            clean, change, attacked = one.pictures
            _show(before[0], clean, f"{one.label}\n{_state(one.refused[0])}")
            _show(before[1], change, f"AP {one.precision[0]:.2f}\n→ {one.precision[1]:.2f}")
            _show(after[0], attacked, f"attacked\n{_state(one.refused[1])}")
            after[1].axis("off")
            for row, found in zip((before, after), one.hits, strict=True):
                for rank, axes in enumerate(row[2:]):
                    axes.axis("off")
                    if rank < len(found):
                        picture, label = found[rank]
                        _show(axes, picture, f"hit {rank + 1}\n{label}")
        return as_svg(figure)


def _show(axes: Axes, png: bytes, title: str) -> None:
    with Image.open(io.BytesIO(png)) as picture:
        axes.imshow(np.asarray(picture.convert("RGB")), interpolation="nearest")
    axes.set_title(title, fontsize=6)
    axes.axis("off")


def _state(refused: bool) -> str:
    return "unknown" if refused else "answered"
