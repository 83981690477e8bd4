"""What the guard and its child say to each other.

A message is a line of JSON in a pipe; files and pixels lie in memory that both hold, a file without
a name. Nothing of it is code: a decoder that an attacker has taken over can answer with wrong
pixels, but makes its parent run nothing.
"""

import json
import os
import select
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from jaxtyping import Shaped

from acir.errors import UnreadableImageError, UsageError
from acir.pacs.place import Place
from acir.pacs.reader import DicomPicture
from acir.prep.decode import Picture

MAX_LINE = 2**16
MAX_ANSWER = 2**30
AXES = (2, 3)  # grey has two, colour three
TYPES = frozenset(np.dtype(kind).str for kind in "?bBhHiIqQfd")

Message = Mapping[str, Any]
Answer = DicomPicture | Place | UnreadableImageError | UsageError


class BrokenWireError(Exception):
    """The other side ended, or said what it may not say."""


def shared_memory() -> int:
    """Return the descriptor of memory that a child can be given; where Linux has none, a file."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("acir")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def put(memory: int, body: bytes | memoryview) -> None:
    """Write a file or pixels into the shared memory."""
    rest, place = memoryview(body), 0
    while rest:
        written = os.pwrite(memory, rest, place)
        rest, place = rest[written:], place + written


def line(message: Message) -> bytes:
    """Return a message as it goes through the pipe."""
    return json.dumps(dict(message)).encode() + b"\n"


def receive_line(pipe: int, seconds: float) -> Message:
    """Wait for a message.

    Raises:
        TimeoutError: None has come, or not all of it.
        BrokenWireError: The pipe ended, or what comes is no message.
    """
    end = time.monotonic() + seconds
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    text = b""
    while not text.endswith(b"\n"):
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            raise TimeoutError
        more = os.read(pipe, MAX_LINE)
        text += more
        if not more or len(text) > MAX_LINE:
            raise BrokenWireError("no message")
    return read_line(text)


def read_line(text: bytes) -> Message:
    """Turn a line into the message that it is.

    Raises:
        BrokenWireError: It is none.
    """
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise BrokenWireError("no message")
    return message


def said_of(found: Answer) -> dict[str, Any]:
    """Say what was found, pixels aside."""
    if isinstance(found, UnreadableImageError):
        return {"kind": "unreadable", "reason": found.reason, "code": found.code}
    if isinstance(found, UsageError):
        return {"kind": "usage", "message": str(found)}
    if isinstance(found, Place):
        return {"kind": "place", **asdict(found)}
    picture = found.picture
    return {
        "kind": "picture",
        "type": picture.pixels.dtype.str,
        "shape": picture.pixels.shape,
        "value_range": picture.value_range,
        "inverted": picture.inverted,
        "id": found.id,
        "patient": found.patient,
        "draw_key": found.draw_key,
        "label": found.label,
        "metadata": dict(found.metadata),
    }


def answer_of(said: Message, memory: int, name: str) -> Answer:
    """Turn an answer into what `acir.pacs.reader` returned or raised in the child.

    Args:
        said: The message.
        memory: Where the pixels are.
        name: What the caller calls the file.

    Raises:
        BrokenWireError: It is no answer.
    """
    try:
        if said["kind"] == "unreadable":
            code: Literal["unreadable", "truncated"] = (
                "truncated" if said["code"] == "truncated" else "unreadable"
            )
            return UnreadableImageError(name, str(said["reason"]), code)
        if said["kind"] == "usage":
            return UsageError(str(said["message"]))
        if said["kind"] == "picture":
            return _picture(said, memory)
        if said["kind"] == "place":
            return _place(said)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        pass
    raise BrokenWireError("no answer")


def _picture(said: Message, memory: int) -> DicomPicture:
    pixels = _pixels(memory, str(said["type"]), tuple(int(side) for side in said["shape"]))
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


def _place(said: Message) -> Place:
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


def _pixels(memory: int, kind: str, shape: tuple[int, ...]) -> Shaped[np.ndarray, "..."]:
    if kind not in TYPES or len(shape) not in AXES or min(shape) < 1:
        raise BrokenWireError("no pixels")
    size = np.dtype(kind).itemsize
    for side in shape:
        size *= side
    if size > MAX_ANSWER:
        raise BrokenWireError("too many pixels")
    pixels = np.empty(shape, dtype=kind)
    if os.preadv(memory, [pixels.reshape(-1).view(np.uint8).data], 0) != size:
        raise BrokenWireError("the pixels end early")
    return pixels
