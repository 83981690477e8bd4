"""Which pictures are nearly the same, so that they belong to one part: slices of one scan."""

from collections import defaultdict

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from acir.types import ImageRecord

SIDE = 8  # cells; their squared distances are whole numbers below 2**24, exact in float32
LEVELS = 255
NEIGHBOURS = 5  # that a picture may be nearly the same as
FAR = 20  # the neighbour whose distance is an ordinary one
NEAR = 0.5  # of that distance
LARGEST = 0.01  # of all pictures in one group; beyond, what is near is not one scan
MOST = 50_000  # pictures; every one is compared with every other
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

    With fewer than 21 pictures, or more than 50,000, each is a group of its own.

    Args:
        pictures: What `cells` says of each.

    Returns:
        A number for each picture: the row of some picture of its group.
    """
    count = len(pictures)
    if not FAR < count <= MOST:
        return np.arange(count)
    rows, others, ratios = _near_pairs(pictures.astype(np.float32))
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


def _near_pairs(
    pictures: Float32[np.ndarray, "n cells"],
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"], Float32[np.ndarray, " pairs"]]:
    """Return rows, their near neighbours, and the ratio of the squared distances."""
    squares = np.square(pictures).sum(axis=1)
    found = []
    for start in range(0, len(pictures), CHUNK):
        some = pictures[start : start + CHUNK]
        apart = squares[start : start + CHUNK, None] + squares - 2 * some @ pictures.T
        places = np.arange(len(some))
        apart[places, start + places] = np.inf
        nearest = np.argpartition(apart, FAR - 1, axis=1)[:, :FAR]
        distances = np.take_along_axis(apart, nearest, axis=1)
        order = np.argsort(distances, axis=1, kind="stable")
        nearest, distances = (np.take_along_axis(x, order, axis=1) for x in (nearest, distances))
        near: Bool[np.ndarray, "some neighbours"] = (
            distances[:, :NEIGHBOURS] < NEAR**2 * distances[:, -1:]
        )
        row, place = np.nonzero(near)
        found.append((start + row, nearest[row, place], distances[row, place] / distances[row, -1]))
    rows, others, ratios = (np.concatenate(column) for column in zip(*found, strict=True))
    return rows, others, ratios
