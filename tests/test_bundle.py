"""A bundle: complete, checked byte by byte, and nothing in it that is executed."""

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from acir.bundle import CHECKSUMS, FILES, Bundle, copy_bundle, load_bundle, write_bundle
from acir.errors import BundleError, StorageError, UsageError
from acir.models.evidence import collect_evidence
from made_model import CLASSES, acir, damage, draw, tree


@pytest.fixture
def own(tmp_path: Path, bundle: Path) -> Path:
    """Return a copy of the bundle that a test may change."""
    return shutil.copytree(bundle, tmp_path / "bundle")


@pytest.fixture(scope="module")
def loaded(bundle: Path) -> Bundle:
    return load_bundle(bundle)


def pictures(model: Bundle) -> torch.Tensor:
    drawn = np.stack([draw(kind, n) for kind in CLASSES for n in range(3)]) / np.float32(255)
    assert model.prep.size == drawn.shape[1]
    return torch.from_numpy(np.repeat(drawn[:, None], 3, axis=1))


def change(folder: Path, name: str, changed: Callable[[Any], Any]) -> None:
    """Change a JSON file of a bundle and give it a fitting checksum, as a forger would."""
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps(changed(content)), encoding="utf-8")
    sums = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
    sums[name] = sha256((folder / name).read_bytes()).hexdigest()
    (folder / CHECKSUMS).write_text(json.dumps(sums), encoding="utf-8")


def test_a_bundle_is_arrays_json_and_a_card(bundle: Path) -> None:
    assert {path.name for path in bundle.iterdir()} == {*FILES, CHECKSUMS}
    assert {path.suffix for path in bundle.iterdir()} == {".safetensors", ".json", ".md"}


def test_loading_unpickles_nothing(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a bundle must not be unpickled")

    for owner, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
        monkeypatch.setattr(owner, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    assert load_bundle(bundle).class_names == CLASSES


def test_the_id_is_the_checksum_of_the_checksums(bundle: Path, loaded: Bundle) -> None:
    assert loaded.id == sha256((bundle / CHECKSUMS).read_bytes()).hexdigest()


def test_writing_and_loading_gives_the_same_files_and_the_same_encodings(
    tmp_path: Path, bundle: Path, loaded: Bundle
) -> None:
    write_bundle(loaded, tmp_path / "again")
    assert tree(tmp_path / "again") == tree(bundle)
    again = load_bundle(tmp_path / "again")
    assert again.id == loaded.id
    ours, theirs = (model.evidence(pictures(model)) for model in (loaded, again))
    for name, value in vars(ours).items():
        assert torch.equal(value, getattr(theirs, name)), name
    assert loaded.gate.judge(ours) == again.gate.judge(theirs)


def test_evidence_has_unit_vectors(loaded: Bundle) -> None:
    evidence = loaded.evidence(pictures(loaded))
    for vectors in (evidence.blended, evidence.middle):
        assert torch.allclose(vectors.norm(dim=1), torch.ones(12), atol=1e-5)


def test_pictures_are_rebuilt_for_a_heat_map_alone(loaded: Bundle) -> None:
    evidence = loaded.evidence(pictures(loaded))
    assert torch.equal(evidence.reconstruction, evidence.images)  # no detector looks at it
    rebuilt = collect_evidence(loaded.encoder, pictures(loaded)).reconstruction
    assert not torch.equal(rebuilt, evidence.images)
    painted = loaded.heat_map(pictures(loaded))
    assert painted is not None
    wanted = loaded.gate.heat_map(replace(evidence, reconstruction=rebuilt))
    assert wanted is not None
    torch.testing.assert_close(painted, wanted)


def test_without_a_decoder_the_reconstruction_is_the_picture(loaded: Bundle) -> None:
    decoder, loaded.encoder.decoder = loaded.encoder.decoder, None
    try:
        evidence = loaded.evidence(pictures(loaded))
    finally:
        loaded.encoder.decoder = decoder
    assert torch.equal(evidence.reconstruction, evidence.images)


def test_a_loaded_network_is_not_in_training(loaded: Bundle) -> None:
    assert not any(module.training for module in loaded.encoder.modules())


def test_the_references_of_the_gate_are_half_precision_and_without_names(bundle: Path) -> None:
    arrays = load_file(bundle / "gate.safetensors")
    embeddings = arrays["knn.state.references"]
    assert embeddings.dtype == torch.float16
    metrics = json.loads((bundle.parent / "metrics.json").read_text(encoding="utf-8"))
    assert len(embeddings) == metrics["n_gallery"] <= 5000


def test_no_picture_can_be_told_from_a_bundle(bundle: Path, pictures: Path) -> None:
    content = b"".join(tree(bundle).values())
    for trace in (str(pictures), pictures.name, "train/disc", "120.png", str(Path.home())):
        assert trace.encode() not in content


@pytest.mark.parametrize("name", FILES)
def test_an_altered_byte_is_found(own: Path, name: str) -> None:
    damage(own / name)
    with pytest.raises(BundleError, match=r"was altered|incomplete or damaged"):
        load_bundle(own)
    said = acir("check", "--model", own, "x.png").refusal()
    assert name in said or "incomplete or damaged" in said


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_found(own: Path, name: str) -> None:
    content = (own / name).read_bytes()
    (own / name).write_bytes(content[:-1])
    with pytest.raises(BundleError, match=r"was altered|incomplete or damaged"):
        load_bundle(own)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(own: Path, name: str) -> None:
    (own / name).unlink()
    with pytest.raises(BundleError, match="is incomplete or damaged; restore it from a copy"):
        load_bundle(own)
    assert "is incomplete or damaged" in acir("check", "--model", own, "x.png").refusal()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"bundle.json": 1}', "\x00"])
def test_damaged_checksums_are_found(own: Path, content: str) -> None:
    (own / CHECKSUMS).write_text(content, encoding="utf-8")
    with pytest.raises(BundleError, match="incomplete or damaged"):
        load_bundle(own)


def test_a_folder_without_checksums_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"there is no bundle at .*give the folder `bundle`"):
        load_bundle(tmp_path)


