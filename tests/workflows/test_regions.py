"""A region of a picture is asked about as a picture of its own."""

from pathlib import Path

import numpy as np
import pytest

from acir.errors import UnreadableImageError, UsageError
from acir.types import Calibration, ImageRecord, Verdict
from acir.workflows.serving.queries import Asked, Query, examine
from acir.workflows.serving.regions import Region, within
from acir.workflows.serving.served import Served
from made_model import draw, save
from made_web import png

OUTSIDE = "does not lie in the picture; give left, top, right and bottom in percent of its sides"


UNKNOWN = Verdict("unknown", 0.0, "no picture", "unreadable", {}, Calibration(0, 0, 0.0, None))


def record(pixels: np.ndarray) -> ImageRecord:
    return ImageRecord("x", pixels, (0.0, 4095.0), "test", 0.5, patient="p", inverted=True)


def test_a_pixel_that_the_box_touches_belongs_to_it() -> None:
    pixels = np.arange(40 * 20, dtype=np.uint16).reshape(40, 20)
    # Rows 40 * 0.1 = 4 to 40 * 0.51 = 20.4, up to 21; columns 20 * 0.26 = 5.2, from 5, to 20.
    found = Region(26.0, 10.0, 100.0, 51.0).crop(record(pixels))
    assert found.pixels.tolist() == pixels[4:21, 5:20].tolist()
    assert (found.value_range, found.patient, found.inverted) == ((0.0, 4095.0), "p", True)
    assert found.pixel_hash != record(pixels).pixel_hash


def test_the_whole_picture_is_a_region() -> None:
    pixels = np.zeros((9, 30, 3), dtype=np.uint8)
    assert Region(0.0, 0.0, 100.0, 100.0).crop(record(pixels)).pixels.shape == (9, 30, 3)


@pytest.mark.parametrize(
    "sides",
    [(-1, 0, 50, 50), (0, 0, 101, 50), (50, 0, 50, 50), (60, 0, 50, 50), (0, 9, 50, 8),
     (float("nan"), 0, 50, 50), (0, 0, float("inf"), 50)],
)  # fmt: skip
def test_a_box_outside_the_picture_is_refused(sides: tuple[float, float, float, float]) -> None:
    with pytest.raises(UsageError, match=OUTSIDE):
        Region(*map(float, sides))


def test_a_box_too_small_to_show_anything_is_refused() -> None:
    with pytest.raises(UsageError, match="the region has 7 x 100 pixels; draw one of at least 8 x"):
        Region(0.0, 0.0, 7.0, 100.0).crop(record(np.zeros((100, 100), np.uint8)))


def test_a_region_is_of_one_picture_that_can_be_read(index: Path) -> None:
    broken = UnreadableImageError("x", "no picture")
    view = Asked("x", broken, UNKNOWN, "0" * 64, None)
    part = Region(0.0, 0.0, 50.0, 50.0)
    with Served.open(index) as served:
        (good,) = examine(served, [(png(draw("disc", 120)), None)])
        for views in ((view,), (good, good), (good, view)):
            said = "a region is drawn in one picture that can be read"
            with pytest.raises(UsageError, match=said):
                within(Query("k", "ada", views), part, served)


def test_a_region_is_remembered_and_counts_for_the_memory(index: Path, tmp_path: Path) -> None:
    with Served.open(index) as served:
        picture = save(draw("disc", 120), tmp_path / "disc.png").read_bytes()
        query = Query("k", "ada", examine(served, [(picture, None)]))
        alone, part = query.size, Region(0.0, 0.0, 50.0, 50.0)
        found = within(query, part, served)
        assert within(query, Region(0.0, 0.0, 50.0, 50.0), served) is found
        assert query.size == alone + found.size > alone
        for side in range(51, 60):
            within(query, Region(0.0, 0.0, float(side), 50.0), served)
        assert len(query.regions) <= 8
