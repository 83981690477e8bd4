"""Weights for a stem, from a file or a URL.

Two namings are known: torchvision's, which is ours, and that of RadImageNet's ResNet-50 for
PyTorch (Mei et al., 2022, github.com/BMEII-AI/RadImageNet), which counts the children of
torchvision's network: `backbone.0` is `conv1`, `backbone.4` is `layer1`. Loading executes no code.
"""

import hashlib
from collections.abc import Collection, Mapping
from http.client import HTTPException
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from urllib.request import urlopen

import torch
from jaxtyping import Shaped
from safetensors.torch import load_file
from torch import Tensor

from acir.errors import RecipeError
from acir.models.stems.base import Stem

SCHEMES = ("https", "file")
SUFFIXES = (".safetensors", ".pth", ".pt")
TIMEOUT_SECONDS = 60
SHOWN = 3
RADIMAGENET = {
    "backbone.0.": "conv1.",
    "backbone.1.": "bn1.",
    "backbone.4.": "layer1.",
    "backbone.5.": "layer2.",
    "backbone.6.": "layer3.",
    "backbone.7.": "layer4.",
}
Weights = Mapping[str, Shaped[Tensor, "..."]]


def load_stem(stem: Stem, place: str, sha256: str = "") -> None:
    """Fill a stem with pretrained weights.

    The last layer of the pretrained network (`fc`) is ignored, and so is a leading `module.` of
    every name. The counters of batch norm may be missing, as in torchvision's oldest files.

    Args:
        stem: The network to fill; unchanged when the weights are refused.
        place: A path, or an `https://` or `file://` URL, that ends in .safetensors, .pth or .pt.
        sha256: SHA-256 of the file in hexadecimal digits; may be empty for a path.

    Raises:
        RecipeError: No such file, a wrong checksum, or weights that do not fit the stem.
    """
    if not is_url(place):
        weights = _read(Path(place), place, sha256)
    else:
        with TemporaryDirectory() as folder:
            weights = _read(_download(place, sha256, Path(folder)), place, sha256)
    _fill(stem, {_rename(name): tensor for name, tensor in weights.items()}, place)


def is_url(place: str) -> bool:
    """Whether weights have to be fetched from there."""
    return "://" in place


def _download(url: str, sha256: str, folder: Path) -> Path:
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise RecipeError(f"cannot fetch weights from {url}; give an https or file URL, or a path")
    if not sha256:
        raise RecipeError(f"weights from {url} need a checksum; set model.pretrained_sha256")
    target = folder / Path(parts.path).name
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as response, target.open("wb") as file:
            copyfileobj(response, file)
    except (OSError, HTTPException) as error:
        raise RecipeError(
            f"cannot fetch weights from {url}: {error}; check the address and the network"
        ) from error
    return target


def _read(path: Path, place: str, sha256: str) -> Weights:
    """Check a file against its checksum, then read its tensors."""
    if not path.is_file():
        raise RecipeError(f"there are no weights at {place}; give a file that exists, or a URL")
    if path.suffix not in SUFFIXES:
        raise RecipeError(f"cannot read weights from {place}; give a {' or '.join(SUFFIXES)} file")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 and found != sha256.lower():
        raise RecipeError(
            f"the weights at {place} have SHA-256 {found}, expected {sha256}; "
            "fetch them again or correct model.pretrained_sha256"
        )
    try:
        table = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except Exception as error:  # the two readers raise whatever a broken file provokes
        raise RecipeError(
            f"cannot read weights from {place}: {type(error).__name__}; "
            "expected a table of tensors by name and nothing else"
        ) from error
    if not isinstance(table, Mapping) or not all(isinstance(t, Tensor) for t in table.values()):
        raise RecipeError(f"{place} holds no table of tensors by name; give a plain state_dict")
    return table


def _rename(name: str) -> str:
    """Turn a name of either naming into ours."""
    name = name.removeprefix("module.")
    for theirs, ours in RADIMAGENET.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


def _fill(stem: Stem, weights: Weights, place: str) -> None:
    """Copy weights into a stem if every name and shape fits."""
    own = stem.state_dict()
    given = {name: tensor for name, tensor in weights.items() if not name.startswith("fc.")}
    counters = {name for name in own if name.endswith(".num_batches_tracked")}
    misfits = {
        "missing": own.keys() - given.keys() - counters,
        "unknown": given.keys() - own.keys(),
        "of another shape": {
            n for n in own.keys() & given.keys() if own[n].shape != given[n].shape
        },
    }
    said = [f"{what}: {_list(names)}" for what, names in misfits.items() if names]
    if said:
        raise RecipeError(
            f"the weights at {place} do not fit the stem ({'; '.join(said)}); "
            "give weights of the same depth, width and first convolution"
        )
    stem.load_state_dict({**own, **given})


def _list(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