def test_another_format_is_refused(own: Path) -> None:
    change(own, "bundle.json", lambda settings: settings | {"format": 4})
    with pytest.raises(BundleError, match="has format 4, expected 6; use the version of acir"):
        load_bundle(own)


FORGERIES: dict[str, Callable[[Any], Any]] = {
    "recipe key": lambda s: s | {"recipe": s["recipe"] | {"modle": {}}},
    "recipe missing": lambda s: {key: value for key, value in s.items() if key != "recipe"},
    "classes": lambda s: s | {"classes": s["classes"] + ["more"]},
    "rankers": lambda s: s | {"rankers": list(s["rankers"])},
    "ranker": lambda s: s | {"rankers": {"unheard-of": {}}},
    "ranker option": lambda s: s | {"rankers": {"plain": {"option": 1}}},
    "mode": lambda s: s | {"mode": "unheard-of"},
    "prep": lambda s: s | {"prep": {}},
    "gate": lambda s: s | {"gate": {}},
    "detector": lambda s: s | {"gate": s["gate"] | {"detectors": ["unheard-of"]}},
    "bits": lambda s: s | {"recipe": s["recipe"] | {"model": s["recipe"]["model"] | {"bits": 16}}},
}


@pytest.mark.parametrize("what", FORGERIES)
def test_settings_that_do_not_fit_are_refused_in_one_sentence(own: Path, what: str) -> None:
    change(own, "bundle.json", FORGERIES[what])
    with pytest.raises(BundleError, match="does not describe a model that this version") as caught:
        load_bundle(own)
    assert "\n" not in str(caught.value)
    assert str(own) in str(caught.value)


def test_a_full_disk_leaves_the_bundle_that_was_there(
    own: Path, loaded: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise SafetensorError("I/O error: No space left on device")

    before = tree(own)
    monkeypatch.setattr("acir.bundle.save_file", full)
    with pytest.raises(StorageError, match="cannot write the bundle bundle: I/O error"):
        write_bundle(replace(loaded, card="another"), own)
    assert tree(own.parent) == {f"bundle/{name}": content for name, content in before.items()}


def test_a_bundle_takes_the_place_of_another(own: Path, loaded: Bundle) -> None:
    write_bundle(replace(loaded, card="another"), own)
    assert load_bundle(own).card == "another"
    assert load_bundle(own).id != loaded.id


def test_a_copy_has_the_files_of_a_bundle_alone(tmp_path: Path, own: Path) -> None:
    (own / "notes.txt").write_text("more", encoding="utf-8")
    copy_bundle(own, tmp_path / "copy")
    assert set(tree(tmp_path / "copy")) == {*FILES, CHECKSUMS}
    assert load_bundle(tmp_path / "copy").id == load_bundle(own).id


def test_none_means_the_favoured_mode(loaded: Bundle) -> None:
    assert loaded.mode_named(None) == loaded.mode
    assert loaded.mode_named("plain") == "plain"
    with pytest.raises(UsageError, match=r"no mode 'plan'; choose .* Did you mean 'plain'\?"):
        loaded.mode_named("plan")
