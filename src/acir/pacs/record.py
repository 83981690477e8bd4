"""A DICOM picture as a record, as every other source gives one."""

from collections.abc import Mapping
from types import MappingProxyType

from acir.pacs.reader import DicomPicture
from acir.splits import drawn_for_calibration, drawn_split
from acir.types import ImageRecord, Split


def dicom_record(
    found: DicomPicture,
    split: Split | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
    frame: int | None = None,
) -> ImageRecord:
    """Make a record of a DICOM picture, drawing the split where none is named.

    Args:
        found: The picture.
        split: Its split, if known.
        more: Metadata beside those of the file.
        frame: Which frame of the file it is, from 1, where others are pictures of their own.
    """
    return ImageRecord(
        id=found.id if frame is None else f"{found.id}@{frame}",
        pixels=found.picture.pixels,
        value_range=found.picture.value_range,
        inverted=found.picture.inverted,
        split=split or drawn_split(found.draw_key),
        draw=drawn_for_calibration(found.draw_key),
        labels=(found.label,) if found.label else (),
        patient=found.patient,
        metadata=MappingProxyType({**found.metadata, **more}),
    )
