"""What a result has from the image that it is about: patient, study, place in space."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import UID

from acir.errors import UnreadableImageError, UsageError
from acir.pacs.silence import unheard

NAMED_BY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
MACROS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")


@dataclass(frozen=True)
class Place:
    """Where an image lies in the patient, in mm (PS3.3 C.7.6.2).

    Attributes:
        reference: Frame of Reference UID.
        position: Of the centre of the first pixel.
        orientation: Direction of a row, then of a column.
        spacing: Between rows, then between columns.
        thickness: Of the slice, or None where it is not said.
    """

    reference: str
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    thickness: float | None


@dataclass(frozen=True)
class Origin:
    """The image that a result is about.

    Attributes:
        header: Its attributes without pixels, patient and all, as text; kept from every message.
        frame: Number of the frame that was asked about, from 1, or None where there is but one.
        place: Where it lies, or None where it is in no known place, as a radiograph is.
    """

    header: Dataset
    frame: int | None
    place: Place | None

    @property
    def size(self) -> int:
        """Bytes that the values of the header take, about."""
        values = (element.value for element in self.header.iterall() if element.VR != "SQ")
        return sum(len(value if isinstance(value, bytes) else str(value)) for value in values)

    def __repr__(self) -> str:
        """Name no one."""
        return f"Origin(frame={self.frame}, place={self.place})"


def origin(data: bytes, name: str, frame: int | None = None) -> Origin:
    """Read what results inherit from a file that `acir.pacs.reader.read` accepted.

    Args:
        data: The file.
        name: What to call it in an error; it must not identify.
        frame: Which of its frames, from 1; None for the one that the reader takes.

    Raises:
        UsageError: It does not say which study, series and instance it is.
        UnreadableImageError: Its header is damaged.
    """
    try:
        with unheard():
            header = dcmread(BytesIO(data), stop_before_pixels=True)
            header.decode()
            _require_names(header, name)
            frames = int(header.get("NumberOfFrames") or 1)
            which = (frame or frames // 2 + 1) if frames > 1 else None
            return Origin(header, which, _place(header, which))
    except UsageError:
        raise
    # As in the reader: pydicom raises nearly anything, and its words quote values.
    except Exception:
        raise UnreadableImageError(name, "its header is damaged") from None


def _require_names(header: Dataset, name: str) -> None:
    for keyword in NAMED_BY:
        if not UID(str(header.get(keyword) or "")).is_valid:
            raise UsageError(
                f"{name} has no valid {keyword}, expected one: a result must say which image it "
                "is about; take the image as the PACS gives it"
            )


def _place(header: Dataset, frame: int | None) -> Place | None:
    """Return the place of a frame; None unless the standard's attributes are all there."""
    said = _of_frame(header, frame)
    reference = UID(str(header.get("FrameOfReferenceUID") or ""))
    vectors = (
        _numbers(said, "ImagePositionPatient", 3),
        _numbers(said, "ImageOrientationPatient", 6),
        _numbers(said, "PixelSpacing", 2),
    )
    if not reference.is_valid or not all(vectors):
        return None
    thickness = _numbers(said, "SliceThickness", 1)
    return Place(str(reference), *vectors, *(thickness or (None,)))


def _of_frame(header: Dataset, frame: int | None) -> Dataset:
    """Gather what may be said at the top, for all frames, or for each (PS3.3 C.7.6.16)."""
    found = Dataset()
    if frame is None or not any(header.get(group) for group in GROUPS):
        # Several frames without groups of their own lie in one another's place, or in none.
        return header if frame is None else found
    shared, own = (header.get(group) or [] for group in GROUPS)
    for item in (*shared[:1], *own[frame - 1 : frame]):
        for macro in MACROS:
            for said in item.get(macro) or []:
                found.update(said)
    return found


def _numbers(said: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    """Return so many finite numbers, or none."""
    value = said.get(keyword)
    if value is None:
        return ()
    values = tuple(float(one) for one in np.atleast_1d(np.array(value, dtype=np.float64)))
    return values if len(values) == count and np.isfinite(values).all() else ()
