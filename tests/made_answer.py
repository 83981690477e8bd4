"""A DICOM query, an answer to it and who gave it; and the programs that read what comes of them."""

import subprocess
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from pydicom import Dataset, dcmread

from acir.pacs.origin import Origin, origin
from acir.pacs.result import Maker
from acir.types import Answer, Calibration, Hit, State, Verdict
from made_orthanc import needed

MakeDicom = Callable[..., bytes]

STUDY, SERIES, INSTANCE, SPACE = (f"1.2.826.0.1.3680043.8.498.{n}" for n in (1, 2, 3, 4))
NAMED = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "SOPInstanceUID": INSTANCE}
PLACED: dict[str, Any] = {
    "FrameOfReferenceUID": SPACE,
    "ImagePositionPatient": [-10.5, 20, 30],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [0.5, 0.75],
    "SliceThickness": 3,
}
GREY = np.arange(48, dtype=np.uint16).reshape(6, 8)
BUNDLE = "0123456789abcdef" * 4
MADE = datetime(2026, 11, 28, 17, 30, 15)
MAKER = Maker(BUNDLE, "1.2.3", ("order fused",), MADE)
CASES = (f"{1:032x}", f"{2:032x}")


def query(make_dicom: MakeDicom, pixels: Shaped[np.ndarray, "..."] = GREY, **more: object) -> bytes:
    """Return a DICOM file that names its study; a keyword of None leaves an attribute out."""
    return make_dicom(pixels, **{**NAMED, **more})


def about(make_dicom: MakeDicom, **more: object) -> Origin:
    """Return the origin of a slice in a known place."""
    return origin(query(make_dicom, **{**PLACED, **more}), "the query")


def answered(state: State = "caution", code: str = "nearest-neighbour") -> Answer:
    """Return an answer with two hits, as it may go out; an unknown query has none."""
    verdict = Verdict(state, 0.0123456789, "rarely so", code, {}, Calibration(999, 21, 0.03, 0.03))
    first = Hit(1, CASES[0], "cyst", 3, 0.912345678, None)
    second = Hit(2, CASES[1], "", 5, 0.5, None)
    hits = () if state == "unknown" else (first, second)
    return Answer("the query", verdict, "fused", hits, ("two of three",))


def reread(made: Dataset) -> Dataset:
    """Write an object and read it again as another program would."""
    buffer = BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return dcmread(BytesIO(buffer.getvalue()))


def said_by(program: str, made: Dataset, folder: Path) -> str:
    """Return what a program says of an object."""
    path = folder / "object.dcm"
    made.save_as(path, enforce_file_format=True)
    run: list[str | Path] = [needed(program), path]
    done = subprocess.run(run, check=False, capture_output=True, encoding="utf-8", timeout=60)
    return done.stdout + done.stderr


def faults(made: Dataset, folder: Path) -> list[str]:
    """Return the errors that David Clunie's dciodvfy finds in an object."""
    said = said_by("dciodvfy", made, folder).splitlines()
    return [line for line in said if line.startswith(("Error", "Abort"))]


def leaked(identity: tuple[str, ...], text: str) -> list[str]:
    """Return the traces of the patient in a text."""
    return [word for word in identity if word in text]
