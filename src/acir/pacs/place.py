"""Where a slice lies: what its header says, without a word of whose it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

# One of them may tell the passes of a series over the same positions: phases, echoes, b-values.
PASSES = (
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "EchoNumbers",
    "DiffusionBValue",
    "DimensionIndexValues",  # of frames, see `acir.pacs.enhanced`
)
KEYWORDS = (
    "Rows",
    "Columns",
    "InstanceNumber",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    *PASSES,
)
FAR = 1e6  # mm from the origin: nothing lies further
UNIT_TOLERANCE = 0.01  # direction cosines are often written with two or three decimals


@dataclass(frozen=True)
class Place:
    """Where a slice lies, from the header of its instance.

    Attributes:
        id: Tells the instance from others.
        series: Tells its series from others; empty where it names none.
        reference: Tells its frame of reference from others; empty where it names none.
        size: Rows and columns.
        number: Instance Number, or None.
        passes: Values of `PASSES`, each None where there is none.
        orientation: Direction cosines of a row and a column (PS3.3 C.7.6.2.1.1), or None where
            they are missing or not of unit length and at right angles.
        position: Of the first pixel, in mm, or None where it is missing or a kilometre away.
        frame: Which frame of the instance it is, from 1; None where the instance is one slice.
    """

    id: str
    series: str
    reference: str
    size: tuple[int, int]
    number: int | None
    passes: tuple[float | None, ...]
    orientation: tuple[float, ...] | None
    position: tuple[float, ...] | None
    frame: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no direction or no point, and another number of passes."""
        if len(self.passes) != len(PASSES):
            raise ValueError(f"there are {len(self.passes)} passes, expected {len(PASSES)}")
        if self.orientation is not None and not _are_directions(self.orientation):
            raise ValueError("the orientation is not two unit vectors at right angles")
        if self.position is not None and not _is_point(self.position):
            raise ValueError("the position is not three numbers of millimetres")


def places_of(
    slices: Sequence[Mapping[str, str]], *, id: str, series: str, reference: str
) -> tuple[Place, ...]:
    """Read the places of the slices of an instance, mostly one; see `place_of`.

    Args:
        slices: What is said of each, as `acir.pacs.enhanced.slices_of` returns it.
        id: See `Place`, as the next two.
        series: Of the series.
        reference: Of the frame of reference.
    """
    return numbered(
        [place_of(words, id=id, series=series, reference=reference) for words in slices]
    )


def numbered(places: Sequence[Place]) -> tuple[Place, ...]:
    """Say of the places of an instance, where they are several, which frames they are."""
    if len(places) == 1:
        return tuple(places)
    return tuple(replace(place, frame=n) for n, place in enumerate(places, start=1))


def place_of(words: Mapping[str, str], *, id: str, series: str, reference: str) -> Place:
    """Read a place; what is not understood counts as missing.

    Args:
        words: The values of `KEYWORDS` as DICOM writes them, several with backslashes between.
        id: See `Place`, as the next two.
        series: Of the series.
        reference: Of the frame of reference.
    """
    read = {keyword: _numbers(words.get(keyword, "")) for keyword in KEYWORDS}
    number = read["InstanceNumber"]
    orientation, position = read["ImageOrientationPatient"], read["ImagePositionPatient"]
    return Place(
        id=id,
        series=series,
        reference=reference,
        size=(int(sum(read["Rows"][:1])), int(sum(read["Columns"][:1]))),
        number=int(number[0]) if number else None,
        passes=tuple(read[keyword][0] if read[keyword] else None for keyword in PASSES),
        orientation=orientation if _are_directions(orientation) else None,
        position=position if _is_point(position) else None,
    )


def normal_of(orientation: tuple[float, ...]) -> tuple[float, float, float]:
    """Return the unit vector at right angles to a slice: row direction x column direction.

    Example:
        >>> normal_of((1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
        (0.0, 0.0, 1.0)
    """
    a, b, c, d, e, f = orientation
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    length = (x * x + y * y + z * z) ** 0.5
    return x / length, y / length, z / length


def _numbers(text: str) -> tuple[float, ...]:
    """Read numbers; none where any is not finite."""
    try:
        numbers = tuple(float(part) for part in text.split("\\"))
    except ValueError:
        return ()
    return numbers if all(map(isfinite, numbers)) else ()


def _are_directions(numbers: tuple[float, ...]) -> bool:
    if len(numbers) != 6:  # noqa: PLR2004 - cosines of two directions
        return False
    a, b, c, d, e, f = numbers
    deviations = (a * a + b * b + c * c - 1, d * d + e * e + f * f - 1, a * d + b * e + c * f)
    return all(abs(deviation) <= UNIT_TOLERANCE for deviation in deviations)  # of NaN, none is


def _is_point(numbers: tuple[float, ...]) -> bool:
    return len(numbers) == 3 and all(abs(number) <= FAR for number in numbers)  # noqa: PLR2004
