"""What tests of several packages share.

DICOM files made in code, full of a patient's traces; and pictures with a model and an index of
them, made once. A test that changes one of these changes a copy.

The package is imported inside the fixtures: pytest reads this file before it checks shapes.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from errno import EACCES
from io import BytesIO
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from made_orthanc import orthanc, session_orthanc  # noqa: F401 - fixtures: a PACS of this process
from made_servers import server_of  # noqa: F401 - a fixture: the servers of this process

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("acir", deadline=None)
hypothesis.settings.load_profile("acir")

# None of these words may ever be seen behind the reader. They are long: four digits stand in a page
# of keyed hashes and figures by chance.
IDENTITY = ("CANARY", "PATRICIA", "471108150947", "19440229", "ELMSTREET", "DRWHO")

MakeDicom = Callable[..., bytes]


@pytest.fixture(scope="session")
def identity() -> tuple[str, ...]:
    return IDENTITY


@pytest.fixture(scope="session")
def make_dicom() -> MakeDicom:
    """Return a function that writes pixels, with further attributes by keyword, as a file."""
    return _make_dicom


@pytest.fixture
def unscreened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let DICOM pictures through whatever may be written in them: what counts is their decoding."""
    monkeypatch.setattr("acir.pacs.reader.screened", lambda dataset, picture, name: picture)


@pytest.fixture
def close_folder(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Return what makes a folder one that cannot be opened, for root too."""
    closed, honest = set[str](), os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path) in closed:
            raise PermissionError(EACCES, "Permission denied", str(path))
        return honest(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return lambda path: closed.add(str(path))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of four classes in three splits."""
    from made_model import fill  # noqa: PLC0415 - see the module's docstring

    return fill(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Return the folder of a finished run of `acir train`."""
    from made_model import train  # noqa: PLC0415 - see the module's docstring

    out = tmp_path_factory.mktemp("trained") / "run"
    outcome = train(pictures, out)
    assert outcome.code == 0, outcome.err
    return out


@pytest.fixture(scope="session")
def bundle(trained: Path) -> Path:
    return trained / "bundle"


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory, bundle: Path, pictures: Path) -> Path:
    """Return an index of the training pictures."""
    from made_model import acir  # noqa: PLC0415 - see the module's docstring

    folder = tmp_path_factory.mktemp("index") / "index"
    data = f"{pictures}#train"
    outcome = acir("index", "build", "--model", bundle, "--data", data, "--index", folder)
    assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture
def own_index(tmp_path: Path, index: Path) -> Path:
    """Return a copy of the index that a test may change."""
    return shutil.copytree(index, tmp_path / "index")


def _make_dicom(pixels: np.ndarray, **attributes: object) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[pixels.tobytes().hex(), str(attributes)])
    dataset.PatientName = "CANARY^PATRICIA"
    dataset.PatientID = "471108150947"
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
