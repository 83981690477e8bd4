"""Whole slides as DICOM, drawn in code: a file a level, in tiles row by row, or some of them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLWholeSlideMicroscopyImageStorage,
    generate_uid,
)

from made_frames import item
from made_slides import TILE, pyramid

MILLIMETRES = 1e-3  # in a micrometre


def save_slide(
    folder: Path, finest: np.ndarray, series: str = "1.2.1", factors: tuple[int, ...] = (1, 4)
) -> None:
    """Write the levels of a slide of 0.5 micrometres a pixel, its label and its overview."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"label": part(np.zeros((TILE, TILE, 3), np.uint8), 9.0, series, kind="LABEL")}
    files["overview"] = part(np.zeros((TILE, TILE, 3), np.uint8), 9.0, series, kind="OVERVIEW")
    for factor, page in zip(factors, pyramid(finest, factors), strict=True):
        files[f"level{factor:02d}"] = part(page.pixels, 0.5 * factor, series)
    for name, data in files.items():
        (folder / f"{name}.dcm").write_bytes(data)


def part(
    pixels: np.ndarray,
    mpp: float,
    series: str = "1.2.1",
    *,
    kind: str = "VOLUME",
    jpeg: bool = False,
    **attributes: object,
) -> bytes:
    """Return a file of a slide: a level, its label or its overview."""
    height, width, _ = pixels.shape
    full = np.pad(pixels, ((0, -height % TILE), (0, -width % TILE), (0, 0)), mode="edge")
    tiles = [
        full[y : y + TILE, x : x + TILE]
        for y in range(0, height, TILE)
        for x in range(0, width, TILE)
    ]
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if jpeg else ExplicitVRLittleEndian
    made.SOPClassUID = VLWholeSlideMicroscopyImageStorage
    names = ["slide", series, kind, str(mpp)]
    made.SOPInstanceUID = generate_uid(entropy_srcs=names)
    made.StudyInstanceUID, made.SeriesInstanceUID = f"{series}.1", series
    made.FrameOfReferenceUID = f"{series}.2"
    made.Modality = "SM"
    made.PatientName, made.PatientID = "CANARY^PATRICIA", "471108150947"
    made.ImageType = ["ORIGINAL", "PRIMARY", kind, "NONE"]
    made.Rows = made.Columns = TILE
    made.NumberOfFrames, made.SamplesPerPixel, made.PlanarConfiguration = len(tiles), 3, 0
    made.PhotometricInterpretation = "YBR_FULL_422" if jpeg else "RGB"
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    made.TotalPixelMatrixColumns, made.TotalPixelMatrixRows = width, height
    made.TotalPixelMatrixFocalPlanes = made.NumberOfOpticalPaths = 1
    made.DimensionOrganizationType = "TILED_FULL"
    spacing = mpp * MILLIMETRES
    made.ImagedVolumeWidth, made.ImagedVolumeHeight = width * spacing, height * spacing
    made.OpticalPathSequence = [item(OpticalPathIdentifier="1")]
    measures = item(PixelSpacing=[spacing, spacing], SliceThickness=MILLIMETRES)
    made.SharedFunctionalGroupsSequence = [item(PixelMeasuresSequence=[measures])]
    made.PixelData = encapsulate(list(map(_jpeg, tiles))) if jpeg else np.stack(tiles).tobytes()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    buffer = BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def sparse(level: bytes, kept: Callable[[int, int], bool]) -> bytes:
    """Return a level with some of its tiles, last ones first (TILED_SPARSE, PS3.3 C.7.6.17.3).

    Args:
        level: What `part` returns, not compressed.
        kept: Whether the tile of a column and a row stays.
    """
    made = dcmread(BytesIO(level))
    across, size = -(-made.TotalPixelMatrixColumns // TILE), TILE * TILE * 3
    places = [divmod(number, across) for number in reversed(range(made.NumberOfFrames))]
    places = [(row, column) for row, column in places if kept(column, row)]
    starts = [(row * across + column) * size for row, column in places]
    made.DimensionOrganizationType = "TILED_SPARSE"
    made.PerFrameFunctionalGroupsSequence = [_placed(row, column) for row, column in places]
    made.NumberOfFrames = len(places)
    made.PixelData = b"".join(made.PixelData[start : start + size] for start in starts)
    buffer = BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _placed(row: int, column: int) -> Dataset:
    place = item(
        ColumnPositionInTotalImagePixelMatrix=1 + TILE * column,
        RowPositionInTotalImagePixelMatrix=1 + TILE * row,
    )
    return item(PlanePositionSlideSequence=[place])


def _jpeg(tile: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(tile).save(buffer, "JPEG", quality=95, subsampling="4:2:2")
    return buffer.getvalue()
