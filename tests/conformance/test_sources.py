"""What every source promises, on a small example of each."""

import gzip
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import md5
from io import BytesIO
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from acir import registry
from acir.errors import UnreadableImageError
from acir.sources import medmnist
from acir.sources.base import FAMILY, Source, SourceOptions, open_source
from acir.splits import drawn_split
from acir.types import SPLITS, ImageRecord
from made_dicomweb import dicomweb, serve
from made_slides import Page, tiff

KEY = bytes(range(32))
NAMES = registry.names(FAMILY)
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 6, 5), dtype=np.uint8)
IMAGES[7] = IMAGES[2]  # which lies in another split
FOLDERS = [f"{split}/{label}/{n}.png" for split in SPLITS for label in ("a", "b") for n in (0, 1)]

MakeDicom = Callable[..., bytes]


@dataclass(frozen=True)
class Scene:
    """Where an example is made, and with what."""

    folder: Path
    make_dicom: MakeDicom
    monkeypatch: pytest.MonkeyPatch
    running: ExitStack


@dataclass(frozen=True)
class Example:
    """A SOURCE of pictures in every split, and one with a broken picture, if there can be one.

    Attributes:
        good: What a user would write.
        broken: The same with one broken picture added.
        whole: Why there is no such thing.
        unlabelled: Why no picture has a label.
    """

    good: str
    broken: str = ""
    whole: str = ""
    unlabelled: str = ""


def _png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _files(folder: Path, contents: Mapping[str, bytes]) -> str:
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return str(folder)


def _pictures() -> dict[str, bytes]:
    return {name: _png(image) for name, image in zip(FOLDERS, IMAGES, strict=True)}


def _folder(scene: Scene) -> Example:
    torn = {**_pictures(), "train/a/torn.png": b"torn"}
    return Example(_files(scene.folder / "good", _pictures()), _files(scene.folder / "bad", torn))


def _zip(scene: Scene) -> Example:
    torn = {**_pictures(), "train/a/torn.png": b"torn"}
    for name, contents in (("good", _pictures()), ("bad", torn)):
        with zipfile.ZipFile(scene.folder / f"{name}.zip", "w") as archive:
            for member, data in contents.items():
                archive.writestr(member, data)
    return Example(f"{scene.folder}/good.zip", f"{scene.folder}/bad.zip")


def _csv(scene: Scene) -> Example:
    _files(scene.folder, _pictures())
    rows = [f"{f},{f.split('/')[1]},{f.split('/')[0]},CANARY{n}" for n, f in enumerate(FOLDERS)]
    for name, lines in (("good", rows), ("bad", [*rows, "torn.png,a,train,CANARY99"])):
        text = "\n".join(["path,label,split,patient", *lines])
        (scene.folder / f"{name}.csv").write_text(text)
    return Example(f"{scene.folder}/good.csv", f"{scene.folder}/bad.csv")


def _dicom(scene: Scene) -> Example:
    contents = {
        name.replace(".png", ".dcm"): scene.make_dicom(image, PatientID=f"CANARY{number}")
        for number, (name, image) in enumerate(zip(FOLDERS, IMAGES, strict=True))
    }
    torn = {**contents, "train/a/torn.dcm": contents["train/a/0.dcm"][:-9]}
    return Example(_files(scene.folder / "good", contents), _files(scene.folder / "bad", torn))


def _dicomweb(scene: Scene) -> Example:
    instances = {
        f"1.{number}/2.{number}/3.{number}": scene.make_dicom(image, PatientID=f"CANARY{number}")
        for number, image in enumerate(IMAGES)
    }
    torn = {**instances, "1.0/2.0/3.99": next(iter(instances.values()))[:-9]}
    texts = []
    for name, contents in (("good", instances), ("bad", torn)):
        server = scene.running.enter_context(serve(dicomweb(contents)))
        text = f'index = "none"\n[[servers]]\nname = "main"\nurl = "{server.url}"\n'
        (scene.folder / f"{name}.toml").write_text(text)
        texts.append(f"dicomweb:{scene.folder}/{name}.toml?Modality=CT")
    return Example(texts[0], texts[1], unlabelled="a server names no class")


def _arrays(images: np.ndarray) -> dict[str, np.ndarray]:
    parts = dict(zip(SPLITS, np.split(images, 3), strict=True))
    labels = np.array([[0], [1], [0], [1]])
    return {f"{s}_images": part for s, part in parts.items()} | {
        f"{s}_labels": labels for s in SPLITS
    }


def _npz(scene: Scene) -> Example:
    torn = IMAGES.astype(np.float32) / 255
    torn[0, 0, 0] = np.nan
    np.savez(scene.folder / "good.npz", **_arrays(IMAGES))  # type: ignore[arg-type]
    np.savez(scene.folder / "bad.npz", **_arrays(torn))  # type: ignore[arg-type]
    return Example(f"{scene.folder}/good.npz", f"{scene.folder}/bad.npz")


def _medmnist(scene: Scene) -> Example:
    path = scene.folder / "breastmnist.npz"
    np.savez(path, **_arrays(IMAGES))  # type: ignore[arg-type]
    made = medmnist.Official(("malignant", "benign"), md5(path.read_bytes()).hexdigest())
    scene.monkeypatch.setattr(medmnist, "official", lambda: {"breastmnist": made})
    scene.monkeypatch.setenv("MEDMNIST_ROOT", str(scene.folder))
    return Example("medmnist:breastmnist", whole="a file with a broken picture is not official")


