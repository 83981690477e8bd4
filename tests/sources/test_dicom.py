"""DICOM files as a source: what is taken for one, and that nothing of the patient comes along."""

import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from acir.errors import SourceError, UnreadableImageError, UsageError
from acir.privacy.pseudonym import pseudonym
from acir.sources.base import SourceOptions, open_source
from acir.sources.dicom import DicomSource
from acir.sources.folder import FolderSource
from acir.types import ImageRecord

KEY = bytes(range(32))
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "dicom_dev.zip"

MakeDicom = Callable[..., bytes]


def _save(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _pixels(value: int) -> np.ndarray:
    return np.full((4, 5), value, dtype=np.int16)


def _read(place: Path | str) -> list[ImageRecord]:
    return list(open_source(str(place), SourceOptions(strict=True, key=KEY)))


def test_a_folder_of_dicom_files_needs_no_scheme(tmp_path: Path, make_dicom: MakeDicom) -> None:
    _save(tmp_path / "cat" / "IM0001", make_dicom(_pixels(1), SOPInstanceUID="1.2.1"))
    _save(tmp_path / "dog" / "2.dcm", make_dicom(_pixels(2), SOPInstanceUID="1.2.2"))
    _save(tmp_path / "DICOMDIR", make_dicom(_pixels(3)))
    _save(tmp_path / "README", b"Dear Sir or Madam")
    records = _read(tmp_path)
    assert [(r.id, r.labels, r.path) for r in records] == [
        (pseudonym(KEY, "instance", "1.2.1"), ("cat",), None),
        (pseudonym(KEY, "instance", "1.2.2"), ("dog",), None),
    ]
    assert [r.pixels[0, 0] for r in records] == [1, 2]
    assert [r.id for r in _read(f"dicom:{tmp_path}")] == [r.id for r in records]


@pytest.mark.parametrize("name", ["a.dcm", "a.DCM", "a.ima", "a"])
def test_a_single_file_is_one_record(tmp_path: Path, make_dicom: MakeDicom, name: str) -> None:
    _save(tmp_path / name, make_dicom(_pixels(1)))
    (record,) = _read(tmp_path / name)
    assert record.labels == ()
    assert record.metadata == {"Modality": "CT", "BodyPartExamined": "CHEST"}


def test_among_other_pictures_dicom_must_be_asked_for(
    tmp_path: Path, make_dicom: MakeDicom
) -> None:
    _save(tmp_path / "cat" / "1.dcm", make_dicom(_pixels(1)))
    Image.fromarray(np.zeros((4, 5), dtype=np.uint8)).save(tmp_path / "cat" / "2.png")
    assert isinstance(open_source(str(tmp_path)), FolderSource)
    assert isinstance(open_source(f"dicom:{tmp_path}"), DicomSource)
    assert len(_read(f"dicom:{tmp_path}")) == 1


def test_an_empty_folder_is_not_dicoms(tmp_path: Path) -> None:
    assert isinstance(open_source(str(tmp_path)), FolderSource)
    with pytest.raises(SourceError, match="holds no picture"):
        _read(f"dicom:{tmp_path}")


def test_all_pictures_of_a_patient_share_a_split(tmp_path: Path, make_dicom: MakeDicom) -> None:
    for value in range(30):
        patient = f"P{value % 10}"
        _save(tmp_path / "cat" / f"{value}.dcm", make_dicom(_pixels(value), PatientID=patient))
    records = _read(tmp_path)
    assert len({r.patient for r in records}) == 10
    assert len({(r.patient, r.split, r.draw) for r in records}) == 10
    val = [r.id for r in _read(f"dicom:{tmp_path}#val")]
    assert val == [r.id for r in records if r.split == "val"]


def test_split_folders_are_taken_as_they_are(tmp_path: Path, make_dicom: MakeDicom) -> None:
    _save(tmp_path / "test" / "cat" / "1.dcm", make_dicom(_pixels(1)))
    _save(tmp_path / "train" / "cat" / "2.dcm", b"torn")
    (record,) = _read(f"dicom:{tmp_path}#test")
    assert (record.split, record.labels) == ("test", ("cat",))


def test_nothing_of_the_patient_is_in_a_record_or_an_error(
    tmp_path: Path, make_dicom: MakeDicom, identity: tuple[str, ...]
) -> None:
    data = make_dicom(_pixels(1))
    _save(tmp_path / "CANARY_PATRICIA" / "471108150947.dcm", data)
    _save(tmp_path / "CANARY_PATRICIA" / "DRWHO.dcm", data[:-20])
    source = open_source(str(tmp_path), SourceOptions(key=KEY))
    said = repr(list(source)) + repr(source.skipped)
    assert "DICOM file 2 of 2" in said
    assert not [word for word in identity if word in said]


def test_a_file_that_comes_again_is_counted_not_kept(tmp_path: Path, make_dicom: MakeDicom) -> None:
    for name in ("a.dcm", "b.dcm"):
        _save(tmp_path / name, make_dicom(_pixels(1)))
    source = open_source(str(tmp_path), SourceOptions(key=KEY))
    assert len(list(source)) == 1
    assert [s.reason for s in source.skipped] == ["it has the instance UID of an earlier file"]


def test_a_broken_file_is_counted_or_raised(tmp_path: Path, make_dicom: MakeDicom) -> None:
    data = make_dicom(_pixels(1))
    _save(tmp_path / "a.dcm", data[:-20])
    _save(tmp_path / "b.dcm", b"Dear Sir or Madam")
    _save(tmp_path / "c.dcm", data)
    source = open_source(str(tmp_path), SourceOptions(key=KEY))
    assert len(list(source)) == 1
    assert [(s.path, s.code) for s in source.skipped] == [
        ("DICOM file 1 of 3", "truncated"),
        ("DICOM file 2 of 3", "unreadable"),
    ]
    with pytest.raises(UnreadableImageError, match="cannot read DICOM file 1 of 3: the file ends"):
        _read(tmp_path)


def test_the_source_says_which_frame_is_wanted(tmp_path: Path, make_dicom: MakeDicom) -> None:
    stack = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    _save(tmp_path / "a.dcm", make_dicom(stack))
    for frame, expected in (("first", stack[0]), ("3", stack[2]), ("mean", stack.mean(axis=0))):
        for place in (tmp_path, tmp_path / "a.dcm"):
            (record,) = _read(f"dicom:{place}@{frame}")
            assert np.array_equal(record.pixels, expected)


def test_a_folder_may_be_called_as_a_frame_is(tmp_path: Path, make_dicom: MakeDicom) -> None:
    stack = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    _save(tmp_path / "scans@max" / "a.dcm", make_dicom(stack))
    (record,) = _read(f"dicom:{tmp_path}/scans@max")
    assert np.array_equal(record.pixels, stack[1])


def _save_series(
    folder: Path, make_dicom: MakeDicom, series: str, heights: list[float], **attributes: object
) -> None:
    """Write axial slices, of which each shows its height; the last of the names comes first."""
    for n, height in enumerate(heights):
        geometry = {
            "SeriesInstanceUID": series,
            "SOPInstanceUID": f"{series}.{n}",
            "InstanceNumber": n + 1,
            "ImagePositionPatient": [0, 0, height],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        }
        data = make_dicom(_pixels(int(height)), **{**geometry, **attributes})
        _save(folder / f"{99 - n}.dcm", data)


def test_a_series_is_known_by_evenly_spaced_slices(tmp_path: Path, make_dicom: MakeDicom) -> None:
    # Ten slices from the head down: the middles of five parts are those at 10, 30, 50, 70, 90 mm.
    _save_series(tmp_path, make_dicom, "1.2", [float(h) for h in range(90, -1, -10)])
    records = _read(f"dicom:{tmp_path}@series")
    assert [int(r.pixels[0, 0]) for r in records] == [10, 30, 50, 70, 90]
    assert [r.metadata["Slice"] for r in records] == [f"{n} of 10" for n in (2, 4, 6, 8, 10)]
    assert {r.metadata["Series"] for r in records} == {pseudonym(KEY, "series", "1.2")}
    two = _read(f"dicom:{tmp_path}@series2")
    assert [r.metadata["Slice"] for r in two] == ["3 of 10", "8 of 10"]
    assert [r.id for r in _read(f"dicom:{tmp_path}/99.dcm@series")] == [
        pseudonym(KEY, "instance", "1.2.0")
    ]


def test_what_is_odd_in_a_series_is_remarked(tmp_path: Path, make_dicom: MakeDicom) -> None:
    _save_series(tmp_path / "a", make_dicom, "1.2", [0.0, 5.0, 10.0, 20.0])
    _save_series(tmp_path / "b", make_dicom, "1.3", [0.0, 5.0], ImagePositionPatient="")
    source = open_source(f"dicom:{tmp_path}@series", SourceOptions(key=KEY))
    for _ in range(2):  # said once, however often it is read
        assert len(list(source)) == 6
        assert source.remarks == [
            f"series {pseudonym(KEY, 'series', '1.2')}: slices seem to be missing after slice 3; "
            "they are 5 mm apart",
            f"series {pseudonym(KEY, 'series', '1.3')}: its slices share no geometry, so they are "
            "in the order of their instance numbers",
        ]


def test_what_cannot_be_read_of_a_series_is_counted(
    tmp_path: Path, make_dicom: MakeDicom, identity: tuple[str, ...]
) -> None:
    _save_series(tmp_path / "CANARY", make_dicom, "1.2", [0.0, 5.0, 10.0])
    whole = (tmp_path / "CANARY" / "97.dcm").read_bytes()
    _save(tmp_path / "again.dcm", whole)
    _save(tmp_path / "torn.dcm", whole[:-20])
    source = open_source(f"dicom:{tmp_path}@series", SourceOptions(key=KEY))
    records = list(source)
    assert [r.metadata["Slice"] for r in records] == ["1 of 3", "2 of 3", "3 of 3"]
    assert [(s.path, s.reason) for s in source.skipped] == [
        ("DICOM file 4 of 5", "it has the instance UID of an earlier file"),
        ("DICOM file 5 of 5", "the file ends before its pixels do"),
    ]
    assert not [word for word in identity if word in repr((records, source.skipped))]


def test_a_series_in_two_split_folders_is_two(tmp_path: Path, make_dicom: MakeDicom) -> None:
    _save_series(tmp_path / "train" / "cat", make_dicom, "1.2", [0.0, 5.0, 10.0])
    (tmp_path / "test" / "dog").mkdir(parents=True)
    (tmp_path / "train" / "cat" / "98.dcm").rename(tmp_path / "test" / "dog" / "98.dcm")
    records = _read(f"dicom:{tmp_path}@series")
    assert [(r.split, r.labels, r.metadata["Slice"]) for r in records] == [
        ("test", ("dog",), "1 of 1"),
        ("train", ("cat",), "1 of 2"),
        ("train", ("cat",), "2 of 2"),
    ]
    assert len(_read(f"dicom:{tmp_path}@series#test")) == 1


def test_files_that_name_no_series_are_one_each(tmp_path: Path, make_dicom: MakeDicom) -> None:
    for n in range(3):
        _save(tmp_path / f"{n}.dcm", make_dicom(_pixels(n)))
    records = _read(f"dicom:{tmp_path}@series")
    assert [r.metadata.get("Series") for r in records] == [None] * 3
    assert {r.metadata["Slice"] for r in records} == {"1 of 1"}


@pytest.mark.skipif(not SAMPLES.exists(), reason="there is no dicom_dev.zip")
def test_a_real_series_of_two_spacings(tmp_path: Path) -> None:
    with zipfile.ZipFile(SAMPLES) as archive:
        names = [n for n in archive.namelist() if n.startswith("dcm_qa_ct/") and n[-4:] == ".dcm"]
        archive.extractall(tmp_path, names)
    source = open_source(f"dicom:{tmp_path}@series", SourceOptions(key=KEY))
    # 14 slices 4 mm apart, then 14 of 7 mm: by depth the slices are other ones than by number.
    assert [r.metadata["Slice"] for r in source] == [
        f"{n} of 28" for n in _spread(names, tmp_path, 5)
    ]
    (said,) = source.remarks
    assert "the distance is not the usual one of 4.002 mm after slices 14, 15, 16, 17, 18" in said


def _spread(names: list[str], folder: Path, count: int) -> list[int]:
    """Say, by plain sums over what pydicom reads, which slices lie in the middle of the parts."""
    headers = [dcmread(folder / name, stop_before_pixels=True) for name in names]
    normal = np.cross(*np.reshape(headers[0].ImageOrientationPatient, (2, 3)).astype(float))
    depths = sorted(float(normal @ np.array(h.ImagePositionPatient, float)) for h in headers)
    borders = [(a + b) / 2 for a, b in pairwise(depths)]
    start, end = 2 * depths[0] - borders[0], 2 * depths[-1] - borders[-1]
    middles = [start + (k + 0.5) / count * (end - start) for k in range(count)]
    return [1 + sum(border < middle for border in borders) for middle in middles]


def test_a_missing_place_is_an_error() -> None:
    with pytest.raises(
        SourceError, match="there is nothing at dicom:nowhere; give a file or a folder"
    ):
        open_source("dicom:nowhere")


def test_without_a_key_nothing_is_read(tmp_path: Path, make_dicom: MakeDicom) -> None:
    _save(tmp_path / "a.dcm", make_dicom(_pixels(1)))
    with pytest.raises(UsageError, match="must be hidden"):
        list(open_source(str(tmp_path)))
