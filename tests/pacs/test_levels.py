"""Which slide a file is part of, from the head of its header."""

from pathlib import Path

import numpy as np
import pytest

from acir.errors import UnreadableImageError, UsageError
from acir.pacs.guard import Pool
from acir.pacs.levels import Level, head_of, level
from acir.privacy.pseudonym import pseudonym
from made_dicom_slides import part
from made_frames import MakeDicom

KEY = bytes(range(32))
PIXELS = np.zeros((64, 64, 3), np.uint8)
EXPLICIT = b"UI\x14\x00" + b"1.2.840.10008.1.2.1\0"
DEFLATED = b"UI\x16\x00" + b"1.2.840.10008.1.2.1.99"


def test_a_level_says_which_slide_and_whose_it_is() -> None:
    data = part(PIXELS, 0.5, "1.2.9")
    found = level(data[:1200], KEY, "a")  # the pixels are not looked at
    assert found == Level(
        pseudonym(KEY, "series", "1.2.9"), "471108150947", is_level=True, label=None
    )
    assert "471108150947" not in repr(found)
    with Pool(workers=1) as pool:
        assert pool.level(data, KEY, "a") == found


def test_a_folder_called_after_the_patient_or_the_study_is_no_label() -> None:
    data = part(PIXELS, 0.5, AccessionNumber="S12-99", StudyID="7")
    labels = ("tumour", "Patricia", "471108150947", "S12 99", "7")
    found = [level(data, KEY, "a", label).label for label in labels]
    assert found == ["tumour", None, None, None, None]
    with Pool(workers=1) as pool:
        assert pool.level(data, KEY, "a", "tumour").label == "tumour"


@pytest.mark.parametrize("kind", ["LABEL", "OVERVIEW", "THUMBNAIL", "LOCALIZER"])
def test_what_lies_beside_the_levels_is_none(kind: str) -> None:
    assert not level(part(PIXELS, 0.5, kind=kind), KEY, "a").is_level
    assert not level(part(PIXELS, 0.5, ImageType=["ORIGINAL"]), KEY, "a").is_level


def test_without_a_patient_the_series_stands_for_one() -> None:
    assert level(part(PIXELS, 0.5, "1.2.9", PatientID=" "), KEY, "a").patient == "1.2.9"


def test_what_is_no_part_of_a_slide_is_refused(make_dicom: MakeDicom) -> None:
    data = part(PIXELS, 0.5)
    refused = {
        "its content is not DICOM": b"II*\0" * 99,
        "it is DICOM, but no part of a whole slide": make_dicom(PIXELS, SeriesInstanceUID="1.2"),
        "its content is damaged or of a kind that is not decoded": data[:300],
    }
    for reason, file in refused.items():
        with pytest.raises(UnreadableImageError, match=f"cannot read a: {reason}"):
            level(file, KEY, "a")
    with pytest.raises(UsageError, match="the series must be hidden"):
        level(data, b"", "a")


def test_a_deflated_file_is_not_inflated(make_dicom: MakeDicom) -> None:
    data = make_dicom(PIXELS).replace(EXPLICIT, DEFLATED)
    with pytest.raises(UnreadableImageError, match="it is deflated, as no level of a slide may be"):
        level(data, KEY, "a")


def test_a_file_that_is_gone_is_refused() -> None:
    with pytest.raises(UnreadableImageError, match="cannot read a: the file cannot be opened"):
        head_of(Path("gone.dcm"), "a")
