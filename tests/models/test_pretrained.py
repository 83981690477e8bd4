"""Pretrained weights from self-made files, in both namings; nothing else gets in."""

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from acir.errors import RecipeError
from acir.models.pretrained import load_stem
from acir.models.stems.resnet import ResNet

Weights = dict[str, Tensor]
RADIMAGENET_POSITIONS = {  # children of torchvision's network: 2 is relu, 3 is maxpool
    "conv1": 0,
    "bn1": 1,
    "layer1": 4,
    "layer2": 5,
    "layer3": 6,
    "layer4": 7,
}


def _stem(depth: int = 50) -> ResNet:
    return ResNet(depth=depth, width=4)


def _torchvision(weights: Weights) -> Weights:
    return {**weights, "fc.weight": torch.zeros(1000, 128), "fc.bias": torch.zeros(1000)}


def _parallel(weights: Weights) -> Weights:
    return {f"module.{name}": tensor for name, tensor in _torchvision(weights).items()}


def _radimagenet(weights: Weights) -> Weights:
    return {
        f"backbone.{RADIMAGENET_POSITIONS[first]}.{rest}": tensor
        for (first, _, rest), tensor in ((n.partition("."), t) for n, t in weights.items())
    }


def _without_counters(weights: Weights) -> Weights:
    return {n: t for n, t in weights.items() if not n.endswith("num_batches_tracked")}


def _write(path: Path, weights: Weights) -> Path:
    save_file(weights, path) if path.suffix == ".safetensors" else torch.save(weights, path)
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("naming", [dict, _torchvision, _parallel, _radimagenet, _without_counters])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt"])
def test_weights_arrive_from_every_naming_and_format(
    naming: Callable[[Weights], Weights], suffix: str, tmp_path: Path
) -> None:
    wanted, stem = _stem(), _stem()
    load_stem(stem, str(_write(tmp_path / f"stem{suffix}", naming(wanted.state_dict()))))
    for name, tensor in wanted.state_dict().items():
        assert torch.equal(stem.state_dict()[name], tensor), name


def test_radimagenets_names_are_those_of_a_sequence_of_torchvisions_children() -> None:
    names = _radimagenet(_stem().state_dict())
    assert {"backbone.0.weight", "backbone.1.running_mean", "backbone.4.0.conv1.weight"} <= set(
        names
    )


def test_a_file_url_is_read_when_its_checksum_fits(tmp_path: Path) -> None:
    wanted, stem = _stem(), _stem()
    path = _write(tmp_path / "stem.pth", wanted.state_dict())
    load_stem(stem, path.as_uri(), _sha256(path).upper())
    assert torch.equal(stem.conv1.weight, wanted.conv1.weight)


def test_a_wrong_checksum_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    stem = _stem()
    before = stem.conv1.weight.clone()
    path = _write(tmp_path / "stem.pth", _stem().state_dict())
    with pytest.raises(RecipeError, match=r"have SHA-256 \w{64}, expected 00ff;"):
        load_stem(stem, str(path), "00ff")
    assert torch.equal(stem.conv1.weight, before)


def test_a_url_needs_a_checksum(tmp_path: Path) -> None:
    path = _write(tmp_path / "stem.pth", _stem().state_dict())
    with pytest.raises(RecipeError, match=r"need a checksum; set model.pretrained_sha256"):
        load_stem(_stem(), path.as_uri())


def test_an_unprotected_url_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"give an https or file URL, or a path"):
        load_stem(_stem(), "http://example.org/stem.pth", "00")


def test_a_url_that_does_not_answer_is_an_error_in_words() -> None:
    # Port 9 of this machine: nothing listens there.
    with pytest.raises(RecipeError, match=r"cannot fetch weights from https://127.0.0.1:9/stem.pt"):
        load_stem(_stem(), "https://127.0.0.1:9/stem.pt", "00")


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"there are no weights at nowhere.pt; give a file"):
        load_stem(_stem(), "nowhere.pt")


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stem.onnx"
    path.write_bytes(b"x")
    with pytest.raises(RecipeError, match=r"cannot read weights from .*\.safetensors or \.pth or"):
        load_stem(_stem(), str(path))


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_broken_file_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"stem{suffix}"
    path.write_bytes(b"not weights")
    with pytest.raises(RecipeError, match=r"expected a table of tensors by name and nothing else"):
        load_stem(_stem(), str(path))


class _Trap:
    """What unpickles by making a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_loading_executes_no_code(tmp_path: Path) -> None:
    path, folder = tmp_path / "stem.pt", tmp_path / "sprung"
    path.write_bytes(pickle.dumps({"conv1.weight": _Trap(folder)}))
    with pytest.raises(RecipeError, match=r"cannot read weights"):
        load_stem(_stem(), str(path))
    torch.save({"conv1.weight": _Trap(folder)}, path)
    with pytest.raises(RecipeError, match=r"cannot read weights"):
        load_stem(_stem(), str(path))
    assert not folder.exists()


def test_a_file_of_other_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stem.pt"
    torch.save({"epoch": 3, "state": {}}, path)
    with pytest.raises(RecipeError, match=r"holds no table of tensors by name; give a plain state"):
        load_stem(_stem(), str(path))


def test_misfits_are_named(tmp_path: Path) -> None:
    weights = _stem(18).state_dict()
    for name in (
        "layer1.0.bn1.bias",
        "layer1.0.bn2.bias",
        "layer1.1.bn1.bias",
        "layer1.1.bn2.bias",
    ):
        del weights[name]
    weights["extra"] = torch.zeros(1)
    weights["conv1.weight"] = torch.zeros(4, 3, 3, 3)
    stem = _stem(18)
    before = stem.bn1.weight.clone()
    weights["bn1.weight"] = before + 1
    wanted = (
        r"missing: layer1.0.bn1.bias, layer1.0.bn2.bias, layer1.1.bn1.bias and 1 more; "
        r"unknown: extra; of another shape: conv1.weight\)"
    )
    with pytest.raises(RecipeError, match=wanted):
        load_stem(stem, str(_write(tmp_path / "stem.pt", weights)))
    assert torch.equal(stem.bn1.weight, before)
