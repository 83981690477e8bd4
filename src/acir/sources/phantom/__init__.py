"""Slices of a body that never was: something to show where there are no pictures to use."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar
from zlib import crc32

import numpy as np
from jaxtyping import UInt8

from acir.errors import SourceError
from acir.sources.base import Source, SourceOptions, drawn_for_calibration
from acir.sources.phantom import abdomen, chest, head, pelvis
from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.exposure import Window, expose
from acir.sources.phantom.smear import smear
from acir.types import ImageRecord, Split, pixel_hash

SIDE = 128
DRAWN_SIDE = 192  # drawn finer than shown, so that outlines stay smooth after the pose
PER_CLASS = 60
MOST = 100_000

Draw = Callable[[Canvas], None]
Pixels = UInt8[np.ndarray, "..."]

# Any ten neighbours are split 7 : 1 : 2, and four pictures already have every split.
_SPLITS: tuple[Split, ...] = (
    "train", "test", "train", "val", "train", "train", "test", "train", "train", "train",
)  # fmt: skip

_BRAIN, _THORAX = Window(-12.0, 92.0, 5.0), Window(-800.0, 300.0, 28.0)
_SOFT, _PELVIC = Window(-190.0, 260.0, 16.0), Window(-190.0, 300.0, 15.0)
_SLICES: MappingProxyType[str, tuple[Draw, Window]] = MappingProxyType(
    {
        "head": (head.head, _BRAIN),
        "head-haemorrhage": (head.haemorrhage, _BRAIN),
        "chest": (chest.chest, _THORAX),
        "chest-nodule": (chest.nodule, _THORAX),
        "chest-effusion": (chest.effusion, _THORAX),
        "liver": (abdomen.liver, _SOFT),
        "liver-lesion": (abdomen.lesion, _SOFT),
        "kidneys": (abdomen.kidneys, _SOFT),
        "pelvis": (pelvis.pelvis, _PELVIC),
        "hips": (pelvis.hips, _PELVIC),
        "thighs": (pelvis.thighs, _PELVIC),
    }
)
_SMEAR = "smear"


@dataclass(frozen=True)
class _Request:
    classes: tuple[str, ...]
    count: int


class Phantom(Source):
    """Generated CT-like slices of eleven classes, or smears of blood in colour.

    ========================  ==============================================
    `phantom:`                60 slices of each class, 128 pixels wide
    `phantom:N`               N slices of each class
    `phantom:smear`           60 stained blood smears, a kind foreign to CT
    `phantom:smear,N`         N of them
    ========================  ==============================================

    Slice i of a class is the same whatever N is. Every id begins with `phantom/` and the
    metadata says `synthetic: yes`. Splits go by position, 70/10/20; there are no patients.

    Raises:
        SourceError: The words after `phantom:` are none of these.
    """

    schemes: ClassVar[tuple[str, ...]] = ("phantom",)

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(f"phantom:{location}", options)
        self._request = _parse(location)

    def records(self) -> Iterator[ImageRecord]:
        """Draw the pictures of the wanted splits, class by class."""
        for name in self._request.classes:
            for index in range(self._request.count):
                split = _SPLITS[index % len(_SPLITS)]
                if split in self.options.splits:
                    yield _record(name, index, split)


def _parse(location: str) -> _Request:
    kind, comma, number = location.partition(",")
    if kind != _SMEAR and not comma:
        kind, number = "", kind
    classes = {"": tuple(_SLICES), _SMEAR: (_SMEAR,)}.get(kind)
    count = int(number) if number.isdecimal() and number.isascii() else PER_CLASS
    understood = number.isdecimal() or (not number and not comma)
    if classes is None or (kind == "" and comma) or not understood or not 1 <= count <= MOST:
        raise SourceError(
            f"phantom:{location} is not understood; write phantom: or phantom:N for N slices of "
            f"each class, phantom:smear or phantom:smear,N for blood smears, N from 1 to {MOST}"
        )
    return _Request(classes, count)


def _record(name: str, index: int, split: Split) -> ImageRecord:
    pixels = _drawn(name, index)
    return ImageRecord(
        id=f"phantom/{name}/{index:05d}",
        pixels=pixels,
        value_range=(0.0, 255.0),
        split=split,
        draw=drawn_for_calibration(pixel_hash(pixels)),
        labels=(name,),
        metadata=MappingProxyType({"synthetic": "yes"}),
    )


def _drawn(name: str, index: int) -> Pixels:
    # Seeded by name, so that a class added later leaves the others as they are.
    rng = np.random.default_rng([crc32(name.encode()), index])
    if name == _SMEAR:
        return smear(rng, SIDE)
    draw, window = _SLICES[name]
    canvas = Canvas(rng, DRAWN_SIDE)
    draw(canvas)
    return expose(canvas, window, SIDE)