def _nifti(scene: Scene) -> Example:
    contents = {
        name.replace(".png", ".nii.gz"): gzip.compress(
            nibabel.Nifti1Image(image[:, :, None], np.eye(4)).to_bytes(), mtime=0
        )
        for name, image in zip(FOLDERS, IMAGES, strict=True)
    }
    torn = {**contents, "train/a/torn.nii": b"torn"}
    good, bad = _files(scene.folder / "good", contents), _files(scene.folder / "bad", torn)
    return Example(f"nifti:{good}", f"nifti:{bad}")


def _slide(scene: Scene) -> Example:
    contents = {}
    for name, image in zip(FOLDERS, IMAGES, strict=True):
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[:, :, 0] = 200  # red is tissue
        pixels[:6, :5, 1] = image // 2
        contents[name.replace(".png", ".tif")] = tiff([Page(pixels)], 0.5)
    torn = {**contents, "train/a/torn.svs": b"torn"}
    good, bad = _files(scene.folder / "good", contents), _files(scene.folder / "bad", torn)
    return Example(f"slide:{good}?side=64", f"slide:{bad}?side=64")


def _phantom(_: Scene) -> Example:
    return Example("phantom:4", whole="a generated picture is never broken")


MAKERS: Mapping[str, Callable[[Scene], Example]] = {
    "csv": _csv,
    "dicom": _dicom,
    "dicomweb": _dicomweb,
    "folder": _folder,
    "medmnist": _medmnist,
    "nifti": _nifti,
    "npz": _npz,
    "phantom": _phantom,
    "slide": _slide,
    "zip": _zip,
}


@pytest.fixture(params=NAMES)
def example(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    make_dicom: MakeDicom,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Example]:
    if request.param not in MAKERS:
        pytest.fail(f"give MAKERS an example of the source {request.param!r}")
    with ExitStack() as running:
        made = MAKERS[request.param](Scene(tmp_path, make_dicom, monkeypatch, running))
        kind = registry.find(FAMILY, Source, request.param)
        assert isinstance(_open(made.good), kind)
        yield made


def _open(text: str, strict: bool = False) -> Source:
    return open_source(text, SourceOptions(strict=strict, key=KEY))


def _seen(record: ImageRecord) -> tuple[object, ...]:
    return (record.id, record.pixel_hash, record.split, record.draw, record.labels, record.patient)


def test_reading_again_or_anew_gives_the_same_records_in_the_same_order(example: Example) -> None:
    source = _open(example.good)
    first = [_seen(record) for record in source]
    assert first == [_seen(record) for record in source]
    assert first == [_seen(record) for record in _open(example.good)]


def test_every_picture_has_its_own_id_and_a_label(example: Example) -> None:
    records = list(_open(example.good))
    assert len({record.id for record in records}) == len(records)
    if example.unlabelled:
        pytest.skip(example.unlabelled)
    assert len({record.labels for record in records}) > 1
    assert all(len(record.labels) == 1 for record in records)


def test_the_splits_together_are_the_whole(example: Example) -> None:
    whole = {record.id: record.split for record in _open(example.good)}
    assert set(whole.values()) == set(SPLITS)
    parts = {split: {record.id for record in _open(f"{example.good}#{split}")} for split in SPLITS}
    assert parts == {split: {i for i, s in whole.items() if s == split} for split in SPLITS}


def test_equal_pixels_without_a_patient_draw_alike(example: Example) -> None:
    draws: dict[str, float] = {}
    for record in _open(example.good):
        assert 0 <= record.draw < 1
        if record.patient is None:
            assert draws.setdefault(record.pixel_hash, record.draw) == record.draw


def test_opening_reads_no_picture(example: Example) -> None:
    if example.whole:
        pytest.skip(example.whole)
    assert not _open(example.broken, strict=True).skipped  # a broken picture would have raised


def test_a_broken_picture_is_counted_and_named(example: Example) -> None:
    if example.whole:
        pytest.skip(example.whole)
    source = _open(example.broken)
    assert len(list(source)) in {len(IMAGES) - 1, len(IMAGES)}
    (skipped,) = source.skipped
    assert skipped.path
    assert skipped.reason


def test_a_broken_picture_is_raised_where_the_source_is_strict(example: Example) -> None:
    if example.whole:
        pytest.skip(example.whole)
    with pytest.raises(UnreadableImageError, match=r"^cannot read "):
        list(_open(example.broken, strict=True))


def test_no_patient_and_no_folder_of_the_machine_is_in_a_record(
    example: Example, tmp_path: Path, identity: tuple[str, ...]
) -> None:
    source = _open(example.broken or example.good)
    said = repr([*source]) + repr(source.skipped)
    assert not [word for word in (*identity, str(tmp_path)) if word in said]


def test_a_drawn_split_is_that_of_the_pixels(tmp_path: Path, make_dicom: MakeDicom) -> None:
    pixels = {"cat/1.png": _png(IMAGES[0])}
    (plain,) = _open(_files(tmp_path / "folder", pixels))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/1.png", pixels["cat/1.png"])
    (packed,) = _open(f"{tmp_path}/a.zip")
    anonymous = {"cat/1.dcm": make_dicom(IMAGES[0], PatientID="")}
    (medical,) = _open(_files(tmp_path / "dicom", anonymous))
    assert {(r.split, r.draw) for r in (plain, packed, medical)} == {(plain.split, plain.draw)}
    assert plain.split == drawn_split(plain.pixel_hash)
