"""Pictures are prepared once, in order of their ids, and test lies in a file of its own."""

import os
import shutil
from collections.abc import Callable
from errno import EACCES
from pathlib import Path

import numpy as np
import pytest
import torch

from acir.data.draw import Draw
from acir.errors import SourceError
from acir.evaluation.benchmark import DataSet
from acir.recipe import CalibrationRecipe, PrepRecipe, Recipe
from acir.types import silent
from acir.workflows.comparing.pictures import (
    digests,
    keep_exam,
    keep_lessons,
    open_exam,
    open_lessons,
)
from made_model import CLASSES, SIDE, draw, fill, save, table

WHOLE = CalibrationRecipe(fraction=0.0)
RECIPE = Recipe(prep=PrepRecipe(size=SIDE), calibration=WHOLE)


def keep(data: DataSet, folder: Path, recipe: Recipe = RECIPE) -> tuple[Path, Path]:
    lessons, exam = folder / "a.npz", folder / "b.npz"
    keep_lessons(data, recipe, lessons, download=False, progress=silent, say=lambda _: None)
    keep_exam(data, lessons, exam, download=False, progress=silent)
    return lessons, exam


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    folder = fill(tmp_path / "data", {"train": 11, "val": 3, "test": 4})
    return DataSet(name="drawn", source=str(folder))


def test_each_part_has_its_pictures_in_order_of_their_ids(tmp_path: Path, data: DataSet) -> None:
    lessons, exam = keep(data, tmp_path)
    learned, asked = open_lessons(lessons), open_exam(exam)
    assert learned.class_names == CLASSES
    assert [len(p.images) for p in (learned.train, learned.val, asked)] == [44, 12, 16]
    first = torch.from_numpy(draw("bars", 0))
    assert torch.equal(learned.train.images.images[0, 0], first)
    assert learned.train.images.labels.argmax(dim=1).tolist() == sorted([0, 1, 2, 3] * 11)
    assert set(learned.train.patients) == {-1}


def test_lessons_say_nothing_of_test(tmp_path: Path, data: DataSet) -> None:
    lessons, exam = keep(data, tmp_path)
    with np.load(lessons) as kept:
        assert {name.split("_")[0] for name in kept} == {"about", "digests", "train", "val"}
    assert set(digests(lessons)) == {"train", "val"}
    assert set(digests(exam)) == {"test"}


def test_a_link_that_nobody_can_follow_is_passed_over(
    tmp_path: Path, data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, honest = Path(data.source) / "train" / CLASSES[0] / "link.png", Path.stat

    def refused(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path == link and follow_symlinks:
            raise PermissionError(EACCES, "Permission denied", str(path))
        return honest(path, follow_symlinks=follow_symlinks)

    link.symlink_to("elsewhere")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", refused)
        lessons, _ = keep(data, tmp_path)
    assert len(open_lessons(lessons).train.images) == 44


def test_a_draw_thins_out_train_alone(tmp_path: Path, data: DataSet) -> None:
    thin = DataSet(name="drawn", source=data.source, draw=Draw(per_class=5))
    lessons, exam = keep(thin, tmp_path)
    found = open_lessons(lessons)
    assert found.train.images.class_counts == (5, 5, 5, 5)
    assert [len(found.val.images), len(open_exam(exam).images)] == [12, 16]


def test_what_is_kept_is_left_alone_until_something_changes(tmp_path: Path, data: DataSet) -> None:
    lessons, _ = keep(data, tmp_path)
    before = lessons.stat().st_mtime_ns
    keep(data, tmp_path)
    assert lessons.stat().st_mtime_ns == before
    digest = digests(lessons)
    keep(data, tmp_path, Recipe(prep=PrepRecipe(size=16), calibration=WHOLE))
    assert lessons.stat().st_mtime_ns > before
    assert digests(lessons) != digest


def test_dicom_pictures_have_one_order_and_draw_wherever_and_whenever_they_are_read(
    tmp_path: Path, make_dicom: Callable[..., bytes]
) -> None:
    for split, numbers in (("train", range(8)), ("val", range(8, 10)), ("test", range(10, 14))):
        for kind in CLASSES[:2]:
            folder = tmp_path / "here" / split / kind
            folder.mkdir(parents=True)
            for n in numbers:
                file = make_dicom(draw(kind, n), PatientID=f"{kind} {n}")
                (folder / f"{n}.dcm").write_bytes(file)
    elsewhere = shutil.copytree(tmp_path / "here", tmp_path / "there", copy_function=shutil.copy)
    for path in elsewhere.rglob("*.dcm"):
        os.utime(path, (0, 0))
    found = []
    for number, place in enumerate(("here", "here", "there")):
        kept = tmp_path / f"{number}"
        kept.mkdir()
        data = DataSet(name="ct", source=str(tmp_path / place), draw=Draw(per_class=3))
        found.append([digests(path) for path in keep(data, kept)])
    assert found[0] == found[1] == found[2]


def test_patients_have_numbers(tmp_path: Path) -> None:
    lines = ["path,label,patient,split"]
    for split, numbers in (("train", range(4)), ("val", range(4, 6)), ("test", range(6, 10))):
        for kind in CLASSES:
            for n in numbers:
                path = save(draw(kind, n), tmp_path / "png" / f"{kind}{n}.png")
                lines.append(f"{path.relative_to(tmp_path)},{kind},P{n // 2},{split}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _, exam = keep(DataSet(name="t", source=str(tmp_path / "table.csv")), tmp_path)
    found = np.array(open_exam(exam).patients).reshape(len(CLASSES), 4)
    # of each class pictures 6 and 7 are one patient's, 8 and 9 another's, the same in all classes
    assert (found[:, 0] == found[:, 1]).all()
    assert (found[:, 2] == found[:, 3]).all()
    assert sorted(set(found.ravel())) == [0, 1]


def test_a_patient_of_train_and_test_is_refused(tmp_path: Path) -> None:
    lines = ["path,label,patient,split"]
    for split, numbers in (("train", range(4)), ("val", range(4, 6)), ("test", range(6, 8))):
        for kind in CLASSES[:2]:
            for n in numbers:
                path = save(draw(kind, n), tmp_path / "png" / f"{kind}{n}.png")
                lines.append(f"{path.relative_to(tmp_path)},{kind},P{n % 7},{split}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(SourceError, match="1 patient has pictures in more than one split"):
        keep(DataSet(name="t", source=str(tmp_path / "table.csv")), tmp_path)
    assert not (tmp_path / "b.npz").exists()


def test_a_test_label_that_train_lacks_is_refused(tmp_path: Path, data: DataSet) -> None:
    save(draw("disc", 99), Path(data.source) / "test" / "dics" / "0.png")
    with pytest.raises(SourceError, match=r"has the label 'dics', .* Did you mean 'disc'\?"):
        keep(data, tmp_path)


def test_test_pictures_of_which_no_new_one_has_a_label_are_refused(tmp_path: Path) -> None:
    splits = {"train": range(4), "val": range(4, 6), "test": range(3, 5)}
    data = DataSet(name="t", source=str(table(tmp_path, splits, {("test", 4)})))
    with pytest.raises(SourceError, match=r"none of 4 test pictures of t, .* has a label"):
        keep(data, tmp_path)
    assert not (tmp_path / "b.npz").exists()
