"""Arrays as a source, on arrays made here and on the real files where they are at hand."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from acir.errors import SourceError
from acir.sources.base import SourceOptions, open_source

REAL = Path(__file__).parents[3] / "shared" / "data" / "medical_mnist_64.npz"
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)


def test_an_id_is_a_split_and_a_place_in_it(tmp_path: Path) -> None:
    files = np.array(["a/0.jpg", "/scans/1.jpg", "c.jpg"])
    np.savez(tmp_path / "a.npz", test_images=IMAGES[:1], train_images=IMAGES, train_files=files)
    records = list(open_source(str(tmp_path / "a.npz")))
    assert [(r.id, r.split, r.path) for r in records] == [
        ("train/000000", "train", "a/0.jpg"),
        ("train/000001", "train", None),
        ("train/000002", "train", "c.jpg"),
        ("test/000000", "test", None),
    ]
    assert np.array_equal(np.stack([r.pixels for r in records[:3]]), IMAGES)
    assert {r.value_range for r in records} == {(0, 255)}


def test_other_splits_are_not_even_read(tmp_path: Path) -> None:
    objects = np.array([{}], dtype=object)
    np.savez(tmp_path / "a.npz", val_images=IMAGES, test_images=objects)
    assert len(list(open_source(f"{tmp_path}/a.npz#val"))) == 3
    with pytest.raises(SourceError, match="never loaded"):
        list(open_source(f"{tmp_path}/a.npz#test"))
    with pytest.raises(SourceError, match="holds no picture of the split train"):
        list(open_source(f"{tmp_path}/a.npz#train"))


def test_a_picture_that_is_not_finite_is_counted(tmp_path: Path) -> None:
    images = np.array([[[0.5]], [[np.nan]]], dtype=np.float32)
    np.savez(tmp_path / "a.npz", val_images=images)
    source = open_source(f"{tmp_path}/a.npz", SourceOptions())
    assert [r.id for r in source] == ["val/000000"]
    assert [s.path for s in source.skipped] == ["val/000001"]


@pytest.mark.skipif(not REAL.is_file(), reason="shared/data/medical_mnist_64.npz is not at hand")
def test_the_real_file_has_the_pictures_that_its_description_counts() -> None:
    records = list(open_source(f"{REAL}#val"))
    assert Counter(r.labels[0] for r in records) == dict.fromkeys(
        ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT"), 150
    )
    assert records[0].path == "AbdomenCT/005806.jpeg"
