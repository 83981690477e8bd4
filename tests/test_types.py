"""Values without torch: what each refuses, and how a ranking is reordered."""

import subprocess
import sys
from copy import copy
from dataclasses import FrozenInstanceError, fields
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from jaxtyping import Shaped

from acir import types
from acir.types import ImageRecord, Ranking, counted, pixel_hash, silent

Pixels = Shaped[np.ndarray, "..."]


def record(pixels: Pixels, **changes: Any) -> ImageRecord:  # noqa: ANN401 - any field
    known: dict[str, Any] = {"value_range": (0.0, 255.0), "split": "train", "draw": 0.5}
    return ImageRecord(id="a/1.png", pixels=pixels, **{**known, **changes})


@pytest.mark.parametrize("shape", [(2, 3), (1, 1), (2, 3, 3), (3, 3, 3)])
def test_a_picture_is_grey_or_has_three_channels(shape: tuple[int, ...]) -> None:
    found = record(np.zeros(shape, dtype=np.uint8))
    assert found.is_colour == (len(shape) == 3)


@pytest.mark.parametrize(
    "shape", [(3,), (2, 3, 1), (2, 3, 2), (2, 3, 4), (0, 3), (2, 0), (0, 3, 3), (1, 2, 3, 3)]
)
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"pixels of a/1.png have shape \(.*\), expected \(height"):
        record(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("value_range", [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0)])
def test_an_empty_range_of_values_is_refused(value_range: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"value_range of a/1.png is empty"):
        record(np.zeros((2, 2)), value_range=value_range)


def test_a_record_has_no_name_of_a_patient() -> None:
    names = {field.name for field in fields(ImageRecord)}
    assert names == {
        "id",
        "pixels",
        "value_range",
        "split",
        "draw",
        "labels",
        "inverted",
        "patient",
        "path",
        "metadata",
    }


def test_values_are_frozen() -> None:
    found = record(np.zeros((2, 2), dtype=np.uint8))
    with pytest.raises(FrozenInstanceError):
        found.id = "b"  # type: ignore[misc]
    with pytest.raises(TypeError):
        found.metadata["a"] = "b"  # type: ignore[index]


def test_the_pixel_hash_covers_type_shape_and_values() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert pixel_hash(pixels) == sha256(b"|u1(2, 3)\x00\x01\x02\x03\x04\x05").hexdigest()
    others: list[Pixels] = [
        pixels.T,
        pixels.reshape(3, 2),
        pixels.astype(np.uint16),
        pixels + np.uint8(1),
    ]
    assert len({pixel_hash(p) for p in [pixels, *others]}) == 5


def test_the_pixel_hash_does_not_see_how_memory_is_laid_out() -> None:
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    assert pixel_hash(pixels) == pixel_hash(np.asfortranarray(pixels)) == record(pixels).pixel_hash
    assert pixel_hash(pixels[:, ::2]) == pixel_hash(pixels[:, ::2].copy())


def ranking(n: int) -> Ranking:
    return Ranking(
        rows=np.arange(n),
        distances=np.arange(n) + 10,
        cosines=np.linspace(1, 0, n),
        similarities=np.linspace(1, 0.5, n),
    )


def test_a_ranking_is_reordered_column_by_column() -> None:
    found = ranking(3).take(np.array([2, 0]))
    assert found.rows.tolist() == [2, 0]
    assert found.distances.tolist() == [12, 10]
    assert found.cosines.tolist() == [0, 1]
    assert found.similarities.tolist() == [0.5, 1]


def test_a_ranking_may_be_empty() -> None:
    assert len(ranking(3).take(np.array([], dtype=np.int64))) == 0


def test_columns_of_different_lengths_are_refused() -> None:
    # Not constructed: the shape checks of the tests would refuse it before its own check.
    broken = copy(ranking(3))
    object.__setattr__(broken, "distances", broken.distances[:2])
    with pytest.raises(ValueError, match=r"the columns of a ranking differ in length: \[2, 3\]"):
        broken.__post_init__()


def test_counted_passes_items_on_and_reports_each_after_its_use() -> None:
    events: list[str] = []
    items = counted("ab", lambda n: events.append(f"tick {n}"))
    events.extend(f"use {item}" for item in items)
    assert events == ["use a", "tick 1", "use b", "tick 1"]


def test_counted_does_not_report_what_was_not_used() -> None:
    ticks: list[int] = []
    items = counted("abc", ticks.append)
    next(items)
    assert ticks == []


def test_silent_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for total in (None, 3):
        with silent("training", total) as tick:
            tick(1)
    assert capsys.readouterr() == ("", "")


def test_types_come_without_torch() -> None:
    code = f"import sys, {types.__name__}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
