"""Figures for a report, as PNG or SVG; drawn to be read on a light and on a dark page."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

# Grey and accents of middle lightness: contrast of at least 3 : 1 on white and on near-black.
INK, LOSS, VALIDATION = "#76818c", "#c9803a", "#3f8fc4"
STRONGEST = 0.8  # opacity of the heat map at its peak: the anatomy beneath stays visible


def png(array: Shaped[np.ndarray, "height width *channels"]) -> bytes:
    """Return a picture, grey or with three channels, as PNG.

    Args:
        array: uint8, or floats of which 0 is black and 1 is white.
    """
    if np.issubdtype(array.dtype, np.floating):
        array = (np.clip(np.nan_to_num(array), 0, 1) * 255).round().astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def heat_map(
    picture: Float[np.ndarray, "height width 3"], residual: Float[np.ndarray, "height width"]
) -> bytes:
    """Lay where a picture differs from known ones over the picture, as PNG.

    The picture turns grey so that all colour is the map's; the strongest place is brightest.

    Args:
        picture: In [0, 1].
        residual: 0 and less, or NaN, is left uncoloured; the scale ends at the largest.
    """
    grey = np.repeat(picture @ np.array([0.299, 0.587, 0.114])[:, None], 3, axis=-1)
    strength = np.clip(np.nan_to_num(residual, posinf=0.0), 0, None)
    strength = strength / max(float(strength.max()), 1e-12)
    colour = colormaps["inferno"](0.25 + 0.75 * strength)[..., :3]
    opacity = STRONGEST * strength[..., None]
    return png((1 - opacity) * grey + opacity * colour)


def training_curve(rows: Sequence[Mapping[str, str | float]]) -> bytes:
    """Draw loss and validation mAP over the epochs, as SVG.

    Args:
        rows: Those of `log.csv`; only rows with a `val_mAP` are drawn, so the decoder's stage,
            which has none, is left out.
    """
    drawn = [row for row in rows if row.get("val_mAP") not in (None, "")]
    epochs = [int(row["epoch"]) for row in drawn]
    with style():
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        left: Axes = figure.subplots()
        right = left.twinx()
        left.plot(epochs, [float(row["loss"]) for row in drawn], "o-", color=LOSS)
        right.plot(epochs, [float(row["val_mAP"]) for row in drawn], "o-", color=VALIDATION)
        left.set_xlabel("epoch")
        left.set_ylabel("training loss", color=LOSS)
        right.set_ylabel("validation mAP", color=VALIDATION)
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.spines["top"].set_visible(False)
        right.spines["top"].set_visible(False)
        return as_svg(figure)


def style() -> AbstractContextManager[None]:
    """Return the context in which figures are drawn: ink for a light and a dark page alike."""
    return rc_context(
        {
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "font.size": 9,
            "lines.markersize": 3,
            "svg.hashsalt": "acir",
            "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        }
    )


def as_svg(figure: Figure) -> bytes:
    """Return a figure on a clear ground as SVG; the same figure is the same bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


def canvas(across: str, up: str, height: float) -> tuple[Figure, Axes]:
    """Return an empty diagram 6.4 inches wide, with its two axes named."""
    figure = Figure(figsize=(6.4, height), layout="constrained")
    axes: Axes = figure.subplots()
    axes.set(xlabel=across, ylabel=up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
