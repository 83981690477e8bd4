"""What a child has made of a DICOM file, as it says it to its parent."""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from math import isnan, nan
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float64

from acir.disposable.messages import (
    BrokenWireError,
    Message,
    content_of,
    pixels_of,
    said_of_content,
    said_of_pixels,
)
from acir.pacs.geometry import MAX_FRAMES
from acir.pacs.levels import Level
from acir.pacs.place import PASSES, Place, numbered
from acir.pacs.reader import DicomPicture
from acir.pacs.release import LEVELS, Released
from acir.prep.decode import Picture

# A part of a path that leads nowhere else: a pseudonym or a UID, and the name of a file of one.
PART = re.compile(r"[0-9A-Za-z]+(\.[0-9A-Za-z]+)*")

# Numbers that a row of places holds: see `_row`.
ORIENTATION, POSITION = 6, 3
COLUMNS = len(PASSES) + ORIENTATION + POSITION
COLOURS = 3
FLOAT = np.dtype(np.float64).str


def said_of(found: DicomPicture) -> dict[str, Any]:
    """Say what was found, pixels aside."""
    picture = found.picture
    return {
        "kind": "picture",
        **said_of_pixels(picture.pixels),
        "value_range": picture.value_range,
        "inverted": picture.inverted,
        "id": found.id,
        "patient": found.patient,
        "draw_key": found.draw_key,
        "label": found.label,
        "metadata": dict(found.metadata),
    }


def picture_of(said: Message, memory: int) -> DicomPicture:
    """Turn an answer into what `acir.pacs.reader.read` returned in the child.

    Args:
        said: The message.
        memory: Where the pixels are.

    Raises:
        BrokenWireError: It is no picture.
        KeyError, TypeError, ValueError, AttributeError: It does not say all of one.
    """
    if said["kind"] != "picture":
        raise BrokenWireError("no picture")
    pixels = pixels_of(said, memory)
    if pixels.shape[2:] not in ((), (COLOURS,)):
        raise BrokenWireError("neither grey nor colour")
    low, high = map(float, said["value_range"])
    if not low < high:
        raise BrokenWireError("no range")
    return DicomPicture(
        id=str(said["id"]),
        picture=Picture(pixels, (low, high), bool(said["inverted"])),
        patient=None if said["patient"] is None else str(said["patient"]),
        draw_key=str(said["draw_key"]),
        label=None if said["label"] is None else str(said["label"]),
        metadata=MappingProxyType({str(k): str(v) for k, v in said["metadata"].items()}),
    )


def said_of_places(found: Sequence[Place]) -> tuple[dict[str, Any], Float64[np.ndarray, "n c"]]:
    """Say where the slices of an instance lie: what they share, and a row of numbers of each."""
    first = found[0]
    rows = np.array([_row(place) for place in found], dtype=np.float64)
    said = {"kind": "places", "id": first.id, "series": first.series, "reference": first.reference}
    return {**said, "size": first.size, "number": first.number, **said_of_pixels(rows)}, rows


def located(said: Message, memory: int) -> tuple[Place, ...]:
    """Turn an answer into what `acir.pacs.reader.locate` returned in the child.

    Args:
        said: The message.
        memory: Where the rows are.

    Raises:
        BrokenWireError: It is no places.
        KeyError, TypeError, ValueError, OverflowError: It does not say all of one.
    """
    if said["kind"] != "places":
        raise BrokenWireError("no places")
    slices, columns = (int(side) for side in said["shape"])
    if slices > MAX_FRAMES or columns != COLUMNS or said["type"] != FLOAT:
        raise BrokenWireError("no rows of places")
    rows, columns = (int(side) for side in said["size"])
    bare = Place(
        id=str(said["id"]),
        series=str(said["series"]),
        reference=str(said["reference"]),
        size=(rows, columns),
        number=None if said["number"] is None else int(said["number"]),
        passes=(None,) * len(PASSES),
        orientation=None,
        position=None,
    )
    return numbered([_filled(bare, row) for row in pixels_of(said, memory).tolist()])


def _row(place: Place) -> list[float]:
    """Return the numbers that differ between slices; NaN stands for those that there are not."""
    return [
        *(nan if number is None else number for number in place.passes),
        *(place.orientation or (nan,) * ORIENTATION),
        *(place.position or (nan,) * POSITION),
    ]


def _filled(bare: Place, row: list[float]) -> Place:
    """Return a place with the numbers of its row."""
    passes, orientation, position = (
        row[: len(PASSES)], row[len(PASSES) : -POSITION], row[-POSITION:]
    )  # fmt: skip
    return replace(
        bare,
        passes=tuple(None if isnan(number) else number for number in passes),
        orientation=None if all(map(isnan, orientation)) else tuple(orientation),
        position=None if all(map(isnan, position)) else tuple(position),
    )


def said_of_level(found: Level) -> dict[str, Any]:
    """Say which slide a file is part of."""
    return {"kind": "level", **asdict(found)}


def level_of(said: Message, _: int) -> Level:
    """Turn an answer into what `acir.pacs.levels.level` returned in the child.

    Raises:
        BrokenWireError: It is none.
        KeyError: It does not say all of it.
    """
    if said["kind"] != "level":
        raise BrokenWireError("no level")
    label = None if said["label"] is None else str(said["label"])
    return Level(str(said["slide"]), str(said["patient"]), bool(said["is_level"]), label)


def said_of_release(found: Released) -> dict[str, Any]:
    """Say where a file belongs and what is doubtful, its content aside."""
    return {
        "kind": "release",
        **said_of_content(found.content),
        "place": found.place.parts,
        "doubt": found.doubt,
    }


def release_of(said: Message, memory: int) -> Released:
    """Turn an answer into what `acir.pacs.release.release` returned in the child.

    Args:
        said: The message.
        memory: Where the content is.

    Raises:
        BrokenWireError: It is no such file, or its place leads out of where it is written.
        KeyError, TypeError, ValueError, AttributeError: It does not say all of one.
    """
    if said["kind"] != "release":
        raise BrokenWireError("no release")
    parts = [str(part) for part in said["place"]]
    if not 0 < len(parts) <= len(LEVELS) or not all(PART.fullmatch(part) for part in parts):
        raise BrokenWireError("no place")
    doubt = None if said["doubt"] is None else str(said["doubt"])
    return Released(PurePath(*parts), content_of(said, memory), doubt)
