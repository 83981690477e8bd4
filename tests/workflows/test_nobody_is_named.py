"""A patient called canary goes through index, search and their errors, and is seen nowhere."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from acir.index.store import Store
from acir.pacs import guard
from made_model import acir

MakeDicom = Callable[..., bytes]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _pictures(index: Path) -> dict[str, tuple[bytes, bytes | None]]:
    """Return the code and the thumbnail of each picture of an index, by its pixels."""
    with Store.open(index) as store, store.view() as view:
        entries = view.entries(np.arange(len(view.gallery.keys)))
    return {one.pixel_hash: (one.code.tobytes(), one.thumbnail) for one in entries}


def _scan(seed: int, name: str = "") -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 120, (16, 16), dtype=np.uint8)
    image = Image.fromarray(noise).resize((200, 200), Image.Resampling.BICUBIC)
    ImageDraw.Draw(image).text((10, 90), name, fill=255, font=ImageFont.load_default(20))
    return np.asarray(image)


@pytest.fixture
def without_programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let processes that decode find no program that reads words."""
    monkeypatch.setenv("PATH", "")
    with guard.Pool() as pool:
        monkeypatch.setattr(guard, "warm", lambda: pool)
        yield


def test_neither_index_nor_answers_nor_errors_name_the_patient(
    bundle: Path,
    tmp_path: Path,
    make_dicom: MakeDicom,
    identity: tuple[str, ...],
    without_programs: None,
) -> None:
    scans = tmp_path / "scans" / "CANARY_PATRICIA"
    scans.mkdir(parents=True)
    for number in range(4):
        (scans / f"PATRICIA{number}.dcm").write_bytes(
            make_dicom(_scan(number), PatientID="CANARY4711")
        )
    named = make_dicom(_scan(9, "CANARY, PATRICIA"), Modality="US")
    (scans / "PATRICIA_US.dcm").write_bytes(named)
    (scans / "PATRICIA_CUT.dcm").write_bytes(make_dicom(_scan(5))[:900])
    data, index = tmp_path / "scans", tmp_path / "index"
    said = [
        acir("index", "build", "--model", bundle, "--data", data, "--index", index),
        acir("index", "failed", "--index", index),
        acir("index", "failed", "--index", index, "--json"),
        acir("search", "--index", index, scans / "PATRICIA0.dcm", "--json", "--force"),
        acir("check", "--model", bundle, scans / "PATRICIA0.dcm", "--json"),
        acir("index", "add", "--index", index, "--data", data, "--strict"),
    ]
    assert [outcome.code for outcome in said] == [0, 0, 0, 0, 0, 2]
    assert "kept back, as text may be burned into its pixels" in said[1].out
    assert said[2].out.count("DICOM file") == 2
    asked = str(scans / "PATRICIA0.dcm")  # what the caller types is said back to the caller alone
    texts = [text.replace(asked, "") for o in said for text in (o.out, o.err)]
    stored = [path.read_bytes().decode("latin-1") for path in _files(index)]
    assert len(stored) > 3
    assert not [word for word in identity for text in texts + stored if word in text]
    assert acir("index", "info", "--index", index, "--json").line()["n"] == 4


def test_an_index_of_released_files_is_one_of_the_same_pictures(
    bundle: Path, tmp_path: Path, make_dicom: MakeDicom
) -> None:
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    uids = {"StudyInstanceUID": "1.3", "SeriesInstanceUID": "1.4"}
    for number in range(3):
        (scans / f"{number}.dcm").write_bytes(make_dicom(_scan(number), **uids))
    acir("deid", scans, out, "--key-file", tmp_path / "key")
    found = []
    for data in (scans, out):
        index = tmp_path / f"index-{data.name}"
        built = acir("index", "build", "--model", bundle, "--data", data, "--index", index)
        assert built.code == 0, built.err
        found.append(_pictures(index))
    assert found[0] == found[1]
    assert len(found[0]) == 3
    shutil.rmtree(scans)
    answer = acir("search", "--index", tmp_path / "index-out", out, "--json", "--force")
    assert all(line["hits"] == [] for line in answer.lines())  # a patient's own are left out
