"""What a child may say of a picture. A hostile child is played by hand."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

import numpy as np
import pytest

from acir.disposable.messages import BrokenWireError, line, put, shared_memory
from acir.pacs.levels import Level
from acir.pacs.place import Place, numbered
from acir.pacs.reader import DicomPicture
from acir.pacs.release import Released
from acir.pacs.wire import (
    level_of,
    located,
    picture_of,
    release_of,
    said_of,
    said_of_level,
    said_of_places,
    said_of_release,
)
from acir.prep.decode import Picture

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)
RELEASED = Released(PurePath("p", "1.2", "1.3", "1.4.dcm"), b"content", "a doubt")
FOUND = DicomPicture("i", Picture(PIXELS, (0.1, 11.0), True), "p", "d", None, {"Modality": "CT"})

PLACE = Place(
    id="i",
    series="s",
    reference="r",
    size=(3, 4),
    number=None,
    passes=(None, 1.0, None, 800.0, None),
    orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    position=None,
)


@pytest.fixture
def memory() -> Iterator[int]:
    memory = shared_memory()
    put(memory, PIXELS.tobytes())
    yield memory
    os.close(memory)


def test_an_answer_comes_back_as_it_was(memory: int) -> None:
    found = picture_of(json.loads(line(said_of(FOUND))), memory)
    assert np.array_equal(found.picture.pixels, PIXELS)
    assert found.picture.value_range == (0.1, 11.0)
    assert (found.picture.inverted, found.id, found.patient, found.label) == (True, "i", "p", None)
    assert found.metadata == {"Modality": "CT"}


def _told(places: tuple[Place, ...], **changes: object) -> tuple[Place, ...]:
    """Have a parent hear of places, with another message than the child says."""
    said, rows = said_of_places(places)
    memory = shared_memory()
    try:
        put(memory, rows.tobytes())
        return located({**json.loads(line(said)), **changes}, memory)
    finally:
        os.close(memory)


def test_places_come_back_as_they_were() -> None:
    assert _told((PLACE,)) == (PLACE,)
    bare = replace(PLACE, passes=(None,) * 5, orientation=None, number=7)
    frames = numbered([replace(bare, position=(1.5, -2.0, float(n))) for n in range(5000)])
    assert frames[-1].frame == 5000
    assert _told(frames) == frames


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "picture"},
        {"size": [3]},
        {"size": [3, "many"]},
        {"number": float("inf")},
        {"shape": [1, 13]},
        {"shape": [5001, 14]},
        {"shape": [2, 14]},
        {"shape": [0, 14]},
        {"shape": [1]},
        {"type": "<f4"},
        {"id": None, "shape": None},
    ],
)
def test_anything_else_is_no_place(change: dict[str, object]) -> None:
    with pytest.raises((BrokenWireError, TypeError, ValueError, OverflowError)):
        _told((PLACE,), **change)


@pytest.mark.parametrize(
    ("columns", "value"), [(slice(5, 11), 0.0), (5, float("nan")), (slice(11, 14), float("inf"))]
)
def test_rows_that_are_no_geometry_are_refused(columns: int | slice, value: float) -> None:
    said, rows = said_of_places((replace(PLACE, position=(1.0, 2.0, 3.0)),))
    rows[0, columns] = value
    memory = shared_memory()
    put(memory, rows.tobytes())
    with pytest.raises(ValueError, match=r"the orientation is not two|the position is not three"):
        located(json.loads(line(said)), memory)
    os.close(memory)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "code"},
        {"shape": [3, 5]},
        {"shape": [3, 2, 2]},
        {"value_range": [1, 1]},
        {"value_range": [float("nan"), 1]},
    ],
)
def test_what_is_no_picture_is_broken(memory: int, change: dict[str, object]) -> None:
    with pytest.raises(
        BrokenWireError,
        match=r"^(no picture|neither grey nor colour|the pixels end early|no range)$",
    ):
        picture_of({**said_of(FOUND), **change}, memory)


@pytest.mark.parametrize(
    "change",
    [{"shape": "ab"}, {"shape": 7}, {"value_range": [1]}, {"metadata": []}, {"type": None}],
)
def test_what_says_too_little_is_an_error_that_a_worker_expects(
    memory: int, change: dict[str, object]
) -> None:
    with pytest.raises((BrokenWireError, KeyError, TypeError, ValueError, AttributeError)):
        picture_of({**said_of(FOUND), **change}, memory)


def test_a_level_comes_back_as_it_was() -> None:
    for label in ("tumour", None):
        found = Level("s", "p", is_level=True, label=label)
        said = json.loads(line(said_of_level(found)))
        assert level_of(said, -1) == found
    with pytest.raises(BrokenWireError, match="no level"):
        level_of({**said, "kind": "place"}, -1)


def test_a_release_comes_back_as_it_was() -> None:
    memory = shared_memory()
    put(memory, RELEASED.content)
    assert release_of(json.loads(line(said_of_release(RELEASED))), memory) == RELEASED
    os.close(memory)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "picture"},
        {"place": []},
        {"place": ["..", "..", "etc", "passwd"]},
        {"place": ["/etc", "a.dcm"]},
        {"place": ["a/b.dcm"]},
        {"place": ["a", "b", "c", "d", "e.dcm"]},
        {"place": ["a\0b.dcm"]},
        {"bytes": -1},
        {"bytes": 2**40},
        {"bytes": 99},
    ],
)
def test_a_release_leads_nowhere_else(memory: int, change: dict[str, object]) -> None:
    with pytest.raises(BrokenWireError, match=r"^(no release|no place|too many b|the file ends)"):
        release_of({**said_of_release(RELEASED), **change}, memory)
