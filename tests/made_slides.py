"""Slides drawn in code: TIFF files in tiles (TIFF 6.0, sections 2 and 15), which OpenSlide reads.

Tiles of equal content are stored once, so a slide of many megapixels is a small file.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

GLASS = (242, 242, 240)
PINK = (200, 120, 180)
TILE = 64
SHORT, LONG, RATIONAL, ASCII = 3, 4, 5, 2
SIZES = {SHORT: 2, LONG: 4, RATIONAL: 8, ASCII: 1}
CENTIMETRE, MICROMETRES = 3, 10_000
Fields = list[tuple[int, int, bytes]]


@dataclass(frozen=True)
class Page:
    """A picture of the file: a level where it is in tiles, else a label or a macro picture."""

    pixels: np.ndarray
    in_tiles: bool = True
    description: str = ""


def glass(width: int, height: int) -> np.ndarray:
    """Return an empty slide."""
    return np.full((height, width, 3), GLASS, np.uint8)


def pyramid(finest: np.ndarray, factors: Sequence[int] = (1, 4)) -> list[Page]:
    """Return a slide at several resolutions; its sides must be multiples of the factors."""
    height, width, _ = finest.shape
    return [
        Page(finest.reshape(height // f, f, width // f, f, 3).mean((1, 3)).round().astype(np.uint8))
        for f in factors
    ]


def tiff(pages: Sequence[Page], mpp: float | None = None) -> bytes:
    """Return a file of these pages; what tells where things lie comes first, the pixels last."""
    room = 8 + sum(len(_directory(_fields(page, [0] * len(_parts(page)), mpp, n), 0, 0))
                   for n, page in enumerate(pages))  # fmt: skip
    contents: dict[bytes, int] = {}
    end = room
    places = []
    for page in pages:
        offsets = []
        for part in _parts(page):
            if part not in contents:
                contents[part], end = end, end + len(part)
            offsets.append(contents[part])
        places.append(offsets)
    file = b"II*\0" + struct.pack("<I", 8)
    for number, (page, offsets) in enumerate(zip(pages, places, strict=True)):
        fields = _fields(page, offsets, mpp, number)
        last = number == len(pages) - 1
        file += _directory(fields, len(file), last)
    assert len(file) == room
    return file + b"".join(contents)


def _parts(page: Page) -> list[bytes]:
    """Return the tiles row by row, those at the border filled up, or all of it as one strip."""
    height, width, _ = page.pixels.shape
    if not page.in_tiles:
        return [page.pixels.tobytes()]
    full = np.pad(page.pixels, ((0, -height % TILE), (0, -width % TILE), (0, 0)), mode="edge")
    return [
        full[y : y + TILE, x : x + TILE].tobytes()
        for y, x in product(range(0, height, TILE), range(0, width, TILE))
    ]


def _fields(page: Page, offsets: list[int], mpp: float | None, number: int) -> Fields:
    height, width, _ = page.pixels.shape
    parts = [len(part) for part in _parts(page)]
    fields = {
        254: (LONG, [int(number > 0)]),  # a smaller version of another page
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [8, 8, 8]),
        259: (SHORT, [1]),  # not compressed
        262: (SHORT, [2]),  # RGB
        277: (SHORT, [3]),
        284: (SHORT, [1]),
    }
    where, sizes = (324, 325) if page.in_tiles else (273, 279)
    fields |= {where: (LONG, offsets), sizes: (LONG, parts)}
    fields |= (
        {322: (LONG, [TILE]), 323: (LONG, [TILE])} if page.in_tiles else {278: (LONG, [height])}
    )
    if mpp is not None:
        resolution = [round(MICROMETRES / mpp * 1000), 1000]
        fields |= {282: (RATIONAL, resolution), 283: (RATIONAL, resolution)}
        fields |= {296: (SHORT, [CENTIMETRE])}
    packed = {tag: (kind, _packed(kind, values)) for tag, (kind, values) in fields.items()}
    if page.description:
        packed[270] = (ASCII, page.description.encode() + b"\0")
    return [(tag, *packed[tag]) for tag in sorted(packed)]


def _packed(kind: int, values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}{'H' if kind == SHORT else 'I'}", *values)


def _directory(fields: Fields, start: int, last: bool | int) -> bytes:
    """Return a directory that lies at an offset, with the values that do not fit into it."""
    beside = b""
    behind = start + 2 + 12 * len(fields) + 4
    entries = b""
    for tag, kind, value in fields:
        entries += struct.pack("<HHI", tag, kind, len(value) // SIZES[kind])
        if len(value) <= 4:
            entries += value.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", behind + len(beside))
            beside += value + b"\0" * (len(value) % 2)
    following = 0 if last else behind + len(beside)
    return struct.pack("<H", len(fields)) + entries + struct.pack("<I", following) + beside
