"""What a workflow leaves behind: one JSON with its numbers, and the arrays behind them."""

import json
import os
import platform
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped

from acir.durable import whole

DIGITS = 16  # of a digest; two equal ones by chance need 2**32 runs
LIBRARIES = ("acir", "torch", "numpy", "scikit-learn")
CPU_NAMES = Path("/proc/cpuinfo")

Record = dict[str, Any]


def place(out: Path, data: str, method: str, bits: int, seed: int) -> Path:
    """Return where the record of a run belongs in the folder of a comparison."""
    return out / "runs" / data / method / f"{bits}-{seed}.json"


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record, whole or not at all.

    Raises:
        ValueError: A number is infinite or none, which JSON cannot say.
    """
    text = json.dumps(record, indent=1, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def write_arrays(path: Path, arrays: Mapping[str, Shaped[np.ndarray, "..."]]) -> None:
    """Write arrays as a compressed .npz, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle


def read(path: Path) -> Record | None:
    """Return a record, or None where there is none."""
    if not path.is_file():
        return None
    # Earlier versions wrote an undefined number as Infinity or NaN.
    record: Record = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    return record


def is_done(path: Path, key: str) -> bool:
    """Whether the run with this key is recorded there."""
    record = read(path)
    return record is not None and record["key"] == key


def digest(decides: Mapping[str, Any]) -> str:
    """Tell plain values apart by a few hexadecimal digits.

    Example:
        >>> digest({"seed": 0}) == digest({"seed": 1})
        False
    """
    return sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:DIGITS]


def surroundings(device: torch.device) -> Record:
    """Say on what a run ran, in words that name no machine, no person and no place."""
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        },
    }


def _cpu() -> str:
    """Return the processor's name; Python itself knows no more than its family."""
    if CPU_NAMES.is_file():
        for line in CPU_NAMES.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
