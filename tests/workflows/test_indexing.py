"""`acir index`: what an index holds, what adding and deleting change, what verifying finds."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from acir.bulk import encode_images
from acir.bundle import CHECKSUMS, FILES, copy_bundle, load_bundle
from acir.errors import StorageError, UsageError
from acir.index.entry import Entry
from acir.index.store import Store
from acir.models.encoder import Encoder
from acir.sources.base import open_source
from acir.types import ImageRecord
from acir.workflows import entries
from acir.workflows import index as workflow
from acir.workflows.entries import EncodeAll, Kept, Prepared
from made_model import CLASSES, acir, coloured, damage, draw, fill, save, train, tree

INFO = {
    *("n", "bits", "dim", "engine", "model", "generation", "size_bytes", "failed"),
    *("collections", "audited"),
}


def info(index: Path) -> dict[str, object]:
    return acir("index", "info", "--index", index, "--json").line()


def build(bundle: Path, data: object, index: Path, *words: object) -> dict[str, int]:
    options = ("--model", bundle, "--data", data, "--index", index)
    return acir("index", "build", *options, *words, "--json").done()


def add(index: Path, data: object, *words: object) -> dict[str, int]:
    return acir("index", "add", "--index", index, "--data", data, *words, "--json").done()


def everything(store: Store) -> list[Entry]:
    with store.view() as view:
        return view.entries(np.arange(len(view.gallery.keys)))


def test_info_says_what_an_index_is(index: Path, bundle: Path, pictures: Path) -> None:
    found = info(index)
    assert set(found) == INFO
    model = load_bundle(bundle)
    assert found["bits"] == 32
    extra = 16 * 16 + 4  # the fingerprint, and the weights of four classes
    assert found["dim"] == model.encoder.dim + model.encoder.bits + extra
    assert found["engine"] == "faiss"
    assert found["model"] == model.id
    assert found["size_bytes"] == sum(map(len, tree(index).values()))
    stored = {r.pixel_hash for r in open_source(f"{pictures}#train")} - model.calibration
    assert found["n"] == len(stored)


def test_calibration_pictures_stay_outside_and_the_index_says_so(
    tmp_path: Path, bundle: Path, pictures: Path
) -> None:
    options = ("--model", bundle, "--data", pictures, "--index", tmp_path / "index")
    outcome = acir("index", "build", *options)
    left_out = load_bundle(bundle).calibration
    assert f"left out {len(left_out)} pictures that calibrated the model" in outcome.err
    with Store.open(tmp_path / "index") as store, store.view() as view:
        assert not any(view.same_pixels(pixels).size for pixels in left_out)
        assert store.info()["n"] == 520 - len(left_out)  # all splits, without a `#`


def test_an_index_holds_its_own_bundle_and_nothing_that_lay_beside_it(
    tmp_path: Path, bundle: Path, few: Path
) -> None:
    crowded = shutil.copytree(bundle, tmp_path / "crowded")
    (crowded / "notes.txt").write_text("about a patient", encoding="utf-8")
    build(crowded, few, tmp_path / "index")
    copied = tree(tmp_path / "index" / "bundle")
    assert set(copied) == {*FILES, CHECKSUMS}
    assert copied == tree(bundle)


def test_adding_again_changes_nothing(own_index: Path, few: Path) -> None:
    assert add(own_index, few) == {"new": 12, "replaced": 0, "unchanged": 0}
    before = info(own_index)
    assert add(own_index, few) == {"new": 0, "replaced": 0, "unchanged": 12}
    assert info(own_index) == before


def test_adding_a_folder_that_has_grown_leaves_what_was_there(
    tmp_path: Path, bundle: Path, few: Path
) -> None:
    build(bundle, few, tmp_path / "index")
    for number in range(300):  # other pictures first: every batch is another than before
        save(draw("disc", 1000 + number), few / "aaa" / f"{number}.png")
    assert add(tmp_path / "index", few) == {"new": 300, "replaced": 0, "unchanged": 12}


def test_what_is_there_is_not_encoded_again(
    own_index: Path, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    plain = encode_images

    def noted(encoder: Encoder, images: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        encoded.append(len(images))
        return plain(encoder, images)

    monkeypatch.setattr("acir.workflows.entries.encode_images", noted)
    add(own_index, few)
    assert encoded == [12]
    add(own_index, few)
    assert encoded == [12]
    save(draw("slope", 998), few / "bars" / "201.png")
    assert add(own_index, few) == {"new": 0, "replaced": 1, "unchanged": 11}
    assert encoded == [12, 1]


def test_another_label_replaces_the_entry_and_leaves_its_code(own_index: Path, few: Path) -> None:
    add(own_index, few)
    with Store.open(own_index) as store:
        (before,) = store.named(["disc/200.png"])
    table = few / "table.csv"
    table.write_text("path,label\ndisc/200.png,checks\n", encoding="utf-8")
    assert add(own_index, table) == {"new": 0, "replaced": 1, "unchanged": 0}
    with Store.open(own_index) as store:
        (after,) = store.named(["disc/200.png"])
    assert (before.label, after.label) == ("disc", "checks")
    assert after.code.tolist() == before.code.tolist()
    assert after.embedding.tobytes() == before.embedding.tobytes()


@pytest.mark.parametrize("words", [(), ("--no-thumbnails",)])
def test_the_same_pixels_in_another_window_are_encoded_again(
    tmp_path: Path,
    bundle: Path,
    make_dicom: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    file = tmp_path / "scans" / "disc" / "1.dcm"
    file.parent.mkdir(parents=True)
    pixels = draw("disc", 610).astype(np.uint16) * 16
    encoded, plain = [0], encode_images

    def noted(encoder: Encoder, images: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        encoded[0] += len(images)
        return plain(encoder, images)

    monkeypatch.setattr("acir.workflows.entries.encode_images", noted)

    def written(**attributes: str) -> dict[str, int]:
        file.write_bytes(make_dicom(pixels, SOPInstanceUID="1.2.3", **attributes))
        return add(tmp_path / "index", tmp_path / "scans")

    wide = {"WindowCenter": "2048", "WindowWidth": "4096"}
    file.write_bytes(make_dicom(pixels, SOPInstanceUID="1.2.3", **wide))
    build(bundle, tmp_path / "scans", tmp_path / "index", *words)
    assert (written(**wide)["unchanged"], encoded) == (1, [1])
    assert (written(**wide | {"WindowWidth": "700"})["replaced"], encoded) == (1, [2])
    inverted = wide | {"WindowWidth": "700", "PhotometricInterpretation": "MONOCHROME1"}
    assert (written(**inverted)["replaced"], encoded) == (1, [3])
    assert (written()["replaced"], encoded) == (1, [4])
    assert (written()["unchanged"], encoded) == (1, [4])


def test_what_is_shown_is_kept_where_no_thumbnail_tells_it_and_the_pixels_do_not(
    bundle: Path,
) -> None:
    model = load_bundle(bundle)

    def metadata(kept: Kept, values: tuple[float, float], inverted: bool = False) -> object:
        pixels = draw("disc", 1)
        record = ImageRecord("x", pixels, values, split="test", draw=0.0, inverted=inverted)
        (found,) = entries.prepared([record], model, kept, lambda _: None)
        return dict(found.entry.metadata)

    bare = Kept(thumbnails=False)
    assert metadata(bare, (0.0, 255.0)) == {}
    assert metadata(bare, (-10.0, 200.5)) == {"Shown": "-10.0 to 200.5"}
    assert metadata(bare, (0.0, 255.0), inverted=True) == {"Shown": "255.0 to 0.0"}
    assert metadata(Kept(), (-10.0, 200.5)) == {}


def test_what_could_not_be_read_is_remembered_until_it_comes(own_index: Path, few: Path) -> None:
    def failed() -> list[dict[str, str]]:
        found = acir("index", "failed", "--index", own_index, "--json").line()["failed"]
        assert info(own_index)["failed"] == len(found)
        return found  # type: ignore[no-any-return]

    assert failed() == []
    assert acir("index", "failed", "--index", own_index).out == "no picture failed\n"
    for name in ("disc/bad.png", "bars/bad.png"):
        (few / name).write_bytes(b"")
    add(own_index, few)
    letter = {"reason": "the file is empty", "code": "truncated"}
    both = [{"path": name} | letter for name in ("bars/bad.png", "disc/bad.png")]
    assert failed() == both
    text = acir("index", "failed", "--index", own_index).out
    assert text.splitlines()[0] == "bars/bad.png: the file is empty"
    save(draw("disc", 900), few / "disc" / "bad.png")
    assert add(own_index, few)["new"] == 1
    assert failed() == both[:1]
    assert acir("index", "verify", "--index", own_index).code == 0
    (few / "bars" / "bad.png").unlink()
    add(own_index, few)
    assert failed() == []


def test_a_picture_that_comes_from_another_source_is_no_failure_any_more(
    own_index: Path, few: Path, tmp_path: Path
) -> None:
    (few / "disc" / "bad.png").write_bytes(b"")
    add(own_index, few)
    save(draw("disc", 900), tmp_path / "mended" / "disc" / "bad.png")
    add(own_index, tmp_path / "mended")
    assert info(own_index)["failed"] == 0


def test_other_pixels_replace_the_picture_of_that_id(own_index: Path, few: Path) -> None:
    add(own_index, few)
    before = info(own_index)
    save(draw("slope", 999), few / "bars" / "200.png")
    assert add(own_index, few) == {"new": 0, "replaced": 1, "unchanged": 11}
    after = info(own_index)
    assert after["n"] == before["n"]
    assert after["generation"] != before["generation"]
    with Store.open(own_index) as store:
        (entry,) = store.named(["bars/200.png"])
        assert entry.pixel_hash == next(iter(open_source(str(few / "bars/200.png")))).pixel_hash


def test_pictures_are_deleted_by_id(own_index: Path, few: Path) -> None:
    add(own_index, few)
    outcome = acir(
        *("index", "delete", "--index", own_index, "bars/200.png", "bars/201.png", "no such id"),
        "--json",
    )
    assert outcome.line() == {"deleted": 2}
    assert add(own_index, few) == {"new": 2, "replaced": 0, "unchanged": 10}


def test_pictures_are_deleted_by_label(own_index: Path) -> None:
    with Store.open(own_index) as store, store.view() as view:
        discs = int(view.select({"label": "disc"}).sum())
    before = info(own_index)["n"]
    assert isinstance(before, int)
    outcome = acir("index", "delete", "--index", own_index, "--where", "label=disc", "--json")
    assert outcome.line() == {"deleted": discs}
    assert discs > 0
    assert info(own_index)["n"] == before - discs


@pytest.mark.parametrize("words", [(), ("x", "--where", "label=disc")])
def test_deleting_needs_ids_or_a_condition(own_index: Path, words: tuple[str, ...]) -> None:
    said = acir("index", "delete", "--index", own_index, *words).refusal()
    assert said == (
        "give the ids to delete, --where key=value or --patient pseudonym, one of the three"
    )


def test_a_condition_on_an_unknown_key_names_the_known_ones(own_index: Path) -> None:
    said = acir("index", "delete", "--index", own_index, "--where", "lable=disc").refusal()
    assert said == (
        "the index has nothing named 'lable' to filter by; use collection, label. "
        "Did you mean 'label'?"
    )


def test_thumbnails_have_at_most_96_pixels_a_side(index: Path) -> None:
    pixels = draw("bars", 0).repeat(9, axis=0)
    tall = ImageRecord("x", pixels, (0.0, 255.0), split="test", draw=0.0)
    assert Image.open(BytesIO(entries.thumbnail(tall))).size == (11, 96)  # 32 x 288
    with Store.open(index) as store:
        assert all(entry.thumbnail for entry in everything(store))


def test_thumbnails_and_paths_are_not_kept_where_they_are_not_wanted(
    tmp_path: Path, bundle: Path, few: Path
) -> None:
    build(bundle, few, tmp_path / "index", "--no-thumbnails", "--no-paths")
    save(draw("disc", 500), few / "disc" / "500.png")
    add(tmp_path / "index", few)  # remembers both wishes
    with Store.open(tmp_path / "index") as store:
        held = everything(store)
    assert len(held) == 13
    assert {(entry.thumbnail, entry.path) for entry in held} == {(None, None)}


def test_paths_are_kept_relative_to_the_source(index: Path, pictures: Path) -> None:
    with Store.open(index) as store:
        held = everything(store)
    assert all(entry.path == entry.id and (pictures / entry.path).is_file() for entry in held)
    assert not any(str(pictures.parent).encode() in content for content in tree(index).values())


def test_converted_pictures_are_counted(own_index: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed" / "disc"
    for n in range(3):
        save(coloured(draw("disc", 700 + n)), folder / f"colour{n}.png")
        save(draw("disc", 800 + n), folder / f"grey{n}.png")
    outcome = acir("index", "add", "--index", own_index, "--data", tmp_path / "mixed")
    assert outcome.code == 0
    assert "converted 3 pictures to the channels of the model" in outcome.err


def test_verify_says_that_an_index_is_whole(index: Path) -> None:
    assert acir("index", "verify", "--index", index, "--json").line() == {"problems": []}
    outcome = acir("index", "verify", "--index", index)
    assert (outcome.code, outcome.out) == (0, "the index is whole\n")


def test_verify_finds_an_altered_byte_of_a_stored_picture(own_index: Path) -> None:
    with Store.open(own_index) as store:
        entry = everything(store)[0]
    assert entry.thumbnail
    file = own_index / "store.sqlite"
    content = file.read_bytes()
    # Somewhere within its compressed pixels, of which no other thing in the file has a copy.
    damage(file, content.index(entry.thumbnail[60:100]) + 20)
    outcome = acir("index", "verify", "--index", own_index, "--json")
    assert outcome.code == 2
    assert outcome.line() == {"problems": [f"{entry.id} is not what was stored"]}
    assert "was altered; restore a copy or build it again" in outcome.err


@pytest.mark.parametrize("name", [*FILES, CHECKSUMS])
def test_an_index_with_an_altered_bundle_is_found_and_neither_searched_nor_added_to(
    own_index: Path, few: Path, name: str
) -> None:
    damage(own_index / "bundle" / name)
    before = info(own_index)
    assert acir("index", "verify", "--index", own_index).code == 2
    query = few / "disc" / "200.png"
    assert "bundle" in acir("search", "--index", own_index, query).refusal()
    assert "bundle" in acir("index", "add", "--index", own_index, "--data", few).refusal()
    assert info(own_index) == before


def test_an_index_of_another_model_is_refused(tmp_path: Path, own_index: Path, few: Path) -> None:
    other = train(
        fill(tmp_path / "data", {"train": 12, "val": 3}),
        *(tmp_path / "other", "--set", "training.epochs=1", "--set", "training.decoder_epochs=1"),
    )
    assert other.code == 0, other.err
    shutil.rmtree(own_index / "bundle")
    shutil.copytree(tmp_path / "other" / "bundle", own_index / "bundle")
    said = acir("search", "--index", own_index, few / "disc" / "200.png").refusal()
    assert "was built with another model than the bundle inside it" in said
    said = acir("index", "add", "--index", own_index, "--data", few).refusal()
    assert "was built with the model" in said
    outcome = acir("index", "verify", "--index", own_index)
    assert outcome.code == 2
    assert "is not the one that encoded it" in outcome.out


def test_building_into_a_folder_with_something_in_it_is_refused(
    own_index: Path, bundle: Path, few: Path
) -> None:
    before = tree(own_index)
    options = ("--model", bundle, "--data", few, "--index", own_index)
    assert "there is something at" in acir("index", "build", *options).refusal()
    assert tree(own_index) == before


def test_a_refused_build_leaves_nothing(tmp_path: Path, bundle: Path, few: Path) -> None:
    index = tmp_path / "index"
    (few / "disc" / "zzz.png").write_bytes(b"")
    options = ("--model", bundle, "--index", index)
    said = acir("index", "build", *options, "--data", few, "--strict").refusal()
    assert said == "cannot read disc/zzz.png: the file is empty"
    assert not index.exists()
    (tmp_path / "empty").mkdir()
    said = acir("index", "build", *options, "--data", tmp_path / "empty").refusal()
    assert "holds no picture" in said
    assert not index.exists()
    assert build(bundle, few, index)["new"] == 12


def test_a_build_that_is_refused_half_way_keeps_what_was_stored(
    tmp_path: Path, bundle: Path, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(pictures: Iterable[Prepared], encode: EncodeAll) -> Iterator[Entry]:
        yield from entries.encoded(islice(pictures, 5), encode)
        raise UsageError("the cluster cannot encode any more")

    monkeypatch.setattr("acir.workflows.index_filling.encoded", failing)
    monkeypatch.setattr("acir.index.writer.BATCH", 2)
    index = tmp_path / "index"
    words = ("--model", bundle, "--data", few, "--index", index)
    assert acir("index", "build", *words).refusal() == "the cluster cannot encode any more"
    assert info(index)["n"] == 4
    monkeypatch.undo()
    assert add(index, few) == {"new": 8, "replaced": 0, "unchanged": 4}


def test_a_strict_add_stores_all_or_nothing(own_index: Path, few: Path) -> None:
    (few / "slope" / "zzz.png").write_bytes(b"")  # the last one
    before = info(own_index)
    options = ("--index", own_index, "--data", few)
    assert "the file is empty" in acir("index", "add", *options, "--strict").refusal()
    assert info(own_index) == before
    outcome = acir("index", "add", *options, "--json")
    assert outcome.line()["new"] == 12
    assert "skipped 1 unreadable picture:\n  slope/zzz.png: the file is empty" in outcome.err


def test_an_index_that_cannot_be_written_is_refused_before_anything_is_encoded(
    own_index: Path, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[object] = []
    monkeypatch.setattr("acir.workflows.index_filling.encode_batch", encoded.append)
    # To a user without the right no file looks writable; SQLite does the rest.
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    said = (
        rf"the index at {own_index} cannot be written, so nothing was begun; give access to the "
        r"folder and to store\.sqlite in it, or add to a copy that acir index backup makes"
    )
    with pytest.raises(StorageError, match=said):
        workflow.add(own_index, str(few))
    assert encoded == []


def test_a_build_that_cannot_copy_its_bundle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path, few: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("acir.workflows.index_creation.copy_bundle", full)
    options = ("--model", bundle, "--data", few, "--index", tmp_path / "index")
    outcome = acir("index", "build", *options)
    assert outcome.code == 1
    assert outcome.err.replace("\n", " ").endswith(
        "(No space left on device); name a place that can be written and has room "
    )
    assert [path.name for path in tmp_path.iterdir() if "index" in path.name] == []


def test_a_build_that_was_killed_while_it_made_the_folder_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path, few: Path
) -> None:
    index = tmp_path / "index"

    def killed(*given: Path) -> None:  # what is there at this moment outlives a SIGKILL
        shutil.copytree(tmp_path / "index", tmp_path / "left")
        copy_bundle(*given)

    monkeypatch.setattr("acir.workflows.index_creation.copy_bundle", killed)
    build(bundle, few, index)
    monkeypatch.undo()
    assert build(bundle, few, tmp_path / "left")["new"] == 12
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_whose_place_no_other_can_take_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path, few: Path
) -> None:
    (tmp_path / "here").mkdir()
    words = ("index", "build", "--model", tmp_path, "--data", few, "--index")  # before all else
    with monkeypatch.context() as patched:
        patched.setattr(Path, "is_mount", lambda path: path.name == "here")
        said = acir(*words, tmp_path / "here").refusal()
        assert "is the current folder, or one where something is mounted" in said
    monkeypatch.chdir(tmp_path / "here")
    assert acir(*words, ".").refusal().endswith("take; name a folder inside it")
    assert list((tmp_path / "here").iterdir()) == []
    assert build(bundle, few, Path("inside"))["new"] == 12


def test_an_index_has_the_mode_of_the_folder_that_was_there(
    tmp_path: Path, bundle: Path, few: Path
) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o750)
    build(bundle, few, tmp_path / "shared")
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "shared" / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def dicom(tmp_path: Path, make_dicom: Callable[..., bytes]) -> Path:
    """Return a folder of DICOM files whose names and attributes are full of a patient."""
    for kind in CLASSES:
        folder = tmp_path / "PATRICIA^CANARY" / kind
        folder.mkdir(parents=True)
        for n in range(4):
            file = make_dicom(
                draw(kind, 600 + n),
                PatientID=f"CANARY{kind}{n // 2}",
                SOPInstanceUID=f"1.2.19440229.{CLASSES.index(kind)}.{n}",
            )
            (folder / f"CANARY_PATRICIA_{n}.dcm").write_bytes(file)
    return tmp_path / "PATRICIA^CANARY"


def test_an_index_of_dicom_files_tells_nothing_about_a_patient(
    tmp_path: Path, bundle: Path, dicom: Path, identity: tuple[str, ...]
) -> None:
    index = tmp_path / "index"
    built = acir("index", "build", "--model", bundle, "--data", dicom, "--index", index)
    assert built.code == 0, built.err
    searched = acir("search", "--index", index, dicom, "--json", "--force")
    checked = acir("check", "--model", bundle, dicom, "--json")
    hits = [hit for line in searched.lines() for hit in line["hits"]]
    assert hits
    assert {hit["path"] for hit in hits} == {None}
    with Store.open(index) as store:
        held = everything(store)
    assert len({entry.patient for entry in held}) == 8
    assert all(len(entry.id) == 32 and int(entry.id, 16) for entry in held)
    assert {entry.path for entry in held} == {None}
    said = "".join(o.out + o.err for o in (built, searched, checked))
    seen = b"".join(tree(index).values()) + said.replace(str(dicom), "").encode()
    assert not [word for word in identity if word.encode() in seen]


def test_a_patient_is_not_an_answer_to_a_picture_of_the_same_patient(
    tmp_path: Path, bundle: Path, dicom: Path
) -> None:
    index = tmp_path / "index"
    build(bundle, dicom, index)
    lines = acir("search", "--index", index, dicom, "--json", "--force", "-k", 16).lines()
    assert [len(line["hits"]) for line in lines] == [14] * 16  # of 16, two of each patient
    lines = acir(
        *("search", "--index", index, dicom, "--json", "--force", "-k", 16, "--include-self")
    ).lines()
    assert [len(line["hits"]) for line in lines] == [15] * 16  # itself, but not its twin
