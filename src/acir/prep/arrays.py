"""MedMNIST-style `.npz` files, one picture at a time: a 224-pixel one unpacks to 13 GB."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from einops import rearrange
from jaxtyping import Shaped

from acir.errors import SourceError, UnreadableImageError
from acir.prep.decode import MAX_BYTES, Picture, natural_range
from acir.prep.npy import StoredArray
from acir.types import SPLITS, Split

CHANNELS = ((), (1,), (3,))  # what may follow number, height and width
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


@dataclass(frozen=True)
class Item:
    """One picture of an array file.

    Attributes:
        position: Its place in the array of its split, from 0.
        pixels: As stored.
        labels: Its class names.
        file: The file it was made from, where the arrays say so.
    """

    position: int
    pixels: Shaped[np.ndarray, "..."]
    labels: tuple[str, ...]
    file: str | None

    def picture(self, name: str) -> Picture:
        """Give the pixels their range.

        Raises:
            UnreadableImageError: They are not finite.
        """
        try:
            return Picture(self.pixels, natural_range(self.pixels))
        except ValueError as error:
            raise UnreadableImageError(name, str(error)) from error


class ArrayFile:
    """`{train,val,test}_images` with `_labels`, and where present `_files` and `class_names`.

    Images are `(n, height, width)`, with one or three channels behind. Labels are class numbers,
    `(n, 1)` or `(n,)`, or 0 and 1 for every class, `(n, classes)`, where a picture may have
    several. Without class names, a class is called by its number.

    Args:
        path: The file.
        class_names: Used where the file has none of its own.

    Raises:
        SourceError: It is no `.npz` file, or holds no images.
    """

    def __init__(self, path: Path, class_names: Sequence[str] = ()) -> None:
        self._path = path
        self._given_names = tuple(class_names)
        with self._readable("its list of arrays"), zipfile.ZipFile(path) as archive:
            self._held = {name.removesuffix(".npy") for name in archive.namelist()}
        if not any(f"{split}_images" in self._held for split in SPLITS):
            raise SourceError(
                f"{path} holds the arrays {', '.join(sorted(self._held)[:9]) or 'none'}, expected "
                f"at least one of {', '.join(f'{split}_images' for split in SPLITS)}"
            )

    def items(self, split: Split) -> Iterator[Item]:
        """Yield the pictures of a split in order; none where there is no such split.

        Raises:
            SourceError: An array is damaged, has an unfit shape or type, or a label is outside
                the class list.
        """
        name = f"{split}_images"
        if name not in self._held:
            return
        with self._readable(name), zipfile.ZipFile(self._path) as archive:
            images = StoredArray(archive, name)
            _check_images(images)
            labels = self._labels(archive, split, images.shape[0])
            files = self._texts(archive, f"{split}_files")
            for position, pixels in enumerate(images):
                if pixels.shape[2:] == (1,):
                    pixels = rearrange(pixels, "height width 1 -> height width")  # noqa: PLW2901 - the same picture
                file = files[position] if position < len(files) else None
                yield Item(position, pixels, labels[position], file)

    def _labels(
        self, archive: zipfile.ZipFile, split: Split, count: int
    ) -> Sequence[tuple[str, ...]]:
        name = f"{split}_labels"
        if name not in self._held:
            return [()] * count
        names = self._texts(archive, "class_names") or self._given_names
        with self._readable(name):
            table = StoredArray(archive, name).whole(MAX_BYTES)
            table = rearrange(table, "n -> n 1") if table.ndim == 1 else table
            if table.ndim != 2 or len(table) != count or table.dtype.kind not in "ui":  # noqa: PLR2004 - pictures, classes
                raise ValueError(
                    f"it has shape {table.shape} and type {table.dtype} for {count} images, "
                    f"expected whole numbers, ({count}, 1) or ({count}, classes)"
                )
            if table.shape[1] == 1:
                return [(_name(int(number), names),) for number in table[:, 0]]
            return _names_of_many(table, names)

    def _texts(self, archive: zipfile.ZipFile, name: str) -> tuple[str, ...]:
        if name not in self._held:
            return ()
        with self._readable(name):
            return tuple(str(text) for text in StoredArray(archive, name).whole(MAX_BYTES).flat)

    @contextmanager
    def _readable(self, what: str) -> Iterator[None]:
        try:
            yield
        except DAMAGE as error:
            raise SourceError(
                f"{self._path} cannot be read, {what}: {error}; save or download it again"
            ) from error


def _check_images(images: StoredArray) -> None:
    if len(images.shape) < 3 or images.shape[3:] not in CHANNELS:  # noqa: PLR2004 - n, height, width
        raise ValueError(
            f"it has shape {images.shape}, expected (n, height, width) or (n, height, width, 3)"
        )
    if images.dtype.kind not in "uif" or not 0 < images.row_bytes <= MAX_BYTES:
        raise ValueError(
            f"it has {images.row_bytes:,} bytes of type {images.dtype} a picture, expected numbers "
            f"and at most {MAX_BYTES:,} bytes"
        )


def _name(number: int, names: Sequence[str]) -> str:
    if not names:
        return str(number)
    if not 0 <= number < len(names):
        raise ValueError(f"the label {number} is outside the class list of {len(names)} names")
    return names[number]


def _names_of_many(
    table: Shaped[np.ndarray, "n classes"], names: Sequence[str]
) -> list[tuple[str, ...]]:
    if not np.isin(table, (0, 1)).all():
        raise ValueError("it has several columns, expected 0 and 1 for every class")
    called = [_name(number, names) for number in range(table.shape[1])]
    return [tuple(c for c, has in zip(called, row, strict=True) if has) for row in table]
