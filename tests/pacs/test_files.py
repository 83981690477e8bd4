"""Which files are taken for DICOM."""

from pathlib import Path

import pytest

from acir.pacs.files import is_dicom_file

HEAD = bytes(128) + b"DICM"


@pytest.mark.parametrize(
    ("name", "content", "taken"),
    [
        ("a.dcm", b"", True),
        ("a.IMA", b"no", True),
        ("I0001", HEAD, True),
        ("I0001", HEAD[1:], False),
        ("a.txt", b"Dear Sir or Madam", False),
        ("DICOMDIR", HEAD, False),
        ("dicomdir.bak", HEAD, False),
    ],
)
def test_a_file_is_taken_by_its_name_or_its_beginning(
    tmp_path: Path, name: str, content: bytes, taken: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_dicom_file(tmp_path / name) is taken


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert not is_dicom_file(tmp_path / "I0001")
