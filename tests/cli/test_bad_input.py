"""Bad input: exit code 2, one sentence, and nothing left behind."""

import re
import shutil
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made_model import CLASSES, FEWEST_EPOCHS, acir, draw, fill, save, train

SHORT = {key.replace(".", "__"): value for key, value in FEWEST_EPOCHS.items()}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("few"), {"train": 12, "val": 3})


def refused(data: object, out: Path, *words: object, **changed: str) -> str:
    """Train, expect a refusal that leaves nothing, and return its sentence."""
    said = train(data, out, *words, **changed).refusal()
    assert not out.exists()
    return said


def test_a_missing_path(tmp_path: Path) -> None:
    said = refused(tmp_path / "nowhere", tmp_path / "run")
    assert said.startswith(f"there is nothing at {tmp_path / 'nowhere'}; give a path that exists")


def test_a_seed_that_torch_cannot_take(tmp_path: Path) -> None:
    words = ("train", "tiny", "--data", tmp_path, "--out", tmp_path / "run", "--seed", str(2**63))
    outcome = acir(*words)
    assert outcome.code == 2
    assert "Invalid value for '--seed'" in outcome.err
    assert not (tmp_path / "run").exists()


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = refused(tmp_path / "empty", tmp_path / "run")
    assert said.startswith(f"{tmp_path / 'empty'} holds no picture of the split train, val;")


@pytest.mark.parametrize(("text", "why"), [("mine", "Expecting value"), ("5", "'int' object")])
def test_a_run_json_that_no_run_wrote(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    said = train(tmp_path, tmp_path, "--resume").refusal()
    assert said.startswith(f"{tmp_path / 'run.json'} is not what a run writes ({why}")


def test_pictures_that_are_none(tmp_path: Path) -> None:
    for n in range(10):
        file = tmp_path / "data" / "train" / "disc" / f"{n}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("no picture", encoding="utf-8")
    said = refused(tmp_path / "data", tmp_path / "run")
    assert said.startswith("none of 10 pictures can be read, such as train/disc/0.png (")


def test_one_class(tmp_path: Path) -> None:
    for n in range(10):
        save(draw("disc", n), tmp_path / "data" / "train" / "disc" / f"{n}.png")
    said = refused(tmp_path / "data", tmp_path / "run")
    assert said.startswith("the training pictures have 1 class, expected at least 2;")


def test_a_class_with_one_picture(tmp_path: Path) -> None:
    data = fill(tmp_path / "data", {"train": 12, "val": 3})
    save(draw("disc", 50), data / "train" / "lonely" / "0.png")
    said = refused(data, tmp_path / "run", calibration__fraction="0")
    assert said.startswith("a class needs at least 2 training pictures, but there is 1 of lonely;")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("training.epoch", "3", r"unknown recipe key 'training.epoch'; .* Did you mean 'epochs'\?"),
        ("trainig.epochs", "3", r"unknown recipe key 'trainig'; .* Did you mean 'training'\?"),
        ("training.epochs", "many", "training.epochs is 'many', expected a value of type int"),
        ("training.epochs", "0", "training.epochs is 0, expected at least 1"),
        ("training.epochs.x", "0", "cannot set training.epochs.x: epochs is a value, not a table"),
        ("training.learning_rate", "-1", "training.learning_rate is -1.0, expected above 0"),
        ("model.bits", "12", "model.bits is 12, expected a multiple of 8, such as 16"),
        ("model.bits", "32.0", "model.bits is 32.0, expected a value of type int"),
        ("model.decoder.on", "1", "model.decoder.on is 1, expected a value of type bool"),
        ("prep.channels", "color", r"expected one of auto, grey, colour. Did you mean 'colour'\?"),
        ("model.stem", "resnet", "model.stem is 'resnet', expected a table with a name"),
        ("model.stem.name", "resnt", r"acir.models.stems has no 'resnt'; .* mean 'resnet'\?"),
        ("model.stem.dept", "18", r"has no option 'dept'; .* Did you mean 'depth'\?"),
        ("model.stem.depth", "19", "model.stem.depth is 19, expected one of 18, 34, 50"),
        ("loss.name", "shc", r"acir.losses has no 'shc'; .* Did you mean 'sch'\?"),
        ("loss.structur", "1", r"has no option 'structur'; .* Did you mean 'structure'\?"),
        ("gate.detectors", '["nn"]', r"acir.ood has no 'nn'; .* Did you mean 'knn'\?"),
        ("search.mode", "fusd", r"acir.ranking has no 'fusd'; .* Did you mean 'fused'\?"),
        ("gate.detectors", "knn", "gate.detectors is 'knn', expected a list"),
        ("calibration.fraction", "0.5", "calibration.fraction is 0.5, expected at least 0 and"),
        ("model.transformer.heads", "5", r"heads is .*expected a divisor of model.transformer.dim"),
        ("model.pretrained", "no/such.pth", "there are no weights at no/such.pth; give a file"),
    ],
)
def test_a_mistake_in_the_recipe(
    tmp_path: Path, few: Path, key: str, value: str, said: str
) -> None:
    assert re.search(said, refused(few, tmp_path / "run", "--set", f"{key}={value}"))


