"""Rows of letters in a picture, found by their shape: at any angle, in any script, unread.

Letters are thin strokes that stand out from what is around them, in one shade, of one size, and on
one line. A stroke is what a top-hat leaves (the picture less its opening), above a threshold that
follows the noise around it; connected strokes make a letter, and letters make a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8
from scipy import ndimage  # type: ignore[import-untyped]
from scipy.spatial import cKDTree  # type: ignore[import-untyped]

STROKE = 11  # pixels; wider than any stroke of letters up to `LARGEST`
AROUND = 61  # pixels over which noise is averaged
STANDS_OUT = 3.0  # times the noise around
FAINTEST = 28.0  # grey levels
APART = 0.4  # of the contrast nearby; the soft edges of neighbours would else make them one letter
SMALLEST, LARGEST = 5, 64  # pixels of a letter's longer side
FEWEST_PIXELS = 4
SHARP = 0.4  # of a letter's contrast, from one pixel to the next at its edge
HALVINGS = 2  # letters up to four times `LARGEST` are found in a smaller picture
SMALLEST_SIDE = 64  # a picture is not halved below it
MANY = 3000  # letters; so many are looked at no further
# In lengths of a letter: how far the next one may be, and how far off the line its middle may lie.
STEP, OFF_LINE = 2.0, 0.35
PARTNER = 4.0  # lengths within which a second letter gives the direction of the row
ALIKE_LENGTH = 1.8  # ratio
ALIKE_SHADE = 25.0  # grey levels
# What a row that was found may go on with: less than a letter has to have, over a speck of noise.
LITTLE, FAINTER, SPECK = 1.5, 12.0, 3
FREE = 2.0  # lengths of a letter without any of it: the row has ended


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; right and bottom are not within it."""

    left: int
    top: int
    right: int
    bottom: int

    def meets(self, other: "Box") -> bool:
        """Whether two boxes share a pixel."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def grown(self) -> "Box":
        """Return the box longer by its width at either end, and a little wider.

        The letter that ends a row may have been too unlike the others to be found.
        """
        wide, high = self.right - self.left, self.bottom - self.top
        along, across = min(wide, high), min(wide, high) // 4
        x, y = (along, across) if wide >= high else (across, along)
        return Box(max(0, self.left - x), max(0, self.top - y), self.right + x, self.bottom + y)


@dataclass(frozen=True)
class _Letters:
    """Letters of one polarity: middle, length of the longer side and shade of each."""

    middle: Float[np.ndarray, "n 2"]
    length: Float[np.ndarray, " n"]
    shade: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.length)


def rows_of_letters(picture: UInt8[np.ndarray, "..."], least: int) -> list[Box]:
    """Return the boxes of rows of letters, of which several may be parts of one.

    Args:
        picture: `(h, w)` grey or `(h, w, 3)` colour, as it is shown.
        least: Letters that make a row.
    """
    return [box for plane in _planes(picture) for box in _rows_at_all_sizes(plane, least)]


def _planes(picture: UInt8[np.ndarray, "..."]) -> Iterator[Float32[np.ndarray, "h w"]]:
    """Yield what is bright, and of a colour picture what is colourful."""
    values = picture.astype(np.float32)
    if picture.ndim == 2:  # noqa: PLR2004 - height and width
        yield values
        return
    yield values.mean(2)
    colour = values.max(2) - values.min(2)
    if colour.max() > FAINTEST:
        yield colour


def _rows_at_all_sizes(values: Float32[np.ndarray, "h w"], least: int) -> Iterator[Box]:
    if min(values.shape) < SMALLEST:
        return
    steps = np.hypot(*np.gradient(values))
    for halving in range(HALVINGS + 1):
        scale = 2**halving
        for letters, ink in _letters(values, steps):
            for row in _rows(letters, least):
                yield _box(letters, row, ink, scale)
        if min(values.shape) < 2 * SMALLEST_SIDE:
            return
        values, steps = _squares(values).mean((1, 3)), _squares(steps).max((1, 3))


def _squares(values: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h2 2 w2 2"]:
    """Cut a picture into squares of two by two; a last odd row or column is left out."""
    height, width = values.shape[0] // 2, values.shape[1] // 2
    return values[: 2 * height, : 2 * width].reshape(height, 2, width, 2)


def _letters(
    values: Float32[np.ndarray, "h w"], steps: Float32[np.ndarray, "h w"]
) -> Iterator[tuple[_Letters, Bool[np.ndarray, "h w"]]]:
    """Yield the bright letters, then the dark ones, each with where anything may be written."""
    for bright in (values, -values):
        top_hat = bright - ndimage.maximum_filter(ndimage.minimum_filter(bright, STROKE), STROKE)
        noise = ndimage.uniform_filter(top_hat, AROUND)
        near = ndimage.maximum_filter(top_hat, STROKE)
        least = np.maximum.reduce([STANDS_OUT * noise, APART * near]).clip(FAINTEST)
        found, count = ndimage.label(top_hat > least, np.ones((3, 3)))
        where = ndimage.find_objects(found)
        if not where:
            continue
        every = np.arange(1, count + 1)
        ends = np.array([[(s.start, s.stop) for s in place] for place in where], dtype=np.float64)
        length = (ends[..., 1] - ends[..., 0]).max(1)
        pixels = np.bincount(found.ravel(), minlength=count + 1)[1:]
        contrast = ndimage.maximum(top_hat, found, every)
        step = ndimage.maximum(steps, found, every)
        letter = (length >= SMALLEST) & (length <= LARGEST) & (pixels >= FEWEST_PIXELS)
        letter &= step >= SHARP * contrast
        shade = ndimage.mean(bright, found, every)
        ink = ndimage.uniform_filter(top_hat, SPECK) > np.maximum(LITTLE * noise, FAINTER)
        yield _Letters(ends.mean(2)[letter], length[letter], shade[letter]), ink


def _rows(letters: _Letters, least: int) -> Iterator[Int[np.ndarray, " k"]]:
    """Yield the letters of each row that is long enough, once from each of its letters at most."""
    if len(letters) < least:
        return
    if len(letters) > MANY:  # noise, or a page of text: no one can tell without looking
        yield np.arange(len(letters))
        return
    tree = cKDTree(letters.middle)
    for first in range(len(letters)):
        reach = (2 + STEP) * letters.length[first] * least
        near = np.array(tree.query_ball_point(letters.middle[first], reach))
        near = near[_alike(letters, near, first)]
        if len(near) < least:
            continue
        row = _longest_row(letters, near, first)
        if len(row) >= least:
            yield row


def _alike(letters: _Letters, others: Int[np.ndarray, " n"], first: int) -> Bool[np.ndarray, " n"]:
    ratio = letters.length[others] / letters.length[first]
    alike: Bool[np.ndarray, " n"] = (
        (ratio < ALIKE_LENGTH)
        & (ratio > 1 / ALIKE_LENGTH)
        & (np.abs(letters.shade[others] - letters.shade[first]) < ALIKE_SHADE)
    )
    return alike


def _longest_row(
    letters: _Letters, near: Int[np.ndarray, " n"], first: int
) -> Int[np.ndarray, " k"]:
    """Follow the line through a letter and each of its neighbours; return the longest row."""
    length = letters.length[first]
    away = letters.middle[near] - letters.middle[first]
    distance = np.hypot(*away.T)
    best = near[:0]
    for direction in away[(distance > 0) & (distance < PARTNER * length)]:
        unit = direction / np.hypot(*direction)
        along = (away @ unit).round(6)  # that of the first letter is 0
        off = np.abs(away @ np.array([-unit[1], unit[0]]))
        ahead = np.nonzero((off < OFF_LINE * length) & (along >= 0))[0]
        ahead = ahead[np.argsort(along[ahead])]
        gaps = np.nonzero(np.diff(along[ahead]) > STEP * length)[0]
        row = near[ahead[: gaps[0] + 1] if len(gaps) else ahead]
        if len(row) > len(best):
            best = row
    return best


def _box(
    letters: _Letters, row: Int[np.ndarray, " k"], ink: Bool[np.ndarray, "h w"], scale: int
) -> Box:
    """Return the box of a row, as far as ink goes on along it.

    What goes on may be too faint or too unlike to be told for letters.
    """
    half = letters.length[row].max() / 2 + 1
    ends = letters.middle[row[[0, -1]]]
    way = ends[1] - ends[0]
    unit = way / max(np.hypot(*way), 1.0)
    on = _going_on(ink, ends[1], unit, half), _going_on(ink, ends[0], -unit, half)
    every = np.array([*letters.middle[row], ends[1] + on[0] * unit, ends[0] - on[1] * unit])
    top, left = (every.min(0) - half) * scale
    bottom, right = (every.max(0) + half) * scale
    return Box(int(max(0, left)), int(max(0, top)), int(right) + 1, int(bottom) + 1)


def _going_on(
    ink: Bool[np.ndarray, "h w"],
    begin: Float[np.ndarray, " 2"],
    unit: Float[np.ndarray, " 2"],
    half: float,
) -> int:
    """Return how many pixels ink goes on from a place, but for gaps of `FREE` letters."""
    along = np.arange(sum(ink.shape))[:, None, None] * unit
    across = np.arange(-half, half + 1)[:, None] * np.array([-unit[1], unit[0]])
    y, x = np.moveaxis((begin + along + across).round().astype(int), -1, 0)
    inside = (y >= 0) & (x >= 0) & (y < ink.shape[0]) & (x < ink.shape[1])
    marks = np.flatnonzero(
        (inside & ink[y.clip(0, len(ink) - 1), x.clip(0, ink.shape[1] - 1)]).any(1)
    )
    gaps = np.flatnonzero(np.diff(marks, prepend=0) > 2 * half * FREE)
    reached = marks[: gaps[0]] if len(gaps) else marks
    return int(reached[-1]) if len(reached) else 0
