"""A slide that is open in a process of its own."""

import os
from contextlib import AbstractContextManager
from importlib.util import find_spec
from math import inf
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from acir.disposable.messages import BrokenWireError, Message, pixels_of
from acir.disposable.worker import Worker
from acir.errors import ComponentError
from acir.slides.tiles import Look, Tile

CHILD = "acir.slides.child"
SECONDS = 60.0  # for a look or a tile: slides lie on network disks
MEMORY = 3 * 2**30  # address space of the child
COLOURS = 3


class OpenedSlide(AbstractContextManager["OpenedSlide"]):
    """A slide and the process that reads it, which ends with the `with` statement.

    Args:
        path: The file; formats of several files are named by the one that OpenSlide opens.
        name: What to call it in an error; it must not identify.

    Raises:
        ComponentError: OpenSlide is not installed.
        GuardError: The process cannot be started.
    """

    def __init__(self, path: Path, name: str) -> None:
        if find_spec("openslide") is None:
            raise ComponentError(
                "whole slides need 'openslide', which is not installed. Install it with: pip "
                "install 'acir[wsi]'"
            )
        self._path, self._name = path, name
        self._worker = Worker(CHILD, SECONDS, MEMORY)

    def look(self) -> Look:
        """Open the file and look at all of it; this comes before any tile.

        Raises:
            UnreadableImageError: It is no slide, is damaged or made the process crash.
        """
        path = os.fsencode(self._path.absolute())
        return self._worker.ask({"name": self._name}, path, _look_of)

    def tile(self, tile: Tile, side: int) -> UInt8[np.ndarray, "{side} {side} 3"]:
        """Read a tile and give it so many pixels along its edge.

        Raises:
            UnreadableImageError: It is damaged or made the process crash.
        """
        where = [tile.x, tile.y, tile.level, tile.size, side]
        asked = {"name": f"{self._name}, tile at {tile.x}, {tile.y}", "tile": where}
        return self._worker.ask(asked, b"", _colours_of)

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._worker.end()


def _look_of(said: Message, memory: int) -> Look:
    width, height = (int(side) for side in said["size"])
    downsamples = tuple(float(one) for one in said["downsamples"])
    mpp = None if said["mpp"] is None else float(said["mpp"])
    sizes = (width, height, *downsamples, 1.0 if mpp is None else mpp)
    if not downsamples or not all(0 < size < inf for size in sizes):
        raise BrokenWireError("no slide")
    return Look(width, height, downsamples, mpp, _colours_of(said, memory))


def _colours_of(said: Message, memory: int) -> UInt8[np.ndarray, "h w 3"]:
    pixels = pixels_of(said, memory)
    if pixels.dtype != np.uint8 or pixels.shape[2:] != (COLOURS,):
        raise BrokenWireError("no colours")
    return pixels
