"""Maps of what the model makes of pictures: near means alike; see `spread` for which are drawn."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from acir.evaluation.figures import INK, as_svg, style

FEWEST = 5  # pictures; a map of fewer says nothing
PERPLEXITY = 30
SEED = 0
SEED_STEP = 0.006  # of the map's width: neighbours touch
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
OUTSIDE = -1  # the class of pictures of an unknown kind
# The hues of Okabe and Ito's palette for all kinds of colour vision, of middle lightness. Seven
# colours and five shapes go round at different paces: up to 35 classes no two look the same.
COLOURS = ("#2f7fc1", "#dc8a1e", "#1f9e78", "#c9549b", "#4fb0d8", "#d1502b", "#9c8f1a")
DARK = "#0d1013"  # legible on each of the colours
SHAPES = ("o", "s", "^", "D", "v")


def layout(vectors: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n 2"]:
    """Lay vectors out in the plane by t-SNE, so that neighbours stay neighbours.

    t-SNE (van der Maaten and Hinton, JMLR 9, 2008) from the principal components. Distances
    between groups, their sizes and the axes mean nothing.

    Args:
        vectors: At least `FEWEST` of at least two dimensions.
    """
    from sklearn.manifold import TSNE  # noqa: PLC0415 - drawing alone needs it, and it loads slowly

    if not np.ptp(vectors, axis=0).any():
        return np.zeros((len(vectors), 2))  # one point: there is nothing to lay out
    perplexity = min(float(PERPLEXITY), (len(vectors) - 1) / 3)
    plane = TSNE(perplexity=perplexity, init="pca", random_state=SEED)
    found: Float[np.ndarray, "n 2"] = plane.fit_transform(vectors.astype(np.float32))
    return found.astype(np.float64)


def dealt_out(
    places: Float[np.ndarray, "n 2"], vectors: Float[np.ndarray, "n dim"]
) -> Float[np.ndarray, "n 2"]:
    """Spread pictures of equal vectors around the middle of their places, like sunflower seeds.

    Codes are few: without this a class whose pictures all have one code would be a single dot.
    """
    step = SEED_STEP * max(float(np.ptp(places, axis=0).max()), 1.0)
    spaced = np.empty_like(places)
    _, groups = np.unique(vectors, axis=0, return_inverse=True)
    for group in range(int(groups.max()) + 1):
        rows = np.flatnonzero(groups == group)
        number = np.arange(len(rows))
        turn = number * GOLDEN_ANGLE
        around = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        spaced[rows] = places[rows].mean(axis=0) + step * np.sqrt(number)[:, None] * around
    return spaced


def embedding_map(vectors: Float[np.ndarray, "n dim"], classes: Int[np.ndarray, " n"]) -> bytes:
    """Draw a map of pictures as SVG; the legend is made of `key`.

    Amid each class stands its number, from 1, because shapes merge where marks crowd. Names are
    left to the page: a font may lack their letters.

    Args:
        vectors: What the map is of; see `layout`.
        classes: The class of each picture, `OUTSIDE` for a picture of an unknown kind; these lie
            on top.
    """
    places = dealt_out(layout(vectors), vectors)
    with style():
        figure = Figure(figsize=(5.2, 5.2), layout="constrained")
        axes: Axes = figure.subplots()
        for number in sorted(set(classes.tolist()), reverse=True):  # the unknown are drawn last
            x, y = places[classes == number].T
            axes.plot(x, y, **_look(number, 3.6))
        for number in sorted(set(classes.tolist()) - {OUTSIDE}):
            _number(axes, number, amid(places[classes == number]))
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_linewidth(0.4)
        axes.set_box_aspect(1)
        return as_svg(figure)


def key(number: int) -> bytes:
    """Draw how the pictures of a class are marked, or those of `OUTSIDE`, as a small SVG."""
    with style():
        figure = Figure(figsize=(0.2, 0.2))
        axes: Axes = figure.add_axes((0, 0, 1, 1))
        axes.plot([0], [0], **_look(number, 8.0))
        axes.set_axis_off()
        return as_svg(figure)


def amid(places: Float[np.ndarray, "n 2"]) -> tuple[float, float]:
    """Return the place that is nearest to the median of all: always on a picture."""
    distances = np.linalg.norm(places - np.median(places, axis=0), axis=1)
    x, y = places[int(distances.argmin())]
    return float(x), float(y)


def _number(axes: Axes, number: int, place: tuple[float, float]) -> None:
    """Write the number of a class on a disc of its colour."""
    disc = {"marker": "o", "alpha": 1.0, "markeredgecolor": DARK, "markeredgewidth": 0.5}
    axes.plot(*place, **{**_look(number, 10.0), **disc})
    bold: dict[str, Any] = {"color": DARK, "fontsize": 7, "fontweight": "bold"}
    axes.annotate(str(number + 1), place, ha="center", va="center", **bold)


def _look(number: int, size: float) -> dict[str, Any]:
    """Return how the pictures of a class are marked."""
    if number == OUTSIDE:
        return {"linestyle": "none", "marker": "x", "color": INK, "markersize": size}
    return {
        "linestyle": "none",
        "marker": SHAPES[number % len(SHAPES)],
        "color": COLOURS[number % len(COLOURS)],
        "markersize": size,
        "markeredgewidth": 0.0,
        "alpha": 0.8,
    }
