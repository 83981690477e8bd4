"""The values of a picture reach a viewer as they are."""

import numpy as np
import pytest

from acir.types import ImageRecord
from acir.workflows.serving.frames import frame_of


def record(pixels: np.ndarray, **about: object) -> ImageRecord:
    return ImageRecord("x", pixels, (-160.0, 240.0), "test", 0.5, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_whole_numbers_are_exact(kind: type[np.number]) -> None:
    low, high = (0, 255) if kind is np.uint8 else (-1000, 3000)
    low = 0 if kind is np.uint16 else low
    pixels = np.linspace(low, high, 21).round().astype(kind).reshape(3, 7)
    frame = frame_of(record(pixels))
    assert frame is not None
    numbers = np.frombuffer(frame.data, dtype="<u2").reshape(frame.height, frame.width)
    values = frame.offset + frame.scale * numbers
    tolerance = 0 if np.issubdtype(kind, np.integer) else frame.scale / 2 * 1.001
    assert np.abs(values - pixels).max() <= tolerance
    assert (frame.low, frame.high, frame.inverted) == (-160.0, 240.0, False)


def test_a_wide_range_is_rounded_to_its_steps() -> None:
    pixels = np.array([[0, 65536 * 4, 100_000]], dtype=np.int32)
    frame = frame_of(record(pixels))
    assert frame is not None
    numbers = np.frombuffer(frame.data, dtype="<u2")
    assert numbers[:2].tolist() == [0, 65535]
    assert np.abs(frame.offset + frame.scale * numbers - pixels).max() <= frame.scale / 2


def test_one_value_alone_has_a_scale() -> None:
    frame = frame_of(record(np.full((2, 2), 7.5), inverted=True))
    assert frame is not None
    assert (frame.offset, frame.scale, frame.inverted) == (7.5, 1.0, True)
    assert not any(frame.data)


def test_a_picture_in_colour_has_no_such_values() -> None:
    assert frame_of(record(np.zeros((4, 4, 3), np.uint8))) is None
