"""The benchmarks for pictures that others have run on files of the same form, made here.

Runs have a thin network, one epoch, two methods and no tuning by a benchmark that rests on the
shipped one; its pictures and their preparation are its own.
"""

from functools import cache
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import UInt8
from PIL import Image

from acir.evaluation.benchmark import Benchmark, with_sources
from acir.evaluation.benchmark_file import load
from acir.models.encoder import Encoder
from acir.sources import medmnist
from acir.sources.medmnist import Official, official
from acir.sources.phantom.request import parse
from acir.types import silent
from acir.workflows.compare import compare
from acir.workflows.comparing.pictures import (
    Lessons,
    Part,
    keep_exam,
    keep_lessons,
    open_exam,
    open_lessons,
)
from made_benchmark import in_this_process

FOLDER = Path(__file__).parents[2] / "benchmarks"
NAMES = ("medmnist", "radimagenet", "histology", "phantom")
# Sixteen channels: with two threads, torch 2.13 on a CPU has corrupted memory at eight.
QUICKLY = """
base = "{base}"
recipe = "tiny"
bits = [16]
seeds = [0]
trials = []
floor = []
[shared]
"calibration.fraction" = 0.0
"model.stem" = {{ name = "resnet", depth = 18, width = 16, small = false }}
"model.attention.on" = false
"model.fusion.on" = false
"model.transformer.on" = false
"model.head.name" = "linear"
"model.head.posterior" = false
"training.epochs" = 1
"training.least_views" = 0
"training.batch" = 16
[[method]]
name = "acir"
loss = {{ name = "sch", structure = 0.0, quantisation = "cubic" }}
set = {{ "model.fusion.on" = true, "model.scattering.on" = true, "model.head.name" = "sign" }}
[[method]]
name = "csq"
loss = {{ name = "csq" }}
"""
# Classes and channels as the paper of MedMNIST has them (Scientific Data 2023, table 1).
MEDMNIST = {
    "organa": ("organamnist", 11, 1),
    "organc": ("organcmnist", 11, 1),
    "organs": ("organsmnist", 11, 1),
    "path": ("pathmnist", 9, 3),
    "blood": ("bloodmnist", 8, 3),
    "derma": ("dermamnist", 7, 3),
}
CT = {  # the axes of the confusion matrix in figure 5 of the paper
    *("abd_normal_ct", "Airspace_opacity", "bladder_pathology_ct", "bowel_abnormality_ct"),
    *("Bronchiectasis", "interstitial_lung_disease", "liver_lesion_ct", "lung_normal", "Nodule"),
    *("osseous_neoplasm_ct", "ovarian_pathology_ct", "pancreatic_lesion_ct"),
    *("prostate_lesion_ct", "renal_lesion_ct", "splenic_lesion_ct", "uterine_pathology_ct"),
}
COUNTS = {"train": 4, "val": 2, "test": 2}  # of each class of an array file


@cache
def shipped(name: str) -> Benchmark:
    return load(FOLDER / f"{name}.toml")


def noise(
    random: np.random.Generator, side: int, channels: int
) -> UInt8[np.ndarray, "side side *channels"]:
    shape = (side, side) if channels == 1 else (side, side, channels)
    return random.integers(0, 256, shape, dtype=np.uint8)


def arrays(path: Path, classes: int, channels: int) -> Path:
    """Write an .npz in the form of MedMNIST: pictures of 28 px and labels of two axes."""
    random = np.random.default_rng(len(path.name))
    held = {}
    for split, count in COUNTS.items():
        labels = np.repeat(np.arange(classes, dtype=np.uint8), count)
        held[f"{split}_images"] = np.stack([noise(random, 28, channels) for _ in labels])
        held[f"{split}_labels"] = labels[:, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **held)  # type: ignore[arg-type]  # no array is called allow_pickle
    return path


