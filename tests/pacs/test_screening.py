"""Pictures as they may be shown: as they are, blacked out, or not at all."""

import numpy as np
import pytest
from pydicom import Dataset

from acir.errors import UnreadableImageError
from acir.pacs import screening
from acir.pacs.screening import as_shown, blacked, kept_back, screened
from acir.prep.decode import Picture
from acir.privacy.burned_in import Judgement

MASK = np.array([[True, False], [False, False]])
GREY = np.array([[10, 20], [30, 40]], dtype=np.uint8)


def _risky() -> Dataset:
    dataset = Dataset()
    dataset.Modality = "US"
    return dataset


def test_a_picture_of_an_ordinary_kind_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "judge", None)
    dataset = Dataset()
    dataset.Modality = "CT"
    picture = Picture(GREY, (0.0, 255.0))
    assert screened(dataset, picture, "a") is picture


@pytest.mark.parametrize(("inverted", "value"), [(False, 5), (True, 50)])
def test_black_is_the_end_of_the_range_that_is_shown_black(
    monkeypatch: pytest.MonkeyPatch, inverted: bool, value: int
) -> None:
    monkeypatch.setattr(screening, "judge", lambda *_: Judgement(MASK, None))
    found = screened(_risky(), Picture(GREY, (5.0, 50.0), inverted), "a")
    assert found.pixels.tolist() == [[value, 20], [30, 40]]
    assert (found.value_range, found.inverted) == ((5.0, 50.0), inverted)
    assert GREY[0, 0] == 10
    assert as_shown(found)[0, 0] == 0


def test_nothing_to_hide_leaves_a_picture_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "judge", lambda *_: Judgement(None, None))
    picture = Picture(GREY, (0.0, 255.0))
    assert screened(_risky(), picture, "a") is picture


def test_a_doubt_keeps_a_picture_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "judge", lambda *_: Judgement(MASK, "who knows"))
    with pytest.raises(UnreadableImageError) as caught:
        screened(_risky(), Picture(GREY, (0.0, 255.0)), "DICOM file 1 of 1")
    assert caught.value.reason == kept_back("who knows")
    assert "pixels: who knows; look at it first" in str(caught.value)


def test_a_value_beyond_the_type_becomes_the_nearest() -> None:
    assert blacked(GREY, MASK, -160.0, False)[0, 0] == 0
    assert blacked(GREY, MASK, 999.0, False)[0, 0] == 255
    assert blacked(GREY.astype(np.float32), MASK, -160.5, False)[0, 0] == -160.5


def test_colour_and_several_frames_are_blacked_out_alike() -> None:
    colour = np.full((3, 2, 2, 3), 7, dtype=np.uint8)
    found = blacked(colour, MASK, 0.0, True)
    assert (found[:, 0, 0] == 0).all()
    assert found.sum() == 7 * 3 * 3 * 3
    assert blacked(colour[..., 0], MASK, 0.0, False).sum() == 7 * 3 * 3


def test_what_is_shown_is_the_window_in_256_levels() -> None:
    picture = Picture(np.array([[-100, 0], [50, 500]], dtype=np.int16), (0.0, 100.0))
    assert as_shown(picture).tolist() == [[0, 0], [128, 255]]
    assert as_shown(Picture(picture.pixels, (0.0, 100.0), True)).tolist() == [[255, 255], [128, 0]]
