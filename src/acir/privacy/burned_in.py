"""Text that names a person in the pixels themselves: which pictures may show it, and where.

PS3.15 E.3.1 has it that a person may have to look. Until one has, a picture is only let through
when a rule or a look at the pixels says that nothing is left; else the answer is a doubt, in words,
and the caller keeps the picture back.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated

import numpy as np
from jaxtyping import Bool, UInt8
from pydicom import Dataset

from acir import tables
from acir.privacy import ocr
from acir.privacy.lettering import rows_of_letters
from acir.privacy.ocr import OcrError
from acir.tables import Range, Table

# Modalities whose devices draw names into pictures, or that are pictures of screens and paper.
RISKY_MODALITIES = frozenset(("US", "IVUS", "BDUS", "ES", "XC", "SC", "OT", "DOC", "ECG"))
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
# Words of an Image Type; PROT is that of Siemens' protocol pages.
RISKY_WORDS = frozenset(
    ("SCREEN", "SCREENSAVE", "SCREENSHOT", "DOSE", "REPORT", "LABEL", "OVERVIEW", "PROT")
)
# Letters that make a row. Once some were blacked out, remains count sooner.
FEWEST_LETTERS, FEWEST_LETTERS_LEFT = 4, 3
MUCH_TEXT = 0.25  # of the picture: so much blacked out would leave too little of it
GREY_MODALITIES = frozenset(("CT", "MR", "CR", "DX", "MG", "PT", "NM", "RF", "XA", "IO", "PX"))


@dataclass(frozen=True)
class Device(Table):
    """Where devices of one kind draw names; see `devices.toml`."""

    modality: str
    manufacturer: str
    model: str
    rows: Annotated[int, Range(0)]
    columns: Annotated[int, Range(0)]
    hide: tuple[tuple[int, ...], ...]

    def drew(self, dataset: Dataset) -> bool:
        """Whether a picture comes from such a device."""
        return (
            dataset.get("Modality") == self.modality
            and self.manufacturer.casefold() in _said(dataset, "Manufacturer").casefold()
            and self.model.casefold() in _said(dataset, "ManufacturerModelName").casefold()
            and self.rows in (0, dataset.Rows)
            and self.columns in (0, dataset.Columns)
        )


@dataclass(frozen=True)
class _Rules(Table):
    device: tuple[Device, ...]


def is_risky(dataset: Dataset) -> bool:
    """Whether a picture may show a name: by its kind, whatever its pixels are.

    A file that says so is believed, and one that says no is believed too. Else it is risky as
    ultrasound, endoscopy, photograph, capture or document, or where it does not say what it is; by
    a word of its Image Type, such as SCREEN SAVE; as colour from a device that takes grey pictures;
    and as secondary, unless it has a place in the patient, as a reformatted slice has.
    """
    burned_in = _said(dataset, "BurnedInAnnotation")
    if burned_in == "NO":
        return False
    modality = _said(dataset, "Modality").strip().upper()
    kinds = set(_said(dataset, "ImageType").split())
    return (
        burned_in.upper() == "YES"
        or not modality
        or modality in RISKY_MODALITIES
        or str(dataset.get("SOPClassUID") or "").startswith(SECONDARY_CAPTURE)
        or dataset.get("SpecimenLabelInImage") == "YES"
        or bool(RISKY_WORDS & kinds)
        or (modality in GREY_MODALITIES and dataset.get("SamplesPerPixel", 1) != 1)
        or ("SECONDARY" in kinds and "ImagePositionPatient" not in dataset)
    )


def hidden(dataset: Dataset) -> Bool[np.ndarray, "h w"] | None:
    """Mark the pixels that a rule says to black out, or return None where no rule holds.

    The rules are the regions of an ultrasound picture (PS3.3 C.8.5.5), outside of which everything
    goes, and those of `devices.toml`.
    """
    found = [mask for mask in (_outside_regions(dataset), _by_device(dataset)) if mask is not None]
    return np.logical_or.reduce(found) if found else None


@dataclass(frozen=True)
class Judgement:
    """What is to be done with the pixels of a picture.

    Attributes:
        black: Pixels to black out in every frame, or None for none.
        doubt: Why text may be left after that, in words, or None where nothing speaks for it.
    """

    black: Bool[np.ndarray, "h w"] | None
    doubt: str | None


def judge(dataset: Dataset, frames: Sequence[UInt8[np.ndarray, "..."]]) -> Judgement:
    """Say what is to be blacked out in a risky picture, and whether a person has to look.

    First the rules are applied. Then words are read, where `tesseract` is installed, and rows of
    letters found by their shape, in every frame; both are blacked out in all frames. What still
    looks like a row of letters is a doubt, and so are text over a good part of the picture, and a
    picture without a rule that nobody could read.

    Args:
        dataset: What its file says of it.
        frames: Each `(h, w)` grey or `(h, w, 3)` colour, as they are shown.
    """
    black = hidden(dataset)
    if black is None and not ocr.is_there():
        return Judgement(None, "it may show a name, no rule says where, and tesseract is missing")
    ruled = np.zeros(frames[0].shape[:2], dtype=bool) if black is None else black
    try:
        text = _text(frames, ruled)
    except OcrError as error:
        return Judgement(black, str(error))
    if text.mean() > MUCH_TEXT:
        return Judgement(black, "it is text in good part")
    total = ruled | text
    if text.any() and any(
        rows_of_letters(_without(frame, total), FEWEST_LETTERS_LEFT) for frame in frames
    ):
        return Judgement(black, "something still looks like a row of letters")
    return Judgement(total if total.any() else None, None)


def _text(
    frames: Sequence[UInt8[np.ndarray, "..."]], ruled: Bool[np.ndarray, "h w"]
) -> Bool[np.ndarray, "h w"]:
    """Mark rows of letters and words; a word that the noise may have made needs letters too."""
    mask = np.zeros_like(ruled)
    read = {0, len(frames) // 2, len(frames) - 1} if ocr.is_there() else set()
    for number, frame in enumerate(frames):
        seen = _without(frame, ruled)
        found = [row.grown() for row in rows_of_letters(seen, FEWEST_LETTERS)]
        if number in read:
            few = rows_of_letters(seen, FEWEST_LETTERS_LEFT)
            said = ocr.words(seen)
            found += [b for b, certain in said if certain or any(b.meets(row) for row in few)]
        for box in found:
            mask[box.top : box.bottom, box.left : box.right] = True
    return mask


def _without(
    frame: UInt8[np.ndarray, "..."], black: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "..."]:
    copy = frame.copy()
    copy[black] = 0
    return copy


def _outside_regions(dataset: Dataset) -> Bool[np.ndarray, "h w"] | None:
    outside = np.ones((dataset.Rows, dataset.Columns), dtype=bool)
    for region in dataset.get("SequenceOfUltrasoundRegions") or ():
        left, top = max(0, region.RegionLocationMinX0), max(0, region.RegionLocationMinY0)
        outside[top : region.RegionLocationMaxY1 + 1, left : region.RegionLocationMaxX1 + 1] = False
    return None if outside.all() else outside


def _by_device(dataset: Dataset) -> Bool[np.ndarray, "h w"] | None:
    mask = np.zeros((dataset.Rows, dataset.Columns), dtype=bool)
    for device in _devices():
        if device.drew(dataset):
            for left, top, width, height in device.hide:
                mask[top : top + height, left : left + width] = True
    return mask if mask.any() else None


@cache
def _devices() -> tuple[Device, ...]:
    text = files("acir.privacy").joinpath("devices.toml").read_text(encoding="utf-8")
    return tables.build(_Rules, tomllib.loads(text), "devices.toml").device


def _said(dataset: Dataset, keyword: str) -> str:
    """Return the words of an attribute, its values joined."""
    value = dataset.get(keyword) or ""
    return value if isinstance(value, str) else " ".join(map(str, value))
