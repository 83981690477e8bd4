"""DICOM files as a source: what is taken for one, and that nothing of the patient comes along."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acir.errors import SourceError, UnreadableImageError, UsageError
from acir.privacy.pseudonym import pseudonym
from acir.sources.base import SourceOptions, open_source
from acir.sources.dicom import DicomSource
from acir.sources.folder import FolderSource
from acir.types import ImageRecord

KEY = bytes(range(32))

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
    _save(tmp_path / "CANARY_PATRICIA" / "4711.dcm", data)
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


def test_a_missing_place_is_an_error() -> None:
    with pytest.raises(
        SourceError, match="there is nothing at dicom:nowhere; give a file or a folder"
    ):
        open_source("dicom:nowhere")


def test_without_a_key_nothing_is_read(tmp_path: Path, make_dicom: MakeDicom) -> None:
    _save(tmp_path / "a.dcm", make_dicom(_pixels(1)))
    with pytest.raises(UsageError, match="must be hidden"):
        list(open_source(str(tmp_path)))
