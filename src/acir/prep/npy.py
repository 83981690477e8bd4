"""One array of an `.npz` file, streamed row by row out of its zip, never unpickled."""

import zipfile
from collections.abc import Iterator
from math import prod

import numpy as np
from jaxtyping import Shaped
from numpy.lib import format as npy

READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class StoredArray:
    """The array `name` of an open `.npz` file; it can be read once.

    Attributes:
        shape: As stored.
        dtype: As stored, maybe of the other byte order.

    Raises:
        ValueError: It holds Python objects or is stored column by column.
        zipfile.BadZipFile, EOFError, OSError: It is damaged; also while it is read.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._stream = archive.open(f"{name}.npy")
        version = npy.read_magic(self._stream)
        if version not in READERS:
            raise ValueError(f"it is of the unknown version {version}")
        self.shape, by_column, self.dtype = READERS[version](self._stream)
        if self.dtype.hasobject:
            raise ValueError("it holds Python objects, which are never loaded")
        if by_column and len(self.shape) > 1:
            raise ValueError("it is in Fortran order; save numpy.ascontiguousarray of it")

    @property
    def row_bytes(self) -> int:
        """Return the size of one row."""
        return prod(self.shape[1:]) * self.dtype.itemsize

    def __iter__(self) -> Iterator[Shaped[np.ndarray, "..."]]:
        """Yield each row, in the machine's byte order."""
        for _ in range(self.shape[0]):
            yield self._take(self.shape[1:])

    def whole(self, most_bytes: int) -> Shaped[np.ndarray, "..."]:
        """Return the whole array.

        Raises:
            ValueError: It is larger than `most_bytes`.
            EOFError: It ends early.
        """
        size = prod(self.shape) * self.dtype.itemsize
        if size > most_bytes:
            raise ValueError(f"it has {size:,} bytes, expected at most {most_bytes:,}")
        return self._take(self.shape)

    def _take(self, shape: tuple[int, ...]) -> Shaped[np.ndarray, "..."]:
        size = prod(shape) * self.dtype.itemsize
        data = self._stream.read(size)
        if len(data) < size:
            raise EOFError("it ends early")
        stored = np.frombuffer(data, dtype=self.dtype).reshape(shape)
        return stored.astype(self.dtype.newbyteorder("="), copy=False)
