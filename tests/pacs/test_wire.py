"""What a child may say: an answer, or nothing that counts. A hostile child is played by hand."""

import json
import os
from collections.abc import Iterator
from threading import Thread

import numpy as np
import pytest

from acir.pacs.place import Place
from acir.pacs.reader import DicomPicture
from acir.pacs.wire import (
    MAX_LINE,
    BrokenWireError,
    answer_of,
    line,
    put,
    receive_line,
    said_of,
    shared_memory,
)
from acir.prep.decode import Picture

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)
FOUND = DicomPicture("i", Picture(PIXELS, (0.1, 11.0), True), "p", "d", None, {"Modality": "CT"})

PLACE = Place(
    id="i",
    series="s",
    reference="r",
    size=(3, 4),
    number=None,
    passes=(None, 1.0, None, 800.0),
    orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    position=None,
)


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


def test_an_answer_comes_back_as_it_was(memory: int) -> None:
    found = answer_of(json.loads(line(said_of(FOUND))), memory, "a")
    assert isinstance(found, DicomPicture)
    assert np.array_equal(found.picture.pixels, PIXELS)
    assert found.picture.value_range == (0.1, 11.0)
    assert (found.picture.inverted, found.id, found.patient, found.label) == (True, "i", "p", None)
    assert found.metadata == {"Modality": "CT"}


def test_a_place_comes_back_as_it_was(memory: int) -> None:
    assert answer_of(json.loads(line(said_of(PLACE))), memory, "a") == PLACE


@pytest.mark.parametrize(
    "change",
    [
        {"size": [3]},
        {"size": [3, "many"]},
        {"number": float("inf")},
        {"passes": []},
        {"orientation": [0, 0, 0, 0, 0, 0]},
        {"orientation": [float("nan")] * 6},
        {"position": [1, 2]},
        {"position": 7},
    ],
)
def test_anything_else_is_no_place(memory: int, change: dict[str, object]) -> None:
    with pytest.raises(BrokenWireError, match=r"^no answer$"):
        answer_of({**said_of(PLACE), **change}, memory, "a")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "code"},
        {"type": "O"},
        {"type": "<U99"},
        {"shape": [3]},
        {"shape": [3, 0]},
        {"shape": [-3, -4]},
        {"shape": [3, 4, 1, 1]},
        {"shape": [2**20, 2**20]},
        {"shape": [3, 5]},
        {"shape": "ab"},
        {"shape": 7},
        {"value_range": [1, 1]},
        {"value_range": [float("nan"), 1]},
        {"value_range": [1]},
        {"metadata": []},
        {"kind": "unreadable"},
        {"kind": "usage"},
    ],
)
def test_anything_else_is_no_answer(memory: int, change: dict[str, object]) -> None:
    with pytest.raises(
        BrokenWireError, match=r"^(no answer|no pixels|no range|too many|the pixels)"
    ):
        answer_of({**said_of(FOUND), **change}, memory, "a")


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