def class_folders(place: Path, names: set[str], count: int, channels: int, suffix: str) -> Path:
    """Write a folder of pictures for each class."""
    random = np.random.default_rng(count)
    for name in sorted(names):
        (place / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(noise(random, 32, channels)).save(place / name / f"{number}{suffix}")
    return place


def prepared(folder: Path, name: str, data_set: str, source: Path) -> tuple[Lessons, Part]:
    """Prepare the pictures of a shipped benchmark's data set as it says."""
    found = with_sources(shipped(name), {data_set: str(source)})
    (data,) = (data for data in found.data if data.name == data_set)
    recipe = found.recipe_for(data, found.method[0], 16)
    lessons, exam = folder / "lessons.npz", folder / "exam.npz"
    keep_lessons(data, recipe, lessons, download=False, progress=silent, say=lambda _: None)
    keep_exam(data, lessons, exam, download=False, progress=silent)
    return open_lessons(lessons), open_exam(exam)


def ran(folder: Path, name: str, only: dict[str, list[str]], source: str = "") -> Path:
    """Run a part of a shipped benchmark, its floors left out, and return the comparison."""
    path = folder / "quickly.toml"
    path.write_text(QUICKLY.format(base=(FOLDER / f"{name}.toml").as_posix()), encoding="utf-8")
    sources = {data: source for data in only["data"] if source}
    compare(path, folder / "out", only=only, sources=sources)
    done = [p.parent.name for p in folder.glob("out/runs/*/*/16-0.npz")]
    assert sorted(done) == only["method"]
    return folder / "out"


def lessons_of(out: Path, data: str) -> Lessons:
    return open_lessons(out / "pictures" / f"{data}.npz")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    in_this_process(monkeypatch)


# What each of them is


@pytest.mark.parametrize("name", NAMES)
def test_all_have_the_methods_of_the_small_one(name: str) -> None:
    found, small = shipped(name), shipped("small")
    kinds = [[(m.name, m.loss, m.set) for m in b.method] for b in (found, small)]
    assert kinds[0] == kinds[1]
    assert (found.floor, found.bits, found.seeds) == (small.floor, small.bits, small.seeds)
    assert {len(method.trials) for method in found.method} == {4}


def test_the_six_sets_of_medmnist_are_official_ones() -> None:
    sources = {data.name: data.source for data in shipped("medmnist").data}
    assert sources == {name: f"medmnist:{file}" for name, (file, _, _) in MEDMNIST.items()}
    known = official()
    assert {f: len(known[f].classes) for f, _, _ in MEDMNIST.values()} == {
        file: classes for file, classes, _ in MEDMNIST.values()
    }


def test_the_classes_of_radimagenet_are_named_where_a_reader_looks() -> None:
    text = (FOLDER / "radimagenet.toml").read_text(encoding="utf-8")
    assert len(CT) == 16
    assert {name for name in CT if name in text.split()} == CT


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["acir", "acir_published", "csq"])
def test_the_full_network_takes_a_picture_of_the_size(name: str, method: str) -> None:
    found = shipped(name)
    (chosen,) = (m for m in found.method if m.name == method)
    recipe = found.recipe_for(found.data[0], chosen, 32)
    assert recipe.prep.size == (28 if name == "medmnist" else 224)
    side = recipe.prep.size
    with torch.no_grad():
        encoding = Encoder(recipe.model, 16).eval()(torch.zeros(1, 3, side, side))
    assert encoding.logits.shape == (1, 32)


# Their pictures


@pytest.mark.parametrize("name", MEDMNIST)
def test_a_file_in_the_form_of_medmnist_is_prepared(tmp_path: Path, name: str) -> None:
    file, classes, channels = MEDMNIST[name]
    source = arrays(tmp_path / f"{file}.npz", classes, channels)
    lessons, exam = prepared(tmp_path, "medmnist", name, source)
    train = lessons.train.images
    assert train.class_counts == (COUNTS["train"],) * classes
    assert train.images.shape[1:] == (3, 28, 28)
    # A grey picture has three equal channels.
    assert torch.equal(train.images[:, 0], train.images[:, 1]) == (channels == 1)
    assert len(exam.images) == COUNTS["test"] * classes


def test_a_folder_of_the_papers_classes_is_prepared(tmp_path: Path) -> None:
    source = class_folders(tmp_path / "ct", CT, 8, 3, ".png")
    lessons, exam = prepared(tmp_path, "radimagenet", "ct", source)
    train = lessons.train.images
    assert set(lessons.class_names) == CT
    assert len(train) + len(lessons.val.images) + len(exam.images) == 8 * 16
    assert train.images.shape[1:] == (3, 224, 224)
    assert torch.equal(train.images[:, 0], train.images[:, 1])  # CT saved in colour is made grey


# Runs


def test_an_official_file_is_found_in_its_usual_folder_and_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = arrays(tmp_path / "medmnist" / "bloodmnist.npz", 8, 3)
    names = official()["bloodmnist"].classes
    made = {"bloodmnist": Official(names, md5(file.read_bytes()).hexdigest())}
    monkeypatch.setattr(medmnist, "official", lambda: made)
    monkeypatch.setenv("MEDMNIST_ROOT", str(file.parent))
    out = ran(tmp_path, "medmnist", {"data": ["blood"], "method": ["acir", "csq"]})
    assert lessons_of(out, "blood").class_names == tuple(sorted(names))


def test_tissue_is_asked_for_by_the_pictures_of_the_test_folder(tmp_path: Path) -> None:
    kinds = {"ADI", "LYM", "TUM"}
    class_folders(tmp_path / "tissue" / "train", kinds, 12, 3, ".tif")
    class_folders(tmp_path / "tissue" / "test", kinds, 3, 3, ".tif")
    part = {"data": ["tissue"], "method": ["csq"]}
    out = ran(tmp_path, "histology", part, str(tmp_path / "tissue"))
    lessons = lessons_of(out, "tissue")
    assert len(lessons.train.images) + len(lessons.val.images) == 3 * 12
    assert len(open_exam(out / "pictures" / "tissue-test.npz").images) == 3 * 3


def test_the_phantom_needs_no_file(tmp_path: Path) -> None:
    part = {"data": ["phantom"], "method": ["csq"]}
    few = "phantom:ct16,4@224"  # of each class 2 train, 1 val, 1 test
    out = ran(tmp_path, "phantom", part, few)
    assert lessons_of(out, "phantom").train.images.images.shape == (2 * 16, 3, 224, 224)


def test_the_phantom_has_sixteen_classes_drawn_at_the_size_of_the_network() -> None:
    found = shipped("phantom")
    (data,) = found.data
    wanted = parse(data.source.removeprefix("phantom:"))
    assert len(wanted.classes) == 16
    assert wanted.side == found.recipe_for(data, found.method[0], 16).prep.size
