"""Words are read by tesseract where it is installed."""

import os

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from acir.privacy import ocr

pytestmark = pytest.mark.skipif(
    not ocr.is_there() and os.environ.get("ACIR_REQUIRE_SERVICES") != "1",
    reason="tesseract is not installed",
)


def _page(width: int, height: int, ink: int, paper: int) -> np.ndarray:
    image = Image.new("L", (width, height), paper)
    font = ImageFont.load_default(24)
    ImageDraw.Draw(image).text((width // 4, 60), "HOSPITAL", fill=ink, font=font)
    return np.asarray(image)


@pytest.mark.parametrize(("ink", "paper"), [(230, 10), (10, 230)])
@pytest.mark.parametrize("width", [400, 1200])
def test_the_box_of_a_word_covers_it(width: int, ink: int, paper: int) -> None:
    page = _page(width, 200, ink, paper)
    certain = [box for box, sure in ocr.words(page) if sure]
    assert len(certain) == 1
    box = certain[0]
    covered = page.copy()
    covered[box.top : box.bottom, box.left : box.right] = paper
    assert (covered == paper).all()
    assert box.right - box.left < 200


def test_colour_is_read_too_and_an_empty_page_has_no_words() -> None:
    page = np.repeat(_page(400, 200, 230, 10)[..., None], 3, axis=2)
    assert [sure for _, sure in ocr.words(page)] == [True]
    assert ocr.words(np.zeros((100, 100), dtype=np.uint8)) == []
