"""Stored values of a DICOM frame to values with a meaning, and which of them are shown.

The order is the standard's: modality transformation, then values of interest (VOI), and inversion
last (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2). A window stays a range, so that the values themselves
are kept; only what no range can express is applied to the pixels: a VOI lookup table and the
sigmoid.
"""

import numpy as np
from jaxtyping import Bool, Float32, Shaped
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi

from acir.prep.decode import Picture, natural_range

BYTE = 8
EDGE = 1e-3  # width of a range that stands for a threshold


def shown(dataset: Dataset, stored: Shaped[np.ndarray, "..."]) -> Picture:
    """Return what a frame shows.

    Of several windows or tables the first one counts; a table goes before a window. Without
    either, pixels of at most 8 bit are shown from the smallest to the largest value that they
    could have, deeper ones from the smallest to the largest that they have, padding aside.

    Args:
        dataset: The attributes of the frame.
        stored: Its decoded pixels: RGB, palette indices or grey.
    """
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(stored, dataset)[..., :3]  # there may be a palette of opacity
        return Picture(pixels, natural_range(pixels))
    if stored.ndim > 2:  # noqa: PLR2004 - height and width; colour has neither of the two steps
        return Picture(stored, (0.0, 2.0 ** bits_stored(dataset) - 1))
    values = _modality(dataset, stored)
    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    # Presentation LUT Shape, PS3.3 C.11.6.1.2: another way to say the same.
    inverted |= dataset.get("PresentationLUTShape") == "INVERSE"
    if dataset.get("VOILUTSequence"):
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        return Picture(apply_voi(values, dataset), (0.0, 2.0**bits - 1), inverted)
    window = _window(dataset)
    if window is None:
        return Picture(values, _range(dataset, values, _padding(dataset, stored)), inverted)
    centre, width, function = window
    if function == "SIGMOID":
        return Picture(_sigmoid(values, centre, width), (0.0, 1.0), inverted)
    if function == "LINEAR":  # PS3.3 C.11.2.1.2.1
        centre, width = centre - 0.5, width - 1
    low = centre - width / 2
    return Picture(values, (low, low + max(width, EDGE)), inverted)


def bits_stored(dataset: Dataset) -> int:
    """Return the bits of a sample that count; of floating-point pixels (PS3.3 C.7.6.24), all."""
    return int(dataset.get("BitsStored") or dataset.BitsAllocated)


def _modality(dataset: Dataset, stored: Shaped[np.ndarray, "h w"]) -> Shaped[np.ndarray, "h w"]:
    """Apply the modality transformation; whole numbers stay whole, which is exact and small."""
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if stored.dtype.kind in "iu" and "ModalityLUTSequence" not in dataset:
        if slope is None or intercept is None:
            return stored
        if float(slope).is_integer() and float(intercept).is_integer():
            return _rescaled(stored, int(slope), int(intercept))
    values = apply_modality_lut(stored, dataset)
    return values.astype(np.float32) if values.dtype == np.float64 else values


def _rescaled(
    stored: Shaped[np.ndarray, "h w"], slope: int, intercept: int
) -> Shaped[np.ndarray, "h w"]:
    if slope == 1 and intercept == 0:
        return stored
    ends = [int(end) * slope + intercept for end in (stored.min(), stored.max())]
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max:
            # Integers wrap around: where the result fits, it is right whatever comes between.
            factor, summand = np.array([slope, intercept]).astype(kind)
            values: Shaped[np.ndarray, "h w"] = stored.astype(kind)
            if slope != 1:
                np.multiply(values, factor, out=values)
            np.add(values, summand, out=values)
            return values
    return (stored.astype(np.float64) * slope + intercept).astype(np.float32)


def _window(dataset: Dataset) -> tuple[float, float, str] | None:
    """Return centre, width and function of the first window that the standard allows."""
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if centre is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None
    return centre, width, function


def _first(dataset: Dataset, keyword: str) -> float | None:
    element = dataset.get(keyword)
    if element is None or element == "":
        return None
    value = float(element if isinstance(element, float | int) else element[0])
    return value if np.isfinite(value) else None


def _sigmoid(
    values: Shaped[np.ndarray, "h w"], centre: float, width: float
) -> Float32[np.ndarray, "h w"]:
    """Apply PS3.3 C.11.2.1.3.1, written with tanh, which cannot overflow."""
    shares: Float32[np.ndarray, "h w"] = (
        0.5 + 0.5 * np.tanh(2 * (values.astype(np.float64) - centre) / width)
    ).astype(np.float32)
    return shares


def _range(
    dataset: Dataset, values: Shaped[np.ndarray, "h w"], padding: Bool[np.ndarray, "h w"]
) -> tuple[float, float]:
    if bits_stored(dataset) <= BYTE and not dataset.get("PixelRepresentation"):
        ends = _modality(dataset, np.array([[0, 2 ** bits_stored(dataset) - 1]], np.uint8))
        low, high = float(ends.min()), float(ends.max())
    else:
        inner = values if padding.all() else values[~padding]
        low, high = float(inner.min()), float(inner.max())
    return low, high if high > low else low + 1


def _padding(dataset: Dataset, stored: Shaped[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Mark pixels outside the picture proper (PS3.3 C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, dtype=bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    # Devices write it as unsigned where pixels are signed, or the reverse: the bits are the same.
    given = np.array([value, value if limit is None else limit], np.int64)
    low, high = np.sort(given.astype(stored.dtype))
    inside: Bool[np.ndarray, "h w"] = (stored >= low) & (stored <= high)
    return inside
