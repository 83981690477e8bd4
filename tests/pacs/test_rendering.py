"""What is shown, beside how Orthanc and DCMTK show it: within 2 grey levels of 8 bit.

Orthanc 1.10 takes a window from the request alone, so it is asked for the file's own; DCMTK takes
it from the file.
"""

import io
import subprocess
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import FileDataset, dcmread
from pydicom.uid import generate_uid

from acir.pacs import reader
from acir.prep.pixels import to_unit
from acir.types import ImageRecord
from made_mutants import SAMPLES
from made_orthanc import CREDENTIALS, MadeOrthanc, needed

pytestmark = pytest.mark.usefixtures("unscreened")

KEY = bytes(range(32))
SHARED = Path(__file__).parents[3] / "shared" / "data" / "dicom_dev.zip"
TOLERANCE = 2
RAMP = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
WINDOWED = (
    "693_J2KI.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_padded.dcm", "examples_overlay.dcm",
)  # fmt: skip
SCANNED = ("dcm_qa_ct/In/GE/07.dcm", "highdicom/data/test_files/dx_image.dcm")
COLOURED = (
    "SC_jpeg_no_color_transform.dcm", "SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_jpeg_app14_dcmd.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle_16bit.dcm",
    "SC_rgb_small_odd_big_endian.dcm", "SC_ybr_full_422_uncompressed.dcm", "examples_palette.dcm",
    "examples_rgb_color.dcm", "examples_ybr_color.dcm",
)  # fmt: skip
GENERATED: dict[str, dict[str, object]] = {
    "narrow": {"WindowCenter": 40, "WindowWidth": 80},
    "wide": {"WindowCenter": -600, "WindowWidth": 5000},
    "rescaled": {
        "WindowCenter": 40,
        "WindowWidth": 400,
        "RescaleSlope": 2,
        "RescaleIntercept": -90,
    },
    "fraction": {
        "WindowCenter": 4,
        "WindowWidth": 40,
        "RescaleSlope": 0.1,
        "RescaleIntercept": 0.5,
    },
    "first of two": {"WindowCenter": [40, 0], "WindowWidth": [400, 9]},
    "inverse": {"WindowCenter": 40, "WindowWidth": 400, "PhotometricInterpretation": "MONOCHROME1"},
}

LEVELS = ("Study", "Series", "SOP")

MakeDicom = Callable[..., bytes]


def _shown(data: bytes) -> np.ndarray:
    picture = reader.read(data, KEY, "a").picture
    record = ImageRecord(
        "a", picture.pixels, picture.value_range, "test", 0.0, inverted=picture.inverted
    )
    shown: np.ndarray = np.rint(to_unit(record) * 255).squeeze()
    return shown


def _header(data: bytes) -> FileDataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of files that are as they are on purpose
        return dcmread(io.BytesIO(data), stop_before_pixels=True)


def _by_dcmtk(data: bytes, folder: Path) -> np.ndarray:
    file, picture = folder / "a.dcm", folder / "a.png"
    file.write_bytes(data)
    header = _header(data)
    frame = int(header.get("NumberOfFrames") or 1) // 2 + 1
    window = ("+Wi", "1") if header.get("WindowCenter") not in (None, "") else ()
    command = [needed("dcmj2pnm"), "-O", "+F", str(frame), *window, "--write-png", file, picture]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return np.asarray(Image.open(picture)).astype(np.float64)


def _by_orthanc(orthanc: MadeOrthanc, data: bytes) -> np.ndarray:
    header = _header(data)
    orthanc.store(data)
    place = (
        f"{orthanc.url}/dicom-web/studies/{header.StudyInstanceUID}/series/"
        f"{header.SeriesInstanceUID}/instances/{header.SOPInstanceUID}/rendered"
    )
    centre, width = (np.atleast_1d(header[k].value)[0] for k in ("WindowCenter", "WindowWidth"))
    answer = httpx.get(
        f"{place}?window={centre},{width},linear",
        headers={"Accept": "image/png"}, auth=CREDENTIALS, timeout=60,
    )  # fmt: skip
    return np.asarray(Image.open(io.BytesIO(answer.raise_for_status().content))).astype(np.float64)


def _generated(make_dicom: MakeDicom, name: str) -> bytes:
    ids = {f"{level}InstanceUID": generate_uid(entropy_srcs=[name, level]) for level in LEVELS}
    return make_dicom(RAMP, **ids, **GENERATED[name])


@pytest.mark.parametrize("name", WINDOWED)
def test_a_sample_is_shown_as_orthanc_shows_it(orthanc: MadeOrthanc, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    assert np.abs(_shown(data) - _by_orthanc(orthanc, data)).max() <= TOLERANCE


@pytest.mark.parametrize("name", GENERATED)
def test_a_window_is_applied_as_orthanc_applies_it(
    orthanc: MadeOrthanc,
    make_dicom: MakeDicom,
    name: str,
) -> None:
    data = _generated(make_dicom, name)
    assert np.abs(_shown(data) - _by_orthanc(orthanc, data)).max() <= TOLERANCE


@pytest.mark.parametrize(
    "name", [name for name in WINDOWED if "J2K" not in name and "jp" not in name]
)
def test_a_sample_is_shown_as_dcmtk_shows_it(tmp_path: Path, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    assert np.abs(_shown(data) - _by_dcmtk(data, tmp_path)).max() <= TOLERANCE


# DCMTK rounds rescaled values before it looks at the window.
@pytest.mark.parametrize("name", [name for name in GENERATED if name != "fraction"])
def test_a_window_is_applied_as_dcmtk_applies_it(
    make_dicom: MakeDicom, tmp_path: Path, name: str
) -> None:
    data = _generated(make_dicom, name)
    assert np.abs(_shown(data) - _by_dcmtk(data, tmp_path)).max() <= TOLERANCE


@pytest.mark.parametrize("name", COLOURED)
def test_colours_are_those_of_dcmtk(tmp_path: Path, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    assert np.abs(_shown(data) - _by_dcmtk(data, tmp_path)).max() <= TOLERANCE


@pytest.mark.skipif(not SHARED.is_file(), reason="shared/data/dicom_dev.zip is not at hand")
@pytest.mark.parametrize(
    "name", ["dcm_qa_ct/In/GE/07.dcm", "highdicom/data/test_files/dx_image.dcm"]
)
def test_pictures_of_a_scanner_are_shown_as_dcmtk_shows_them(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(SHARED) as archive:
        data = archive.read(name)
    assert np.abs(_shown(data) - _by_dcmtk(data, tmp_path)).max() <= TOLERANCE
