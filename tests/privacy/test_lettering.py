"""Rows of letters are found by their shape, and pictures without letters are left in peace."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from acir.privacy.lettering import Box, rows_of_letters
from made_text import background, drawn


def _page(text: str, size: int, angle: float = 0, ink: int = 255, paper: int = 0) -> np.ndarray:
    image = Image.new("L", (400, 400), paper)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(image).text((200, 200), text, fill=ink, font=font, anchor="mm")
    return np.asarray(image.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=paper))


@pytest.mark.parametrize("size", [10, 14, 24, 48, 80])
@pytest.mark.parametrize("angle", [0, 17, 90, 180, 301])
def test_a_word_is_found_at_any_size_and_angle(size: int, angle: float) -> None:
    rows = rows_of_letters(_page("SMITH, JO", size, angle), 4)
    assert rows
    assert all(row.meets(Box(40, 40, 360, 360)) for row in rows)


@pytest.mark.parametrize(("ink", "paper"), [(255, 0), (0, 255), (150, 80), (80, 150)])
def test_bright_and_dark_ink_are_found(ink: int, paper: int) -> None:
    assert rows_of_letters(_page("Meyer, Anna", 16, 0, ink, paper), 4)


def test_colour_of_one_brightness_is_found() -> None:
    mask = _page("SMITH, JOHN", 18) > 128
    picture = np.where(mask[..., None], [200, 40, 0], [80, 80, 80]).astype(np.uint8)
    assert abs(float(picture[mask].mean()) - float(picture[~mask].mean())) < 1
    assert rows_of_letters(picture, 4)


@pytest.mark.parametrize("turned", [0, 90])
def test_a_row_goes_on_with_letters_too_faint_to_begin_one_and_ends_after_a_gap(
    turned: int,
) -> None:
    image = Image.new("L", (400, 400), 60)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(24)
    draw.text((20, 200), "SMITH", fill=200, font=font, anchor="lm")
    middle = 20 + font.getlength("SMITH")
    draw.text((middle, 200), "4711", fill=82, font=font, anchor="lm")
    end = middle + font.getlength("4711")
    draw.text((end + 90, 200), "4711", fill=82, font=font, anchor="lm")
    rows = rows_of_letters(np.rot90(np.asarray(image), turned // 90), 4)
    # Turned to the left, what was at the right is at the top.
    reach = max(row.right for row in rows) if not turned else 400 - min(row.top for row in rows)
    assert middle < end - 5 < reach < end + 12


def test_fewer_letters_than_asked_for_are_no_row() -> None:
    assert rows_of_letters(_page("LEE", 20), 3)
    assert rows_of_letters(_page("LEE", 20), 4) == []


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_picture_has_no_letters(value: int) -> None:
    assert rows_of_letters(np.full((100, 100), value, dtype=np.uint8), 3) == []
    assert rows_of_letters(np.full((1, 1), value, dtype=np.uint8), 3) == []


def test_pictures_without_text_and_speckle_are_mostly_left_in_peace() -> None:
    kinds = ("endoscopy", "page", "slice")
    pictures = [background(k, np.random.default_rng(n)) for k in kinds for n in range(3)]
    assert sum(bool(rows_of_letters(picture, 4)) for picture in pictures) <= 1


def test_so_many_spots_that_no_one_can_tell_are_taken_for_text() -> None:
    spots = np.zeros((1000, 1000), dtype=np.uint8)
    for row in range(6):
        for column in range(4):
            spots[row::14, column::14] = 255
    (box, *_) = rows_of_letters(spots, 4)
    assert box.right - box.left > 900


def test_text_on_every_kind_of_picture_is_found() -> None:
    for seed in range(10):
        assert rows_of_letters(drawn(seed).pixels, 4), seed


def test_boxes_grow_along_the_row_and_meet_where_they_share_a_pixel() -> None:
    assert Box(50, 40, 90, 50).grown() == Box(40, 38, 100, 52)
    assert Box(40, 50, 50, 90).grown() == Box(38, 40, 52, 100)
    assert Box(0, 0, 40, 10).grown() == Box(0, 0, 50, 12)
    assert Box(0, 0, 2, 2).meets(Box(1, 1, 3, 3))
    assert not Box(0, 0, 2, 2).meets(Box(2, 0, 3, 3))
