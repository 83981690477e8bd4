"""Results about every image of pydicom's and highdicom's own samples, where they are at hand."""

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from acir.errors import UnreadableImageError, UsageError
from acir.pacs import reader
from acir.pacs.gallery import Pictures, gallery
from acir.pacs.heat_map import heat_map
from acir.pacs.origin import origin
from acir.pacs.report import report
from made_answer import MAKER, answered, reread

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "dicom_dev.zip"


pytestmark = pytest.mark.skipif(not SAMPLES.is_file(), reason="dicom_dev.zip is not at hand")


def results(step: int) -> Counter[str]:
    """Make all results about each `step`-th sample, read them again and count them."""
    seen = Counter[str]()
    with zipfile.ZipFile(SAMPLES) as archive:
        for name in archive.namelist()[::step]:
            data = archive.read(name)
            try:
                pixels = reader.read(data, bytes(32), "a").picture.pixels
            except UnreadableImageError:
                seen["unreadable"] += 1
                continue
            try:
                about = origin(data, "a")
            except UsageError as error:  # a result could not say which image it is about
                assert "has no valid" in str(error)
                seen["nameless"] += 1
                continue
            made = [
                report(about, answered(), MAKER),
                heat_map(about, np.zeros(pixels.shape[:2], dtype=np.float32), MAKER),
                gallery(about, answered(), Pictures(None, None, {}), MAKER),
            ]
            for found in made:
                if found is not None:
                    again = reread(found)
                    assert again.StudyInstanceUID == about.header.StudyInstanceUID
                    assert str(again.PatientName or "") == str(
                        about.header.get("PatientName") or ""
                    )
                    seen[again.Modality] += 1
    return seen


def test_some_images_of_other_makers_have_results() -> None:
    assert results(step=10)["SR"] > 8


@pytest.mark.soak
def test_every_image_that_is_read_has_results() -> None:
    seen = results(step=1)
    assert seen["SR"] > 120
    assert seen["OT"] > seen["SR"]  # one gallery each, and a map where there is a place
