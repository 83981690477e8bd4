"""A DICOM picture as a child that has read it says it to its parent."""

from types import MappingProxyType
from typing import Any

from acir.disposable.messages import BrokenWireError, Message, pixels_of, said_of_pixels
from acir.pacs.reader import DicomPicture
from acir.prep.decode import Picture


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
