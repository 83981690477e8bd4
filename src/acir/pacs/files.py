"""Which files are DICOM."""

from pathlib import Path

from acir.pacs.reader import HEAD, is_dicom

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")


def is_dicom_file(path: Path) -> bool:
    """Whether a file is called as DICOM files are, or begins as they do; no table of contents."""
    if path.name.upper().startswith("DICOMDIR"):
        return False
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(HEAD))
    except OSError:
        return False
