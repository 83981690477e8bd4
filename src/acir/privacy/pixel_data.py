"""Pixel data with nothing but the picture: names hide beside it, where no viewer shows them."""

from itertools import islice

import numpy as np
from jaxtyping import UInt
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import UID, ExplicitVRBigEndian, RLELossless

from acir.privacy.streams import without_words
from acir.privacy.uids import is_of_the_standard

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def keep_picture_only(dataset: Dataset) -> None:
    """Clear what pixels hold beyond the picture: bits of overlays, bytes after the end, words.

    Bits above the stored ones stay where they are all zero or repeat the sign.
    """
    syntax = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID", UID(""))
    bits = dataset.get("BitsAllocated")
    if "PixelData" not in dataset or not isinstance(dataset.PixelData, bytes) or bits is None:
        return
    if is_of_the_standard(syntax) and syntax.is_encapsulated:
        _keep_streams_only(dataset, syntax)
        return
    length = get_expected_length(dataset)
    content = dataset.PixelData[: length + length % 2]
    if bits in (8, 16, 32) and dataset.BitsStored < bits:
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        content = _masked(dataset, np.frombuffer(content, dtype=f"{order}u{bits // 8}"))
    dataset.PixelData = content + bytes(len(content) % 2)


def _keep_streams_only(dataset: Dataset, syntax: UID) -> None:
    count = int(dataset.get("NumberOfFrames") or 1)
    frames = generate_frames(dataset.PixelData, number_of_frames=count)
    dataset.PixelData = encapsulate(
        [
            frame if syntax == RLELossless else without_words(frame)
            for frame in islice(frames, count)
        ]
    )


def _masked(dataset: Dataset, raw: UInt[np.ndarray, " n"]) -> bytes:
    bits, stored, high = dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit
    mask = ((1 << stored) - 1) << (high + 1 - stored)
    plain = raw & raw.dtype.type(mask)
    if not dataset.PixelRepresentation or high + 1 != stored:
        return bytes(plain)
    above = raw.dtype.type((1 << bits) - 1 - mask)
    signed = np.where(plain >> raw.dtype.type(high), plain | above, plain).astype(raw.dtype)
    return bytes(raw if (raw == plain).all() else signed)
