"""What a worker and its parent say to each other.

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
from typing import Any, Literal

import numpy as np
from jaxtyping import Shaped

from acir.errors import UnreadableImageError, UsageError

MAX_LINE = 2**16
MAX_ANSWER = 2**30
AXES = (2, 3)  # grey has two, colour three
TYPES = frozenset(np.dtype(kind).str for kind in "?bBhHiIqQfd")

Message = Mapping[str, Any]
Refusal = UnreadableImageError | UsageError


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


def said_of_refusal(error: Refusal) -> dict[str, Any]:
    """Say why there is no answer."""
    if isinstance(error, UnreadableImageError):
        return {"kind": "unreadable", "reason": error.reason, "code": error.code}
    return {"kind": "usage", "message": str(error)}


def refusal_of(said: Message, name: str) -> Refusal | None:
    """Turn a refusal into the error that the child met; None stands for another message.

    Args:
        said: The message.
        name: What the caller calls the file.

    Raises:
        KeyError: It is a refusal that says nothing.
    """
    if said["kind"] == "unreadable":
        code: Literal["unreadable", "truncated"] = (
            "truncated" if said["code"] == "truncated" else "unreadable"
        )
        return UnreadableImageError(name, str(said["reason"]), code)
    if said["kind"] == "usage":
        return UsageError(str(said["message"]))
    return None


def said_of_pixels(pixels: Shaped[np.ndarray, "..."]) -> dict[str, Any]:
    """Say of which kind pixels are; they themselves go through the memory."""
    return {"type": pixels.dtype.str, "shape": pixels.shape}


def pixels_of(said: Message, memory: int) -> Shaped[np.ndarray, "..."]:
    """Copy pixels out of the shared memory.

    Raises:
        BrokenWireError: They are of no kind that pixels have, too many, or not there.
        KeyError, TypeError, ValueError: The message does not say of which kind they are.
    """
    kind, shape = str(said["type"]), tuple(int(side) for side in said["shape"])
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


def said_of_content(content: bytes) -> dict[str, Any]:
    """Say how large a file is; it goes through the memory."""
    return {"bytes": len(content)}


def content_of(said: Message, memory: int) -> bytes:
    """Copy a file out of the shared memory.

    Raises:
        BrokenWireError: It is too large or not there.
        KeyError, TypeError, ValueError: The message does not say how large it is.
    """
    size = int(said["bytes"])
    if not 0 <= size <= MAX_ANSWER:
        raise BrokenWireError("too many bytes")
    content = bytearray(size)
    if os.preadv(memory, [content], 0) != size:
        raise BrokenWireError("the file ends early")
    return bytes(content)
