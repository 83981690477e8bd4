"""Which pictures are nearly the same, so that they belong to one part: slices of one scan."""

import math
from collections import defaultdict

import numpy as np
from jaxtyping import Float32, Int, UInt8

from acir.types import ImageRecord

SIDE = 8  # cells; their squared distances are whole numbers below 2**24, exact in float32
LEVELS = 255
NEIGHBOURS = 5  # that a picture may be nearly the same as
FAR = 20  # the neighbour whose distance is an ordinary one
HALFWAY = 10  # the neighbour that tells, with it, in how many ways pictures differ
NEAR = 0.5  # of that distance
LARGEST = 0.01  # of all pictures in one group; beyond, what is near is not one scan
MOST = 50_000  # pictures; every one is compared with every other
ASKED = 2000  # pictures, at most, that say in how many ways all differ
CHUNK = 256

Cells = UInt8[np.ndarray, "n cells"]
Groups = Int[np.ndarray, " n"]


def cells(record: ImageRecord) -> UInt8[np.ndarray, " cells"]:
    """Return the mean grey of 8 x 8 cells, 0 to 255.

    A picture of fewer pixels repeats them; values that are no finite number count as an end of the
    range.
    """
    low, high = record.value_range
    pixels = np.nan_to_num(record.pixels.astype(np.float64), nan=low, posinf=high, neginf=low)
    if record.is_colour:
        pixels = pixels.mean(axis=2)
    for axis in (0, 1):
        side = pixels.shape[axis]
        starts = np.arange(SIDE) * side // SIDE
        sizes = np.maximum(np.diff(starts, append=side), 1)
        sums = np.add.reduceat(pixels, starts, axis=axis)
        pixels = sums / (sizes[:, None] if axis == 0 else sizes)
    found: UInt8[np.ndarray, " cells"] = (
        (LEVELS * ((pixels - low) / (high - low)).clip(0, 1)).round().astype(np.uint8).ravel()
    )
    return found


def together(pictures: Cells) -> Groups:
    """Say which pictures are nearly the same: equal numbers stand for one group.

    A picture is nearly the same as one of its five nearest neighbours if it is less than half as
    far from it as from the twentieth. This has no unit, so it needs no limit of its own for each
    kind of pictures: neighbouring slices of one scan are near in this sense, pictures of different
    patients hardly ever. Groups join by their nearest pairs first, and to no more than 1 % of all
    pictures, at least two.

    Each is a group of its own where no more are near than chance would bring, as among drawings
    that differ in few ways, and with fewer than 21 pictures or more than 50,000.

    Args:
        pictures: What `cells` says of each.

    Returns:
        A number for each picture: the row of some picture of its group.
    """
    count = len(pictures)
    alone = np.arange(count)
    if not FAR < count <= MOST:
        return alone
    looks = pictures.astype(np.float32)
    neighbours, apart = _nearest(looks, alone)
    limit = NEAR**2 * apart[:, -1]
    groups = _joined(neighbours, apart, limit)
    near = np.mean(apart[:, 0] < limit)
    return groups if near > _share_by_chance(looks[np.unique(groups)]) else alone


class Draws:
    """The draws of pictures, where nearly equal ones without a patient get the same.

    Pictures of one patient have one draw already.
    """

    def __init__(self) -> None:
        self._draws: list[float] = []
        self._nameless: list[int] = []
        self._keys: list[str] = []
        self._looks: list[UInt8[np.ndarray, " cells"]] = []

    def add(self, record: ImageRecord) -> None:
        """Take a picture in."""
        if record.patient is None:
            self._nameless.append(len(self._draws))
            self._keys.append(record.pixel_hash)
            self._looks.append(cells(record))
        self._draws.append(record.draw)

    def shared(self) -> tuple[list[float], int]:
        """Return a draw for each picture, and how many without a patient have company.

        The draw of a group is that of its picture with the lowest pixel hash: one chosen by the
        size of the draws would favour some part.
        """
        found, members = list(self._draws), defaultdict[int, list[int]](list)
        if not self._looks:
            return found, 0
        for place, group in enumerate(together(np.stack(self._looks)).tolist()):
            members[group].append(place)
        alike = [places for places in members.values() if len(places) > 1]
        for places in alike:
            draw = self._draws[self._nameless[min(places, key=self._keys.__getitem__)]]
            for place in places:
                found[self._nameless[place]] = draw
        return found, sum(map(len, alike))


def _nearest(
    looks: Float32[np.ndarray, "n cells"], rows: Int[np.ndarray, " some"]
) -> tuple[Int[np.ndarray, "some neighbours"], Float32[np.ndarray, "some neighbours"]]:
    """Return the twenty nearest of some of them, nearest first, and their squared distances."""
    squares = np.square(looks).sum(axis=1)
    found = []
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        apart = squares[some, None] + squares - 2 * looks[some] @ looks.T
        apart[np.arange(len(some)), some] = np.inf
        nearest = np.argpartition(apart, FAR - 1, axis=1)[:, :FAR]
        distances = np.take_along_axis(apart, nearest, axis=1)
        order = np.argsort(distances, axis=1, kind="stable")
        found.append([np.take_along_axis(x, order, axis=1) for x in (nearest, distances)])
    neighbours, distances = (np.concatenate(column) for column in zip(*found, strict=True))
    return neighbours, distances


def _joined(
    neighbours: Int[np.ndarray, "n neighbours"],
    apart: Float32[np.ndarray, "n neighbours"],
    limit: Float32[np.ndarray, " n"],
) -> Groups:
    """Join each to those of its nearest that are nearer than its limit, the nearest pairs first."""
    rows, places = np.nonzero(apart[:, :NEIGHBOURS] < limit[:, None])
    others, ratios = neighbours[rows, places], apart[rows, places] / apart[rows, -1]
    count = len(apart)
    most = max(2, int(LARGEST * count))
    parents, sizes = list(range(count)), [1] * count

    def group(row: int) -> int:
        while parents[row] != row:
            parents[row] = row = parents[parents[row]]
        return row

    order = np.lexsort((others, rows, ratios))
    for row, other in zip(rows[order].tolist(), others[order].tolist(), strict=True):
        one, two = group(row), group(other)
        if one != two and sizes[one] + sizes[two] <= most:
            parents[one] = two
            sizes[two] += sizes[one]
    return np.array([group(row) for row in range(count)])


def _share_by_chance(looks: Float32[np.ndarray, "n cells"]) -> float:
    """Return which share of pictures would have a near neighbour if they were independent.

    Around a picture that differs from others in d ways, k neighbours lie within a distance that
    grows as the d-th root of k. So d follows from how much farther the twentieth is than the tenth
    (Pettis et al. 1979, IEEE TPAMI 1, 25-37), and each of the nineteen that are nearer than the
    twentieth is at less than half its distance with a chance of one half to the power of d.

    Args:
        looks: One picture of each group, as slices of one scan would say how a scan varies.

    Returns:
        0 where too few pictures that differ are given to know.
    """
    if len(looks) <= FAR:
        return 0.0
    _, apart = _nearest(looks, np.arange(0, len(looks), math.ceil(len(looks) / ASKED)))
    some = apart[apart[:, HALFWAY - 1] > 0]
    if not len(some):
        return 0.0
    growth = np.median(some[:, -1] / some[:, HALFWAY - 1]) ** 0.5
    ways = math.log(FAR / HALFWAY) / math.log(growth) if growth > 1 else math.inf
    return float(1 - (1 - NEAR**ways) ** (FAR - 1))
