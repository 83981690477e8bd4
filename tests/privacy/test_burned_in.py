"""Which pictures may show a name, and where the rules say that it is."""

import json
import os
import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset

from acir.privacy import burned_in, ocr
from acir.privacy.burned_in import hidden, is_risky, judge
from acir.privacy.lettering import Box, rows_of_letters
from acir.privacy.ocr import OcrError
from made_text import BACKGROUNDS, drawn


def _picture(rows: int = 8, columns: int = 10, **values: Any) -> Dataset:  # noqa: ANN401 - any attribute
    dataset = Dataset()
    dataset.Rows, dataset.Columns = rows, columns
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _region(left: int, top: int, right: int, bottom: int) -> Dataset:
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = left, top
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = right, bottom
    return region


SLICE = ["DERIVED", "SECONDARY", "MPR"]


@pytest.mark.parametrize(
    ("values", "risky"),
    [
        ({"Modality": "CT"}, False),
        ({"Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY"]}, False),
        ({"Modality": "CR", "ImageType": ["DERIVED", "PRIMARY"]}, False),
        ({"Modality": "MR", "ImageType": SLICE, "ImagePositionPatient": [0, 0, 0]}, False),
        ({"Modality": "MR", "ImageType": SLICE}, True),
        ({"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, True),
        ({"Modality": "CT", "SamplesPerPixel": 3}, True),
        ({"Modality": "SM", "SamplesPerPixel": 3}, False),
        ({"Modality": "SM", "ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}, True),
        ({"Modality": "SM", "SpecimenLabelInImage": "YES"}, True),
        ({"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, True),
        ({"Modality": "US"}, True),
        ({"Modality": "US", "BurnedInAnnotation": "NO"}, False),
        ({"Modality": "CT", "BurnedInAnnotation": "YES"}, True),
        ({"Modality": "CT", "BurnedInAnnotation": "yes"}, True),
        ({"Modality": "US", "BurnedInAnnotation": "no"}, True),
        ({"Modality": "ES"}, True),
        ({"Modality": "us"}, True),
        ({"Modality": None}, True),
        ({"Modality": ""}, True),
        ({"Modality": "OT", "BurnedInAnnotation": "unknown"}, True),
    ],
)
@pytest.mark.filterwarnings("ignore")  # pydicom's, of a value that is none of the standard's
def test_a_picture_is_risky_by_what_its_file_says(values: dict[str, Any], risky: bool) -> None:
    assert is_risky(_picture(**values)) is risky


def test_outside_of_all_ultrasound_regions_everything_is_hidden() -> None:
    regions = [_region(2, 1, 4, 3), _region(6, 5, 20, 20)]
    black = hidden(_picture(SequenceOfUltrasoundRegions=regions))
    assert black is not None
    expected = np.ones((8, 10), dtype=bool)
    expected[1:4, 2:5] = False
    expected[5:, 6:] = False
    assert np.array_equal(black, expected)


def test_regions_outside_of_the_picture_are_no_rule() -> None:
    assert hidden(_picture(SequenceOfUltrasoundRegions=[_region(50, 50, 60, 60)])) is None
    assert hidden(_picture(SequenceOfUltrasoundRegions=[])) is None


def test_a_device_hides_its_rectangles_in_pictures_of_its_size() -> None:
    device = {"Modality": "US", "Manufacturer": "Acuson", "ManufacturerModelName": "Sequoia 512"}
    black = hidden(_picture(480, 640, **device))
    assert black is not None
    assert black[:30].all()
    assert not black[30:].any()
    assert hidden(_picture(481, 640, **device)) is None
    assert hidden(_picture(480, 640, **(device | {"Modality": "MR"}))) is None


def test_every_rule_of_a_device_hides_something_within_the_picture() -> None:
    text = files("acir.privacy").joinpath("devices.toml").read_text(encoding="utf-8")
    for rule in tomllib.loads(text)["device"]:
        black = hidden(
            _picture(
                rule["rows"] or 1080,
                rule["columns"] or 1920,
                Modality=rule["modality"],
                Manufacturer=rule["manufacturer"],
                ManufacturerModelName=rule["model"],
            )
        )
        assert black is not None
        assert 0 < black.mean() < 0.5
        for left, top, width, height in rule["hide"]:
            assert black[top : top + height, left : left + width].all()


needs_tesseract = pytest.mark.skipif(
    not ocr.is_there() and os.environ.get("ACIR_REQUIRE_SERVICES") != "1",
    reason="tesseract is not installed",
)
BLANK = np.zeros((160, 400), dtype=np.uint8)


@pytest.fixture
def no_tesseract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "PROGRAM", "no-such-program")


def _name(text: str = "SMITH^JOHN") -> np.ndarray:
    image = Image.new("L", (400, 160))
    ImageDraw.Draw(image).text((30, 30), text, fill=220, font=ImageFont.load_default(18))
    return np.asarray(image)


@pytest.mark.usefixtures("no_tesseract")
def test_without_a_rule_and_a_reader_a_person_has_to_look() -> None:
    found = judge(_picture(Modality="US"), [BLANK])
    assert found.black is None
    assert found.doubt == "it may show a name, no rule says where, and tesseract is missing"


@pytest.mark.usefixtures("no_tesseract")
def test_what_a_rule_leaves_is_looked_at_without_a_reader_too() -> None:
    regions = {"Modality": "US", "SequenceOfUltrasoundRegions": [_region(0, 20, 399, 159)]}
    dataset = _picture(160, 400, **regions)
    plain = judge(dataset, [BLANK])
    assert plain.doubt is None
    assert plain.black is not None
    assert plain.black.sum() == 20 * 400
    named = judge(dataset, [BLANK, _name()])
    assert named.doubt is None
    assert named.black is not None
    assert named.black[_name() > 100].all()


@needs_tesseract
def test_a_picture_without_text_is_let_through_as_it_is() -> None:
    found = judge(_picture(160, 400, Modality="OT"), [BLANK])
    assert (found.black, found.doubt) == (None, None)


@needs_tesseract
def test_a_short_word_that_makes_no_row_is_read() -> None:
    picture = _name("LEE")
    assert rows_of_letters(picture, 4) == []
    found = judge(_picture(160, 400, Modality="OT"), [picture])
    assert found.black is not None
    assert found.black[picture > 100].all()


@needs_tesseract
def test_a_name_in_one_frame_is_blacked_out_in_all() -> None:
    found = judge(_picture(160, 400, Modality="US"), [BLANK, BLANK, BLANK, _name(), BLANK])
    assert found.black is not None
    assert found.black[_name() > 100].all()


def test_a_page_of_text_is_kept_back() -> None:
    page = Image.new("L", (400, 400), 255)
    for line in range(20):
        words = "Report of Mrs Smith, born 1944"
        ImageDraw.Draw(page).text((5, 20 * line), words, fill=0, font=ImageFont.load_default(16))
    dataset = _picture(
        400, 400, Modality="US", SequenceOfUltrasoundRegions=[_region(0, 0, 399, 399)]
    )
    found = judge(dataset, [np.asarray(page)])
    assert found.doubt == "it is text in good part"


def test_letters_that_come_to_light_afterwards_are_a_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([[Box(0, 0, 5, 5)], [Box(50, 50, 60, 60)]])
    monkeypatch.setattr(ocr, "PROGRAM", "no-such-program")
    monkeypatch.setattr(burned_in, "rows_of_letters", lambda *_: next(answers))
    dataset = _picture(
        160, 400, Modality="US", SequenceOfUltrasoundRegions=[_region(0, 0, 399, 159)]
    )
    found = judge(dataset, [BLANK])
    assert found.doubt == "something still looks like a row of letters"


@pytest.mark.parametrize("program", ["false", "sleep 5"])
def test_a_reader_that_fails_is_a_doubt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str
) -> None:
    script = tmp_path / "reader"
    script.write_text(f"#!/bin/sh\nexec {program}\n")
    script.chmod(0o755)
    monkeypatch.setattr(ocr, "PROGRAM", str(script))
    monkeypatch.setattr(ocr, "SECONDS", 0.3)
    with pytest.raises(OcrError, match=r"failed, or gave no answer within 0\.3 s; try it by hand"):
        ocr.words(BLANK)
    assert "failed, or gave no answer" in str(
        judge(_picture(160, 400, Modality="OT"), [BLANK]).doubt
    )


def _outcome(seed: int) -> str:
    """Say what becomes of a drawn name: kept back, cleaned, or (a leak) neither."""
    picture = drawn(seed)
    height, width = picture.pixels.shape[:2]
    found = judge(_picture(height, width, Modality="OT"), [picture.pixels])
    if found.doubt is not None:
        return "kept back"
    black = np.zeros((height, width), dtype=bool) if found.black is None else found.black
    left = (picture.where & ~black).sum() / picture.where.sum()
    return "cleaned" if left <= LEFT else f"leaked: {picture.text} of {picture.size} px"


def _outcome_soon(seed: int) -> str:
    """Say the same, and read words only where rows of letters leave something.

    Words are only ever blacked out beside what the rows have, so they cannot make a leak, and
    reading them takes ten times as long as all else.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ocr, "words", lambda _: [])
        found = _outcome(seed)
    return _outcome(seed) if found.startswith("leaked") else found


UNSEEN = range(100, 600)  # thresholds were chosen on the seeds below
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "burned_in.json"
LEFT = 0.1  # of the ink: the rim of a letter, of which nobody reads a name


@needs_tesseract
def test_names_on_drawn_pictures_are_cleaned_or_kept_back() -> None:
    assert {_outcome(seed) for seed in range(6)} <= {"cleaned", "kept back"}


def _clean_outcome(seed: int) -> str:
    """Say what becomes of a picture before anything was written on it, words apart."""
    picture = drawn(seed).clean
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ocr, "is_there", lambda: True)
        patched.setattr(ocr, "words", lambda _: [])
        found = judge(_picture(*picture.shape[:2], Modality="OT"), [picture])
    changed = "left as it is" if found.black is None else "changed"
    return "kept back" if found.doubt else changed


def test_of_pictures_without_text_all_but_speckle_are_mostly_left_as_they_are() -> None:
    outcomes = [_clean_outcome(seed) for seed in range(25) if seed % 5]  # 0 is ultrasound
    assert outcomes.count("left as it is") >= 18


@needs_tesseract
@pytest.mark.soak
def test_names_on_500_drawn_pictures_are_cleaned_or_kept_back() -> None:
    counts, clean = Counter[str](), Counter[str]()
    for seed in UNSEEN:
        counts[_outcome_soon(seed)] += 1
        clean[f"{BACKGROUNDS[seed % len(BACKGROUNDS)]}: {_clean_outcome(seed)}"] += 1
        found = {
            "first_seed": UNSEEN[0],
            "pictures": counts.total(),
            "outcomes": dict(counts),
            "without_text": dict(sorted(clean.items())),
        }
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert counts["cleaned"] + counts["kept back"] >= 495, counts