def test_a_loss_that_cannot_teach_what_the_recipe_needs_is_refused_before_pictures_are_read(
    tmp_path: Path,
) -> None:
    nowhere, out = tmp_path / "nowhere", tmp_path / "run"
    settings = ("--set", "loss.name=dsh")
    said = acir("train", "tiny", "--data", nowhere, "--out", out, *settings).refusal()
    assert said.startswith("recipe key model.head.posterior is true, but the loss 'dsh' with its")
    assert said.endswith("or set model.head.posterior=false")
    more = ("--set", said.rpartition(" ")[2])  # what it says is what helps
    said = acir("train", "tiny", "--data", nowhere, "--out", out, *settings, *more).refusal()
    assert said.startswith(f"there is nothing at {nowhere}")
    assert not out.exists()


def test_a_setting_without_a_value(tmp_path: Path, few: Path) -> None:
    said = refused(few, tmp_path / "run", "--set", "training.epochs")
    assert said == "the option value is 'training.epochs', expected key=value"


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("tony", r"there is no recipe 'tony'; give one of .* Did you mean 'tiny'\?"),
        ("no/such.toml", "there is no recipe at no/such.toml; give a .toml file that exists"),
    ],
)
def test_a_recipe_that_is_not_there(tmp_path: Path, few: Path, recipe: str, said: str) -> None:
    outcome = acir("train", recipe, "--data", few, "--out", tmp_path / "run")
    assert re.match(said, outcome.refusal())
    assert not (tmp_path / "run").exists()


