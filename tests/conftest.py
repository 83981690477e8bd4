"""What tests of several packages share: DICOM files made in code, full of a patient's traces."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

# None of these words may ever be seen behind the reader.
IDENTITY = ("CANARY", "PATRICIA", "4711", "19440229", "ELMSTREET", "DRWHO")

MakeDicom = Callable[..., bytes]


@pytest.fixture(scope="session")
def identity() -> tuple[str, ...]:
    return IDENTITY


@pytest.fixture(scope="session")
def make_dicom() -> MakeDicom:
    """Return a function that writes pixels, with further attributes by keyword, as a file."""
    return _make_dicom


def _make_dicom(pixels: np.ndarray, **attributes: object) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[pixels.tobytes().hex(), str(attributes)])
    dataset.PatientName = "CANARY^PATRICIA"
    dataset.PatientID = "4711"
    dataset.PatientBirthDate = "19440229"
    dataset.PatientAddress = "ELMSTREET"
    dataset.ReferringPhysicianName = "DRWHO"
    dataset.AccessionNumber = "CANARY1"
    dataset.Modality = "CT"
    dataset.BodyPartExamined = "CHEST"
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    dataset.SamplesPerPixel = 3 if colour else 1
    if colour:
        dataset.PlanarConfiguration = 0
    elif pixels.ndim == 3:
        dataset.NumberOfFrames = len(pixels)
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes() + bytes(pixels.nbytes % 2)
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
