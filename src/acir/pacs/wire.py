"""What a child has made of a DICOM file, as it says it to its parent."""

import re
from dataclasses import asdict
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from acir.disposable.messages import (
    BrokenWireError,
    Message,
    content_of,
    pixels_of,
    said_of_content,
    said_of_pixels,
)
from acir.pacs.place import Place
from acir.pacs.reader import DicomPicture
from acir.pacs.release import LEVELS, Released
from acir.prep.decode import Picture

# A part of a path that leads nowhere else: a pseudonym or a UID, and the name of a file of one.
PART = re.compile(r"[0-9A-Za-z]+(\.[0-9A-Za-z]+)*")


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


def said_of_place(found: Place) -> dict[str, Any]:
    """Say where a picture lies."""
    return {"kind": "place", **asdict(found)}


def located(said: Message, _: int) -> Place:
    """Turn an answer into what `acir.pacs.reader.locate` returned in the child.

    Raises:
        BrokenWireError: It is no place.
        KeyError, TypeError, ValueError, OverflowError: It does not say all of one.
    """
    if said["kind"] != "place":
        raise BrokenWireError("no place")
    numbers = {
        key: None if said[key] is None else tuple(float(value) for value in said[key])
        for key in ("orientation", "position")
    }
    rows, columns = (int(side) for side in said["size"])
    return Place(
        id=str(said["id"]),
        series=str(said["series"]),
        reference=str(said["reference"]),
        size=(rows, columns),
        number=None if said["number"] is None else int(said["number"]),
        passes=tuple(None if value is None else float(value) for value in said["passes"]),
        **numbers,
    )


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
