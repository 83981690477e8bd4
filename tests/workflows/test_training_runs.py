"""`acir train`: what a run leaves, what it refuses, what it never opens."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightning_fabric import Fabric

from acir.bundle import FILES, load_bundle
from acir.errors import SourceError, UsageError
from acir.sources.base import open_source
from acir.workflows.train import train as workflow
from made_model import CLASSES, COUNTS, FEWEST_EPOCHS, acir, draw, fill, save, table, train, tree

SHORT = {key.replace(".", "__"): value for key, value in FEWEST_EPOCHS.items()}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("few"), {"train": 30, "val": 5})


def test_a_run_leaves_its_bundle_log_metrics_and_messages(trained: Path) -> None:
    assert {p.name for p in (trained / "bundle").iterdir()} == {*FILES, "checksums.json"}
    with (trained / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["stage"], row["epoch"]) for row in rows] == [
        *(("1", str(n)) for n in (1, 2, 3, 4)),
        *(("2", str(n)) for n in (1, 2, 3)),
    ]
    metrics = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["n_queries"] == COUNTS["val"] * len(CLASSES)
    assert metrics["epochs"] == 4
    assert (trained / "train.log").read_text(encoding="utf-8").count("val_mAP") == 4


def test_the_model_card_names_classes_and_promise(bundle: Path) -> None:
    card = (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert all(f"| {kind} |" in card for kind in CLASSES)
    assert "At most 3% of ordinary pictures are called unknown" in card


def test_what_was_learned_finds_its_classes_again(bundle: Path, pictures: Path) -> None:
    found = acir(
        *("evaluate", bundle, "--gallery", f"{pictures}#train"),
        *("--queries", f"{pictures}#test", "--json"),
    ).line()
    assert found["mAP"] > 0.9  # four textures that no one would confuse


def test_a_second_run_in_one_folder_is_refused(trained: Path, pictures: Path) -> None:
    before = tree(trained)
    assert train(pictures, trained).refusal() == (
        f"{trained} holds a run already; go on with it by --resume or give another --out"
    )
    assert tree(trained) == before


def test_resuming_a_finished_run_gives_the_same_bundle(
    tmp_path: Path, trained: Path, pictures: Path
) -> None:
    out = shutil.copytree(trained, tmp_path / "run")
    assert train(pictures, out, "--resume").code == 0
    for name in ("weights.safetensors", "gate.safetensors", "bundle.json", "calibration.json"):
        assert (out / "bundle" / name).read_bytes() == (trained / "bundle" / name).read_bytes()


@pytest.mark.parametrize(
    ("changed", "words", "what"),
    [
        ({"training__epochs": "9"}, (), "recipe"),
        ({}, ("--seed", 1), "seed"),
        ({"model__bits": "16"}, ("--seed", 1), "recipe and seed"),
    ],
)
def test_a_run_is_not_resumed_as_another(
    trained: Path, pictures: Path, changed: dict[str, str], words: tuple[object, ...], what: str
) -> None:
    before = tree(trained)
    said = train(pictures, trained, "--resume", *words, **changed).refusal()
    assert said.startswith(f"{trained} was begun with another {what}; resume with the same")
    assert tree(trained) == before


def test_a_run_is_not_resumed_on_other_data(tmp_path: Path, trained: Path) -> None:
    said = train(fill(tmp_path / "others"), trained, "--resume").refusal()
    assert "was begun with another data;" in said


def test_a_bundle_without_its_run_is_not_replaced(
    tmp_path: Path, trained: Path, pictures: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(trained / "bundle", out / "bundle")
    for words in ((), ("--resume",)):
        assert "holds a run already" in train(pictures, out, *words).refusal()


def test_what_stopped_before_its_first_epoch_does_not_block_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: Path
) -> None:
    out = tmp_path / "run"

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("acir.training.trainer.Trainer._run_epoch", interrupted)
        assert train(few, out, **SHORT).code == 130
    assert (out / "run.json").exists()
    assert train(few, out, "--seed", 1, **SHORT).code == 0


def test_of_several_processes_the_first_alone_takes_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: Path
) -> None:
    monkeypatch.setattr(Fabric, "is_global_zero", False)
    monkeypatch.setattr("acir.training.trainer.Trainer.fit", lambda *_, **__: [])
    assert workflow("tiny", data=str(few), out=tmp_path / "run", settings=FEWEST_EPOCHS) == {}
    assert not (tmp_path / "run").exists()


def test_the_test_split_is_never_opened(tmp_path: Path) -> None:
    data = fill(tmp_path / "data", {"train": 40, "val": 5})
    for number in range(5):
        bad = data / "test" / CLASSES[number % 4] / f"{number}.png"
        bad.parent.mkdir(parents=True, exist_ok=True)
        bad.write_bytes(b"no picture")
    assert train(data, tmp_path / "run", "--strict", **SHORT).code == 0


def test_arrays_of_a_test_split_may_be_absent(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {}
    for split, numbers in (("train", range(30)), ("val", range(30, 35))):
        drawn = [(draw(kind, n), CLASSES.index(kind)) for kind in CLASSES for n in numbers]
        arrays[f"{split}_images"] = np.stack([pixels for pixels, _ in drawn])
        arrays[f"{split}_labels"] = np.array([[label] for _, label in drawn], dtype=np.uint8)
    np.savez(tmp_path / "data.npz", **arrays)
    outcome = train(tmp_path / "data.npz", tmp_path / "run", **SHORT)
    assert outcome.code == 0, outcome.err
    assert len(load_bundle(tmp_path / "run" / "bundle").class_names) == 4


def test_calibration_pictures_are_neither_trained_on_nor_validation(
    trained: Path, pictures: Path
) -> None:
    kept = load_bundle(trained / "bundle").calibration
    train_split = {r.pixel_hash for r in open_source(f"{pictures}#train")}
    assert kept < train_split
    # Two sets of about 30 % of 400 pictures, each drawn by hash; 30 are five standard deviations.
    assert abs(len(kept) - 240) < 60
    metrics = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["n_gallery"] == len(train_split) - len(kept)


def test_without_calibration_all_of_train_is_used_and_nothing_promised(
    tmp_path: Path, few: Path
) -> None:
    changed = {**SHORT, "calibration__fraction": "0"}
    outcome = train(few, tmp_path / "run", "--json", **changed)
    assert outcome.code == 0, outcome.err
    assert outcome.line()["n_gallery"] == 30 * len(CLASSES)
    assert outcome.line()["calibration"]["promised"] is None
    assert "no guarantee possible" in outcome.err
    assert load_bundle(tmp_path / "run" / "bundle").answer_sets is None
    path = save(draw("disc", 0), tmp_path / "disc.png")
    checked = acir("check", "--model", tmp_path / "run" / "bundle", path, "--json").line()
    assert checked["calibration"]["promised"] is None


def test_too_few_calibration_pictures_promise_nothing(tmp_path: Path, few: Path) -> None:
    outcome = train(few, tmp_path / "run", "--json", **SHORT, calibration__fraction="0.1")
    found = outcome.line()["calibration"]
    assert 0 < found["n"] < 99
    assert found["promised"] is None
    assert "99 needed" in outcome.err


BARE = {
    "model__attention__on": "false",
    "model__fusion__on": "false",
    "model__transformer__on": "false",
    "model__head__name": "linear",
    "model__decoder__on": "false",
    "gate__detectors": '["knn"]',
}


UNTAUGHT = {"loss__classification": "0", "model__head__posterior": "false"}


def test_a_bare_stem_trains_and_classes_that_nothing_teaches_are_told_of(
    tmp_path: Path, few: Path
) -> None:
    outcome = train(few, tmp_path / "run", "--json", **SHORT, **BARE, **UNTAUGHT)
    assert outcome.code == 0, outcome.err
    assert outcome.line()["epochs"] == 1  # there is no decoder to train
    bundle = load_bundle(tmp_path / "run" / "bundle")
    assert bundle.encoder.decoder is None
    assert outcome.err.count("the loss 'sch' with its options does not teach the class head") == 1


def test_the_energy_of_classes_that_nothing_teaches_is_refused(tmp_path: Path, few: Path) -> None:
    chosen = {"gate__detectors": '["energy"]', **UNTAUGHT}
    said = train(few, tmp_path / "run", **SHORT, **chosen).refusal()
    assert "gate.detectors names 'energy', which reads the class head" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gate.detectors": '["energy"]', "loss.name": "csq"}, "which reads the class head"),
        ({"model.stem.name": "resnett"}, "acir.models.stems has no 'resnett'"),
        ({"model.stem.depth": "19"}, "depth"),
        ({"model.pretrained": "none.pth"}, "there are no weights at none.pth"),
    ],
)
def test_an_impossible_recipe_is_refused_before_any_picture_is_read(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    untaught = {"model.head.posterior": "false"} if "loss.name" in settings else {}
    with pytest.raises(UsageError, match=said):
        workflow(
            "tiny", data=str(tmp_path / "none"), out=tmp_path / "run", settings=settings | untaught
        )


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        ("attention", {"attend_shallow", "attend_deep"}),
        ("fusion", {"fusion", "attend_shallow"}),  # nothing else reads attention on that map
        ("transformer", {"transformer"}),
    ],
)
def test_each_block_can_be_switched_off(
    tmp_path: Path, few: Path, bundle: Path, block: str, parts: set[str]
) -> None:
    outcome = train(few, tmp_path / "run", **SHORT, **{f"model__{block}__on": "false"})
    assert outcome.code == 0, outcome.err
    whole, trained = (_trained_parts(place) for place in (bundle, tmp_path / "run" / "bundle"))
    assert whole - trained == parts
    assert trained < whole


def _trained_parts(bundle: Path) -> set[str]:
    """Name the parts of a network that have weights."""
    weights = load_bundle(bundle).encoder.named_parameters()
    return {name.partition(".")[0] for name, _ in weights}


def test_the_residual_needs_the_decoder(tmp_path: Path, pictures: Path) -> None:
    off = {"model__decoder__on": "false", "gate__detectors": '["residual"]'}
    said = train(pictures, tmp_path / "run", **off).refusal()
    assert said.startswith("gate.detectors names 'residual', which needs the decoder")
    assert not (tmp_path / "run").exists()


def test_a_table_with_several_labels_and_patients_trains_and_evaluates(tmp_path: Path) -> None:
    lines = ["path,label,patient,split,view"]
    for split, numbers in (("train", range(30)), ("val", range(30, 36)), ("test", range(36, 40))):
        for kind in CLASSES:
            for n in numbers:
                path = save(draw(kind, n), tmp_path / "png" / f"{kind}{n}.png")
                label = f"{kind}|even" if n % 2 == 0 else kind
                lines.append(f"{path.relative_to(tmp_path)},{label},P{split}{n // 2},{split},AP")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    outcome = train(table, tmp_path / "run", **SHORT)
    assert outcome.code == 0, outcome.err
    found = acir(
        *("evaluate", tmp_path / "run" / "bundle", "--gallery", f"{table}#train"),
        *("--queries", f"{table}#test", "--json"),
    ).line()
    assert set(found["per_class"]) == {*CLASSES, "even"}
    assert found["per_class"]["even"]["n"] == 8


def test_unreadable_pictures_are_skipped_counted_and_listed(tmp_path: Path) -> None:
    data = fill(tmp_path / "data", {"train": 30, "val": 5})
    (data / "train" / "disc" / "empty.png").write_bytes(b"")
    (data / "train" / "bars" / "text.png").write_bytes(b"no picture")
    (data / "train" / "x.webp").touch()
    outcome = train(data, tmp_path / "run", **SHORT)
    assert outcome.code == 0, outcome.err
    assert "passed over 1 file that is no PNG, JPEG, TIFF or BMP (.webp)" in (outcome.err)
    assert "skipped 2 unreadable pictures:" in outcome.err
    assert "  train/disc/empty.png: the file is empty" in outcome.err
    assert "  train/bars/text.png: its content is no picture" in outcome.err


def test_dicom_files_train_without_a_word_about_the_patient(
    tmp_path: Path, make_dicom: Callable[..., bytes], identity: tuple[str, ...]
) -> None:
    for split, numbers in (("train", range(20)), ("val", range(20, 24))):
        for kind in CLASSES:
            folder = tmp_path / "data" / split / kind
            folder.mkdir(parents=True)
            for n in numbers:
                file = make_dicom(draw(kind, n), PatientID=f"CANARY-{split}-{kind}-{n}")
                (folder / f"CANARY{n}.dcm").write_bytes(file)
    outcome = train(tmp_path / "data", tmp_path / "run", **SHORT)
    assert outcome.code == 0, outcome.err
    left = b"".join(tree(tmp_path / "run").values()) + (outcome.out + outcome.err).encode()
    assert not [word for word in identity if word.encode() in left]


def test_pictures_that_leave_none_to_validate_by_are_refused(tmp_path: Path) -> None:
    for kind in CLASSES:
        for split in ("train", "val"):
            for n in range(3):
                save(draw(kind, n), tmp_path / "data" / split / kind / f"{n}.png")
    with pytest.raises(SourceError, match="no picture is left to validate by among 24, beside"):
        workflow(
            "tiny",
            data=str(tmp_path / "data"),
            out=tmp_path / "run",
            settings={"calibration.fraction": "0"},
        )
    assert not (tmp_path / "run").exists()


def test_pictures_to_validate_by_without_a_label_are_refused(tmp_path: Path) -> None:
    splits = {"train": range(4), "val": range(3, 6)}  # one is trained on
    written = table(tmp_path, splits, {("val", 4), ("val", 5)})
    with pytest.raises(SourceError, match="none of 8 pictures to validate by has a label"):
        workflow(
            "tiny",
            data=str(written),
            out=tmp_path / "run",
            settings={"calibration.fraction": "0"},
        )
    assert not (tmp_path / "run").exists()


def test_a_file_is_no_place_for_a_run(tmp_path: Path, pictures: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for out in (file, file / "below"):
        with pytest.raises(UsageError, match=r"file is a file; give a folder as --out"):
            workflow("tiny", data=str(pictures), out=out)


def test_a_run_that_diverges_says_so(tmp_path: Path, few: Path) -> None:
    outcome = train(few, tmp_path / "run", **SHORT, training__learning_rate="1e6")
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1] == (
        "error: the loss of epoch 1 is not finite; start again with a smaller "
        "training.decoder_learning_rate or training.learning_rate"
    )


def test_pictures_smaller_than_a_fingerprint_are_refused(tmp_path: Path, few: Path) -> None:
    said = train(few, tmp_path / "run", prep__size="15").refusal()
    assert said == "recipe key prep.size is 15, expected at least 16"
    assert train(few, tmp_path / "run", **SHORT, prep__size="16").code == 0
