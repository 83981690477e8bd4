"""Slices of a body that never was: something to show where there are no pictures to use."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import ClassVar

from acir.sources.base import Source, SourceOptions
from acir.sources.phantom.request import SIDE, parse
from acir.sources.phantom.slices import drawn
from acir.splits import drawn_for_calibration
from acir.types import ImageRecord, Split, pixel_hash

# Any ten neighbours are split 7 : 1 : 2, and four pictures already have every split.
_SPLITS: tuple[Split, ...] = (
    "train", "test", "train", "val", "train", "train", "test", "train", "train", "train",
)  # fmt: skip


class Phantom(Source):
    """Generated CT-like slices of eleven or sixteen classes, or smears of blood in colour.

    ========================  ==============================================
    `phantom:`                60 slices of each of eleven classes
    `phantom:N`               N slices of each
    `phantom:ct16`            60 slices of each of sixteen classes: those and
                              five more findings
    `phantom:ct16,N`          N slices of each
    `phantom:smear`           60 stained blood smears, a kind foreign to CT
    `phantom:smear,N`         N of them
    `@SIDE` behind any        SIDE pixels along an edge, 64 to 512, not 128
    ========================  ==============================================

    Slice i of a class is the same whatever N is, and shows the same body whatever the side is:
    it is drawn anew, not enlarged. Every id begins with `phantom/` and the metadata says
    `synthetic: yes`. Splits go by position, 70/10/20; there are no patients.

    Raises:
        SourceError: The words after `phantom:` are none of these.
    """

    schemes: ClassVar[tuple[str, ...]] = ("phantom",)

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(f"phantom:{location}", options)
        self._request = parse(location)

    def records(self) -> Iterator[ImageRecord]:
        """Draw the pictures of the wanted splits, class by class."""
        for name in self._request.classes:
            for index in range(self._request.count):
                split = _SPLITS[index % len(_SPLITS)]
                if split in self.options.splits:
                    yield _record(name, index, split, self._request.side)


def _record(name: str, index: int, split: Split, side: int) -> ImageRecord:
    pixels = drawn(name, index, side)
    size = "" if side == SIDE else f"@{side}"  # two sizes of a slice can be in one index
    return ImageRecord(
        id=f"phantom/{name}/{index:05d}{size}",
        pixels=pixels,
        value_range=(0.0, 255.0),
        split=split,
        draw=drawn_for_calibration(pixel_hash(pixels)),
        labels=(name,),
        metadata=MappingProxyType({"synthetic": "yes"}),
    )
