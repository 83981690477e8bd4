"""A square of Hounsfield units on which soft-edged tissue is painted.

Positions run from -1 to 1, x to the right and y down, as a supine patient is displayed: front
above, the patient's right on the left. What is painted later covers what was painted before.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float32

from acir.sources.phantom.noise import Field, smooth_noise
from acir.sources.phantom.oval import Oval

AIR = -1000.0

Point = tuple[float, float]
Box = tuple[slice, slice]
Part = Float32[np.ndarray, "h w"]


class Canvas:
    """Tissue in Hounsfield units; all air at first.

    Args:
        rng: Decides every variation of the slice.
        side: Pixels along an edge.
    """

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.rng = rng
        self.hu: Field = np.full((side, side), AIR, dtype=np.float32)
        self._axis = axis(side)
        self._pixel = 2 / side
        self._slow = smooth_noise(rng, side, 7)
        self._fast = smooth_noise(rng, side, 30)
        self._bounds: Field | None = None

    def between(self, low: float, high: float) -> float:
        """Draw a number evenly."""
        return float(self.rng.uniform(low, high))

    def about(self, mean: float, deviation: float) -> float:
        """Draw a normal number, at most two and a half deviations away."""
        return mean + deviation * float(np.clip(self.rng.standard_normal(), -2.5, 2.5))

    def chance(self, probability: float) -> bool:
        """Decide."""
        return bool(self.rng.random() < probability)

    def vary(self, oval: Oval, amount: float = 0.06) -> Oval:
        """Return the oval moved, stretched and turned by about `amount` of its size."""
        reach = min(oval.rx, oval.ry)
        return replace(
            oval,
            x=self.about(oval.x, amount * reach),
            y=self.about(oval.y, amount * reach),
            rx=oval.rx * self.about(1.0, amount),
            ry=oval.ry * self.about(1.0, amount),
            turn=self.about(oval.turn, 60 * amount),
        )

    def confine(self, oval: Oval) -> None:
        """Keep all that is painted from now on inside an oval: the body."""
        self._bounds = self.cover(oval)

    def cover(self, oval: Oval, *, rough: float = 0.0) -> Field:
        """Return how far an oval covers each pixel, in [0, 1].

        Args:
            oval: Where.
            rough: Slow deviation of the outline, as a length.
        """
        covered = np.zeros_like(self.hu)
        box = self._around(oval, 3 * rough)
        covered[box] = self._covered(oval, box, rough, 0.0)
        return covered

    def fill(self, covered: Field, hu: float) -> None:
        """Lay tissue over the pixels that are covered."""
        self._lay((slice(None), slice(None)), covered, hu)

    def paint(
        self,
        oval: Oval,
        hu: float,
        *,
        rough: float = 0.0,
        curled: float = 0.0,
        inside: Field | None = None,
    ) -> Field:
        """Fill an oval, where `inside` covers it, and return how far it covers each pixel.

        Args:
            oval: Where.
            hu: What it is filled with, in Hounsfield units.
            rough: Slow deviation of the outline, as a length.
            curled: Fast deviation of the outline, as a length.
            inside: How far each pixel may be filled, in [0, 1]; None for wholly.
        """
        box = self._around(oval, 3 * (rough + curled))
        part = self._covered(oval, box, rough, curled)
        if inside is not None:
            part = part * inside[box]
        self._lay(box, part, hu)
        covered = np.zeros_like(self.hu)
        covered[box] = part
        return covered

    def stroke(
        self,
        points: Sequence[Point],
        width: float,
        hu: float,
        *,
        taper: float = 1.0,
        inside: Field | None = None,
    ) -> None:
        """Draw a line through points; its width is multiplied by `taper` after every stretch."""
        for start, end in pairwise(points):
            box, away = self._distance(start, end, width)
            # A line thinner than a pixel fades instead of breaking into dots.
            half = max(width, self._pixel) / 2
            covered = np.clip(0.5 + (half - away) / self._pixel, 0, min(1.0, width / self._pixel))
            if inside is not None:
                covered = covered * inside[box]
            self._lay(box, covered, hu)
            width *= taper

    def above(self, y: float) -> Field:
        """Return a mask of what lies above a level line, as gas does in a supine patient."""
        step = np.clip(0.5 + (y - self._axis) / self._pixel, 0, 1).astype(np.float32)
        return np.repeat(step[:, None], len(step), axis=1)

    def _lay(self, box: Box, covered: Part, hu: float) -> None:
        if self._bounds is not None:
            covered = covered * self._bounds[box]
        self.hu[box] += covered * (np.float32(hu) - self.hu[box])

    def _covered(self, oval: Oval, box: Box, rough: float, curled: float) -> Part:
        depth = oval.depth(self._axis[box[1]], self._axis[box[0]])
        if rough:
            depth += np.float32(rough) * self._slow[box]
        if curled:
            depth += np.float32(curled) * self._fast[box]
        return np.clip(0.5 + depth / np.float32(self._pixel), 0, 1)

    def _around(self, oval: Oval, margin: float) -> Box:
        longest, margin = max(oval.rx, oval.ry), margin + 2 * self._pixel
        wide, high = (longest, longest) if oval.turn else (oval.rx, oval.ry)
        return self._box(oval.x, oval.y, wide + margin, high + margin)

    def _distance(self, start: Point, end: Point, width: float) -> tuple[Box, Part]:
        (x0, y0), (x1, y1) = start, end
        margin = width / 2 + 2 * self._pixel
        wide, high = abs(x1 - x0) / 2 + margin, abs(y1 - y0) / 2 + margin
        box = self._box((x0 + x1) / 2, (y0 + y1) / 2, wide, high)
        dx, dy = np.float32(x1 - x0), np.float32(y1 - y0)
        x, y = self._axis[box[1]] - np.float32(x0), (self._axis[box[0]] - np.float32(y0))[:, None]
        along = np.clip((x * dx + y * dy) / (dx * dx + dy * dy), 0, 1)
        away_x, away_y = x - along * dx, y - along * dy
        return box, np.sqrt(away_x * away_x + away_y * away_y)

    def _box(self, x: float, y: float, wide: float, high: float) -> Box:
        return self._span(y, high), self._span(x, wide)

    def _span(self, centre: float, reach: float) -> slice:
        side = len(self.hu)
        first, last = ((centre + sign * reach + 1) / 2 * side for sign in (-1, 1))
        return slice(min(max(0, int(first)), side), min(max(0, int(last) + 1), side))


@cache
def axis(side: int) -> Float32[np.ndarray, " side"]:
    """Return the positions of the pixel centres along an edge."""
    return ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
