"""Which frames of a picture are shown, decoded one by one and put together."""

import re
from collections.abc import Callable
from copy import copy

import numpy as np
from jaxtyping import Shaped
from pydicom import Dataset, FileDataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pixel_array

from acir.errors import UnreadableImageError
from acir.pacs.codecs import missing, plugin_for
from acir.pacs.geometry import frame_count, require_as_announced
from acir.pacs.voi import bits_stored, shown
from acir.prep.decode import Picture

MIDDLE = "middle"
CHOICES = re.compile(r"first|middle|last|mean|max|[1-9][0-9]{0,3}")
MACROS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")


def picture_of(dataset: FileDataset, choice: str, name: str) -> Picture:
    """Return the chosen frame of a picture, or all of them in one.

    Args:
        dataset: A file whose geometry was checked.
        choice: `first`, `middle`, `last`, or the number of a frame from 1; `mean` and `max` take
            the mean and the largest of each pixel's values over all frames, and show the range
            that all of them have.
        name: What to call the file in an error.

    Raises:
        UnreadableImageError: There is no such frame, no decoder, or a frame is damaged.
    """
    count = frame_count(dataset)
    if choice in {"mean", "max"}:
        return _merged(lambda index: _picture(dataset, index, name), count, choice)
    places = {"first": 0, "middle": count // 2, "last": count - 1}
    index = places[choice] if choice in places else int(choice) - 1
    if index >= count:
        raise UnreadableImageError(name, f"it has no frame {index + 1}, only {count}")
    return _picture(dataset, index, name)


def _merged(read: Callable[[int], Picture], count: int, choice: str) -> Picture:
    """Keep two frames in memory at a time, however many there are."""
    first = read(0)
    low, high = first.value_range
    pixels = first.pixels.astype(np.float64) if choice == "mean" else first.pixels
    for index in range(1, count):
        frame = read(index)
        pixels = pixels + frame.pixels if choice == "mean" else np.maximum(pixels, frame.pixels)
        low, high = min(low, frame.value_range[0]), max(high, frame.value_range[1])
    if choice == "mean":
        pixels = (pixels / count).astype(np.float32)
    return Picture(pixels, (low, high), first.inverted)


def _picture(dataset: FileDataset, index: int, name: str) -> Picture:
    picture = of_frame(dataset, index, decoded(dataset, index, name))
    floats = picture.pixels if picture.pixels.dtype.kind == "f" else 0.0
    if not np.isfinite(picture.value_range).all() or not np.isfinite(floats).all():
        raise UnreadableImageError(name, "it has values that are not finite")
    return picture


def of_frame(dataset: Dataset, index: int, stored: Shaped[np.ndarray, "..."]) -> Picture:
    """Return what a frame shows, given its decoded pixels."""
    return shown(_attributes(dataset, index), stored)


def decoded(dataset: FileDataset, index: int, name: str) -> Shaped[np.ndarray, "..."]:
    """Decode one frame, counted from 0, by the decoder that is chosen for it.

    Raises:
        UnreadableImageError: There is none, the frame is of another size than announced, or its
            values lie in other bits than the lowest, which pydicom would take for them.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    kind = bits_stored(dataset), int(dataset.SamplesPerPixel)
    plugin = plugin_for(syntax, *kind)
    if plugin is None:
        raise UnreadableImageError(name, missing(syntax, *kind))
    if not syntax.is_encapsulated and not _fills_from_below(dataset):
        raise UnreadableImageError(name, "its HighBit is not one less than its BitsStored")
    if syntax.is_encapsulated:
        frame = get_frame(dataset.PixelData, index, number_of_frames=frame_count(dataset))
        require_as_announced(dataset, syntax, frame, name)
    stored = pixel_array(dataset, index=index, decoding_plugin=plugin)
    return stored.astype(stored.dtype.newbyteorder("="), copy=False)


def _fills_from_below(dataset: Dataset) -> bool:
    """Whether values lie in the lowest bits, as they have to (PS3.5 8.1.1) and once had not."""
    stored, high = bits_stored(dataset), dataset.get("HighBit")
    return high is None or high == stored - 1 or stored == dataset.BitsAllocated


def _attributes(dataset: Dataset, index: int) -> Dataset:
    """Put what enhanced objects keep for each frame (PS3.3 C.7.6.16) where others have it."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if not shared and not own:
        return dataset
    frame = copy(dataset)
    for groups in (*shared[:1], *own[index : index + 1]):
        for macro in MACROS:
            for item in (groups.get(macro) or [])[:1]:
                frame.update({element.tag: element for element in item})
    return frame
