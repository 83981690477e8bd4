"""Where training stands, on disk: written beside, then renamed, so that a kill loses nothing.

A checkpoint is one safetensors file: arrays by name, one JSON text, and a SHA-256 over both.
Nothing in it is executed when it is read.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Shaped
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from acir.durable import whole
from acir.errors import BundleError, StorageError

Arrays = dict[str, Shaped[Tensor, "..."]]


def write(path: Path, arrays: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Replace a checkpoint in one step.

    Args:
        path: The file.
        arrays: Tensors by name.
        state: Plain values.

    Raises:
        StorageError: The disk is full or cannot be written; the checkpoint before is whole.
    """
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in arrays.items()}
    text = json.dumps(state)
    try:
        with whole(path, synchronised=True) as part:
            save_file(held, part, metadata={"state": text, "sha256": _digest(held, text)})
    except (SafetensorError, OSError) as error:
        raise StorageError(
            f"cannot write {path.name}: {error}; make room for it, then resume the run"
        ) from error


def read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read what `write` wrote.

    Raises:
        BundleError: The file is not a whole checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no mapping
            text, digest = (file.metadata()[key] for key in ("state", "sha256"))
        if digest != _digest(arrays, text):
            raise ValueError("the SHA-256 differs")
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{path.name} is not a whole checkpoint; delete it to start the run afresh"
        ) from error
    return arrays, json.loads(text)


def _digest(arrays: Mapping[str, Tensor], text: str) -> str:
    digest = sha256(text.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {tuple(arrays[name].shape)}".encode())
        digest.update(arrays[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def optimiser_arrays(optimiser: Optimizer) -> Arrays:
    """Return an optimiser's momenta and counts by name."""
    return {
        f"optimiser.{index}.{name}": torch.as_tensor(value)
        for index, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }


def restore_optimiser(optimiser: Optimizer, arrays: Mapping[str, Tensor]) -> None:
    """Give an optimiser what `optimiser_arrays` took from one over the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in arrays.items():
        prefix, _, rest = key.partition(".")
        if prefix == "optimiser":
            index, _, name = rest.partition(".")
            state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict(
        {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
    )


def prefixed(prefix: str, arrays: Mapping[str, Tensor]) -> Arrays:
    """Return the arrays with `prefix.` before each name."""
    return {f"{prefix}.{name}": value for name, value in arrays.items()}


def below(prefix: str, arrays: Mapping[str, Tensor]) -> Arrays:
    """Return the arrays whose names begin with `prefix.`, without it."""
    start = f"{prefix}."
    return {n.removeprefix(start): v for n, v in arrays.items() if n.startswith(start)}
