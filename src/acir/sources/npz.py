"""Pictures stored as arrays, as MedMNIST has them."""

from collections.abc import Iterator
from pathlib import Path

from acir.errors import UnreadableImageError
from acir.prep.arrays import ArrayFile
from acir.sources.base import Source, SourceOptions, array_entries
from acir.types import ImageRecord


class NpzSource(Source):
    """The pictures of an `.npz` file; `ArrayFile` says what it must hold.

    The id of a picture is its split and its place in it, as in `train/000012`.
    """

    suffixes = (".npz",)

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(location, options)
        self._arrays = ArrayFile(Path(location))

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the pictures in the order of the arrays, of train, val and test."""
        return self.decoded(array_entries(self._arrays, self.options.splits))
