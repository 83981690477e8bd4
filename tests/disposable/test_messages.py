"""What a child may say: an answer, or nothing that counts. A hostile child is played by hand."""

import json
import os
from collections.abc import Iterator
from threading import Thread

import numpy as np
import pytest

from acir.disposable.messages import (
    MAX_LINE,
    BrokenWireError,
    line,
    pixels_of,
    put,
    receive_line,
    refusal_of,
    said_of_pixels,
    said_of_refusal,
    shared_memory,
)
from acir.errors import UnreadableImageError, UsageError

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)


@pytest.fixture
def memory() -> Iterator[int]:
    memory = shared_memory()
    put(memory, PIXELS.tobytes())
    yield memory
    os.close(memory)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_pixels_come_back_as_they_were(memory: int) -> None:
    found = pixels_of(json.loads(line(said_of_pixels(PIXELS))), memory)
    assert np.array_equal(found, PIXELS)
    assert found.dtype == PIXELS.dtype


@pytest.mark.parametrize(
    "change",
    [
        {"type": "O"},
        {"type": "<U99"},
        {"shape": [3]},
        {"shape": [3, 0]},
        {"shape": [-3, -4]},
        {"shape": [3, 4, 1, 1]},
        {"shape": [2**20, 2**20]},
        {"shape": [3, 5]},
    ],
)
def test_what_no_pixels_can_be_is_broken(memory: int, change: dict[str, object]) -> None:
    with pytest.raises(BrokenWireError, match=r"^(no pixels|too many pixels|the pixels end early)"):
        pixels_of({**said_of_pixels(PIXELS), **change}, memory)


def test_a_refusal_comes_back_under_the_callers_name() -> None:
    told = refusal_of(said_of_refusal(UnreadableImageError("b", "torn", "truncated")), "a")
    assert isinstance(told, UnreadableImageError)
    assert (str(told), told.code) == ("cannot read a: torn", "truncated")
    asked = refusal_of(said_of_refusal(UsageError("no key")), "a")
    assert isinstance(asked, UsageError)
    assert str(asked) == "no key"
    assert refusal_of({"kind": "picture"}, "a") is None


def test_a_message_may_come_in_pieces(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b'{"kind": ')
    with pytest.raises(TimeoutError):
        receive_line(pipe[0], 0.01)
    os.write(pipe[1], b'{"kind": "ready"}\n')
    assert receive_line(pipe[0], 1.0) == {"kind": "ready"}


@pytest.mark.parametrize("text", [b"\xff\n", b"[]\n", b"no\n"])
def test_what_is_no_message_is_broken(pipe: tuple[int, int], text: bytes) -> None:
    os.write(pipe[1], text)
    with pytest.raises(BrokenWireError, match="no message"):
        receive_line(pipe[0], 1.0)


def test_a_message_without_an_end_is_broken(pipe: tuple[int, int]) -> None:
    writer = Thread(target=lambda: os.write(pipe[1], b"x" * (MAX_LINE + 1)))
    writer.start()
    with pytest.raises(BrokenWireError, match="no message"):
        receive_line(pipe[0], 5.0)
    writer.join()


def test_the_end_of_a_pipe_is_broken() -> None:
    read, write = os.pipe()
    os.close(write)
    with pytest.raises(BrokenWireError, match="no message"):
        receive_line(read, 1.0)
    os.close(read)
