"""A DICOM file to one that may be handed on: attributes without identity, pixels without names."""

from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePath

import numpy as np
from jaxtyping import Bool, Shaped
from pydicom import FileDataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRBigEndian, MediaStorageDirectoryStorage

from acir.errors import UnreadableImageError
from acir.pacs.codecs import missing, plugin_for
from acir.pacs.frames import of_frame
from acir.pacs.geometry import require_modest
from acir.pacs.reader import in_our_words, parsed
from acir.pacs.screening import as_shown, blacked
from acir.pacs.voi import bits_stored
from acir.prep.decode import Picture
from acir.privacy.burned_in import Judgement, is_risky, judge
from acir.privacy.deid import Profile, deidentify
from acir.privacy.pixel_data import PIXELS

LEVELS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
DAMAGED = "its content is damaged or of an unknown kind"
NEEDED = ("SOPClassUID", *LEVELS[1:])


@dataclass(frozen=True)
class Released:
    """A file without identity.

    Attributes:
        place: Where it belongs: patient, study, series and instance, all under their new names.
        content: The file.
        doubt: Why a person has to look at its pixels before it is handed on, else None.
    """

    place: PurePath
    content: bytes
    doubt: str | None


def release(data: bytes, profile: Profile, name: str) -> Released:
    """Remove identity from a DICOM file, from its attributes and from its pixels.

    Pixels of a risky kind are looked at; those of other kinds are only if the profile says so, and
    else the file makes no claim about them. Pixels stay bit for bit what they were unless some are
    blacked out.

    Args:
        data: The file.
        profile: How identity is removed.
        name: What to call the file in an error; it must not identify.

    Raises:
        UnreadableImageError: It is no DICOM file, is damaged, or is a list of files.
    """
    with in_our_words(name, DAMAGED):
        dataset = parsed(data, name)
        _require_an_instance(dataset, name)
        judgement = _screened(dataset, profile.every_picture, name)
        deidentify(dataset, profile, pixels_clean=judgement is not None and judgement.doubt is None)
        place = PurePath(*(str(dataset[level].value) for level in LEVELS))
        doubt = None if judgement is None else judgement.doubt
        return Released(place.with_name(f"{place.name}.dcm"), _written(dataset), doubt)


def _require_an_instance(dataset: FileDataset, name: str) -> None:
    if dataset.get("SOPClassUID") == MediaStorageDirectoryStorage or "DirectoryRecordSequence" in (
        dataset
    ):
        raise UnreadableImageError(name, "it lists other files, whose names change; make a new one")
    for keyword in NEEDED:
        if not dataset.get(keyword):
            raise UnreadableImageError(name, f"it has no {keyword}, by which it could be told")


def _screened(dataset: FileDataset, every_picture: bool, name: str) -> Judgement | None:
    """Black out what has to be; None stands for pixels that nobody looked at."""
    if not any(k in dataset for k in PIXELS) or not (every_picture or is_risky(dataset)):
        return None
    require_modest(dataset, name)
    syntax = dataset.file_meta.TransferSyntaxUID
    kind = bits_stored(dataset), int(dataset.SamplesPerPixel)
    plugin = plugin_for(syntax, *kind)
    if plugin is None:
        return Judgement(None, missing(syntax, *kind))
    pixels = pixel_array(dataset, decoding_plugin=plugin)
    several = int(dataset.get("NumberOfFrames") or 1) > 1
    frames = [*pixels] if several else [pixels]
    pictures = [of_frame(dataset, n, frame) for n, frame in enumerate(frames)]
    # What a window shows as all white may be a name in another one, which any viewer can choose.
    pictures += [whole for picture in pictures if (whole := _unwindowed(picture)) is not None]
    judgement = judge(dataset, list(map(as_shown, pictures)))
    if judgement.doubt is None and judgement.black is not None:
        if syntax == ExplicitVRBigEndian:  # tables of 16 bit would have to be turned round too
            return Judgement(None, "its byte order is one that is no longer written")
        _black_out(dataset, pixels, judgement.black)
    return judgement


def _unwindowed(picture: Picture) -> Picture | None:
    """Return a picture as it is from its smallest to its largest value, or None if it is so shown.

    What is written over it may be all that is this dark or bright.
    """
    low, high = float(picture.pixels.min()), float(picture.pixels.max())
    beyond = low < picture.value_range[0] or high > picture.value_range[1]
    return replace(picture, value_range=(low, high)) if beyond and low < high else None


def _black_out(
    dataset: FileDataset, pixels: Shaped[np.ndarray, "..."], black: Bool[np.ndarray, "h w"]
) -> None:
    """Write all frames anew, uncompressed, colour as RGB."""
    colour = dataset.SamplesPerPixel > 1
    kind = "RGB" if colour else dataset.PhotometricInterpretation
    frames = blacked(pixels, black, _darkest(dataset, pixels), colour)
    dataset.set_pixel_data(frames, kind, dataset.BitsStored, generate_instance_uid=False)


def _darkest(dataset: FileDataset, pixels: Shaped[np.ndarray, "..."]) -> float:
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(pixels, dataset)[..., :3].sum(-1)
        return float(pixels.ravel()[colours.argmin()])
    return float(
        pixels.max() if dataset.PhotometricInterpretation == "MONOCHROME1" else pixels.min()
    )


def _written(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