def test_a_recipe_file_with_an_unknown_key(tmp_path: Path, few: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[model]\nbit = 32\n", encoding="utf-8")
    outcome = acir("train", file, "--data", few, "--out", tmp_path / "run")
    assert outcome.refusal().endswith("Did you mean 'bits'?")


def bomb() -> bytes:
    """Return a PNG of a few bytes whose header announces 10^10 pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def truncated() -> bytes:
    buffer = BytesIO()
    Image.fromarray(draw("disc", 0)).save(buffer, "PNG")
    return buffer.getvalue()[:400]


UNREADABLE = {
    "zero": (b"", "the file is empty"),
    "truncated": (truncated(), "the picture ends early"),
    "mislabelled": (b"GIF89a, or a text", "its content is no picture"),
    "huge": (bomb(), "it has more than 89,478,485 pixels, which may be a decompression bomb"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_picture_is_refused_where_strict(
    tmp_path: Path, bundle: Path, name: str
) -> None:
    content, reason = UNREADABLE[name]
    data = fill(tmp_path / "data", {"train": 3})
    (data / "train" / "disc" / "bad.png").write_bytes(content)
    expected = f"cannot read train/disc/bad.png: {reason}"
    assert refused(data, tmp_path / "run", "--strict").startswith(expected)
    options = ("--model", bundle, "--data", data, "--index", tmp_path / "index")
    assert acir("index", "build", *options, "--strict").refusal().startswith(expected)
    assert not (tmp_path / "index").exists()
    sources = ("--gallery", data, "--queries", data)
    assert acir("evaluate", bundle, *sources, "--strict").refusal().startswith(expected)


def test_unreadable_pictures_are_else_skipped_counted_and_listed(
    tmp_path: Path, bundle: Path
) -> None:
    data = fill(tmp_path / "data", {"train": 3})
    for name, (content, _) in UNREADABLE.items():
        (data / "train" / "disc" / f"{name}.png").write_bytes(content)
    options = ("--model", bundle, "--data", data, "--index", tmp_path / "index")
    outcome = acir("index", "build", *options, "--no-thumbnails")
    assert outcome.code == 0
    assert "skipped 4 unreadable pictures:" in outcome.err
    for name, (_, reason) in UNREADABLE.items():
        assert f"  train/disc/{name}.png: {reason}" in outcome.err


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_query_has_a_line(tmp_path: Path, bundle: Path, name: str) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(UNREADABLE[name][0])
    outcome = acir("check", "--model", bundle, path, "--json")
    code = "truncated" if name in {"zero", "truncated"} else "unreadable"
    assert outcome.line()["reason_code"] == code
    assert outcome.code == 2  # nothing could be read


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "--model", "NOWHERE", "x.png"), "there is no bundle at"),
        (("evaluate", "NOWHERE", "--gallery", "x", "--queries", "y"), "there is no bundle at"),
        (
            ("index", "build", "--model", "NOWHERE", "--data", "x", "--index", "y"),
            "there is no bundle at",
        ),
        (("search", "--index", "NOWHERE", "x.png"), "there is no index at"),
        (("index", "info", "--index", "NOWHERE"), "there is no index at"),
        (("index", "verify", "--index", "NOWHERE"), "there is no index at"),
        (("index", "delete", "--index", "NOWHERE", "x"), "there is no index at"),
        (("index", "add", "--index", "NOWHERE", "--data", "x"), "there is no index at"),
    ],
)
def test_a_bundle_or_an_index_that_is_not_there(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    nowhere = tmp_path / "nowhere"
    outcome = acir(*(nowhere if word == "NOWHERE" else word for word in words))
    assert outcome.refusal().startswith(f"{said} {nowhere}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("medmnst:bloodmnist", r"there is nothing at medmnst:.* Did you mean 'medmnist'\?"),
        ("medmnist:blodmnist", r"there is no medmnist:blodmnist; .* Did you mean 'bloodmnist'\?"),
        ("phantom:smear,many", "phantom:smear,many is not understood; write phantom: or"),
        ("DATA#trian", r"names the split 'trian', expected one of train, val, test. Did you mean"),
        ("DATA/train/disc/notes.txt", "no source reads .*; give a folder or a file of"),
        ("DATA/table.csv", r"has no column 'path'"),
        ("DATA/broken.zip", "broken.zip is not a complete zip file"),
        ("DATA/broken.npz", r"broken.npz cannot be read, .*: File is not a zip file; save or"),
    ],
)
def test_a_source_that_cannot_be_opened(tmp_path: Path, bundle: Path, data: str, said: str) -> None:
    folder = fill(tmp_path / "data", {"train": 1})
    (folder / "train" / "disc" / "notes.txt").write_text("text", encoding="utf-8")
    (folder / "table.csv").write_text("file,label\nx.png,disc\n", encoding="utf-8")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04")
    (folder / "broken.npz").write_bytes(b"PK\x03\x04")
    source = data.replace("DATA", str(folder))
    assert re.search(said, refused(source, tmp_path / "run"))
    options = ("--model", bundle, "--data", source, "--index", tmp_path / "index")
    assert re.search(said, acir("index", "build", *options).refusal())
    assert not (tmp_path / "index").exists()


def test_a_patient_in_two_splits(tmp_path: Path) -> None:
    lines = ["path,label,patient,split"]
    for kind in CLASSES:
        for n, split in enumerate(("train", "train", "val")):
            save(draw(kind, n), tmp_path / "png" / f"{kind}{n}.png")
            lines.append(f"png/{kind}{n}.png,{kind},CANARY,{split}")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    said = refused(table, tmp_path / "run")
    assert said.startswith("1 patient has pictures in more than one split")
    assert "CANARY" not in said


def test_a_device_that_is_not_there(tmp_path: Path, few: Path) -> None:
    assert refused(few, tmp_path / "run", "--device", "tpu").startswith("the device is 'tpu'")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("search", "--index", "x", "y.png", "-k", "0"), "'-k': Input should be greater"),
        (("search", "--index", "x", "y.png", "-k", "ten"), "'-k': Input should be a valid integer"),
        (("search", "--index", "x"), "there is nothing to ask about"),
        (("search", "y.png"), "Missing option '--index'"),
        (("train", "tiny", "--out", "x"), "Missing option '--data'"),
        (
            ("train", "tiny", "--data", "x", "--out", "y", "--seed", "-1"),
            "'--seed': Input should be greater",
        ),
        (("serch",), "No such command 'serch'"),
        (("search", "--idex", "x"), "No such option: --idex"),
    ],
)
def test_wrong_use_of_the_command_line(words: tuple[str, ...], said: str) -> None:
    outcome = acir(*words)
    assert outcome.code == 2
    assert said in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("check", "--model", "", "x.png"), "what follows --model"),
        (("check", "--model=", "x.png"), "what follows --model"),
        (("index", "info", "--index", "", "--json"), "what follows --index"),
        (("evaluate", ""), "an argument"),
        (("demo", "--out", ""), "what follows --out"),
    ],
)
def test_an_empty_value_is_not_this_folder(
    tmp_path: Path,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    what: str,
) -> None:
    here = tmp_path / "bundle"
    shutil.copytree(bundle, here)
    monkeypatch.chdir(here)
    held = sorted(here.iterdir())
    said = acir(*words).refusal()
    assert said == f"{what} is empty; give a value, or `.` for this folder"
    assert sorted(here.iterdir()) == held


def test_a_condition_may_name_an_empty_value(tmp_path: Path) -> None:
    outcome = acir("search", "--index", tmp_path / "none", "x.png", "--where=site=")
    assert "there is no index at" in outcome.refusal()


def test_a_picture_as_small_as_a_pixel_and_one_as_large_as_a_scan_are_no_errors(
    tmp_path: Path, bundle: Path
) -> None:
    pixel = save(np.full((1, 1), 9, dtype=np.uint8), tmp_path / "pixel.png")
    scan = save(draw("disc", 0).repeat(64, axis=0).repeat(64, axis=1), tmp_path / "scan.png")
    outcome = acir("check", "--model", bundle, pixel, scan, "--json")
    assert outcome.code == 0
    assert [line["reason_code"] == "blank" for line in outcome.lines()] == [True, False]


@pytest.fixture
def none_readable(tmp_path: Path) -> tuple[Path, str]:
    """Write pictures that are none; return their folder and how an index refuses them."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a", "b"):
        (data / f"{name}.png").write_text("no picture", encoding="utf-8")
    return data, (
        f"no picture of {data} came into the index: 2 cannot be read, such as a.png (its content "
        "is no picture, expected PNG, JPEG, TIFF or BMP); give some that can"
    )


def test_an_index_of_pictures_that_are_none_is_not_made(
    tmp_path: Path, bundle: Path, none_readable: tuple[Path, str]
) -> None:
    (data, sentence), index = none_readable, tmp_path / "index"
    said = acir("index", "build", "--model", bundle, "--data", data, "--index", index).refusal()
    assert said == sentence
    assert not index.exists()


def test_adding_pictures_of_which_none_can_be_read_is_refused_and_those_are_remembered(
    own_index: Path, none_readable: tuple[Path, str]
) -> None:
    data, sentence = none_readable
    add = ("index", "add", "--index", own_index, "--data", data)
    before = acir("index", "info", "--index", own_index, "--json").line()["n"]
    assert acir(*add).refusal() == sentence
    assert acir("index", "info", "--index", own_index, "--json").line()["n"] == before
    failed = acir("index", "failed", "--index", own_index, "--json").line()["failed"]
    assert [picture["path"] for picture in failed] == ["a.png", "b.png"]
    save(draw("disc", 700), data / "c.png")
    assert acir(*add, "--json").done() == {"new": 1, "replaced": 0, "unchanged": 0}
    assert acir(*add, "--json").done() == {"new": 0, "replaced": 0, "unchanged": 1}
