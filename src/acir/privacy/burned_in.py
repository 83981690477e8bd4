"""Text that names a person in the pixels themselves: which pictures may show it, and where.

PS3.15 E.3.1 has it that a person may have to look. Until one has, a picture is only let through
when a rule or a look at the pixels says that nothing is left; else the answer is a doubt, in words,
and the caller keeps the picture back.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated

import numpy as np
from jaxtyping import Bool
from pydicom import Dataset

from acir import tables
from acir.tables import Range, Table

# Modalities whose devices draw names into pictures, or that are pictures of screens and paper.
RISKY_MODALITIES = frozenset(("US", "IVUS", "BDUS", "ES", "XC", "SC", "OT", "DOC", "ECG"))
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
# Words of an Image Type; PROT is that of Siemens' protocol pages.
RISKY_WORDS = frozenset(
    ("SCREEN", "SCREENSAVE", "SCREENSHOT", "DOSE", "REPORT", "LABEL", "OVERVIEW", "PROT")
)
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
    ultrasound, endoscopy, photograph, capture or document; by a word of its Image Type, such as
    SCREEN SAVE; as colour from a device that takes grey pictures; and as secondary, unless it has
    a place in the patient, as a reformatted slice has.
    """
    burned_in = dataset.get("BurnedInAnnotation")
    if burned_in in ("YES", "NO"):
        return bool(burned_in == "YES")
    modality = dataset.get("Modality")
    kinds = set(_said(dataset, "ImageType").split())
    return (
        modality in RISKY_MODALITIES
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


def judge(dataset: Dataset) -> Judgement:
    """Say what is to be blacked out in a risky picture, and whether a person has to look."""
    black = hidden(dataset)
    doubt = "it may show a name, and no rule says where" if black is None else None
    return Judgement(black, doubt)


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
