"""Pictures drawn in code, four classes of texture, and a command line that learns them."""

import os
import signal
import sys
from collections.abc import Container, Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import product
from json import loads
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from acir.cli.main import main

SIDE = 32
CLASSES = ("bars", "checks", "disc", "slope")
COUNTS = {"train": 100, "val": 15, "test": 15}  # of each class

# The recipe `tiny` with every block of the paper's switched on, small enough to be trained in
# seconds. So much is kept for calibration that the gate can promise its rate: 99 pictures are
# needed at 3 %.
SETTINGS = {
    "prep.size": str(SIDE),
    "model.stem": '{ name = "resnet", depth = 18, width = 8, small = true }',
    "model.pooled": "false",
    "model.attention.on": "true",
    "model.attention.head_dim": "8",
    "model.fusion.head_dim": "8",
    "model.transformer.on": "true",
    "model.transformer.dim": "32",
    "model.transformer.mlp": "32",
    "model.transformer.out": "32",
    "model.scattering.on": "false",
    "model.head.name": "kan",
    "model.head.balance": "true",
    "model.head.hidden": "16",
    "loss": '{ name = "sch", structure = 0.25 }',
    "model.decoder.widths": "[16, 12, 8]",
    "training.epochs": "4",
    "training.decoder_epochs": "3",
    "training.least_views": "0",
    "training.batch": "32",
    "training.learning_rate": "0.003",
    "calibration.fraction": "0.33",
}
FEWEST_EPOCHS = {"training.epochs": "1", "training.decoder_epochs": "1"}


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code, its standard output and its standard error."""

    code: int
    out: str
    err: str

    def lines(self) -> list[dict[str, Any]]:
        """Read one JSON object a line."""
        return [loads(line) for line in self.out.splitlines()]

    def line(self) -> dict[str, Any]:
        """Read the only JSON object."""
        (only,) = self.lines()
        return only

    def done(self) -> dict[str, Any]:
        """Read the only JSON object of a command that succeeded."""
        assert self.code == 0, self.err
        return self.line()

    def refusal(self) -> str:
        """Return the sentence of a refused command; it printed nothing else."""
        assert self.code == 2, self.err  # wrong use or bad input
        assert "Traceback" not in self.err
        (said,) = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert self.err.endswith(said + "\n")
        return said.removeprefix("error: ")


def acir(*words: object) -> Outcome:
    """Run the installed command `acir` in this process."""
    out, err = StringIO(), StringIO()
    argv = ["acir", *map(str, words)]
    with mock.patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            return Outcome(int(stop.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("a command ends with an exit code")


def program(*words: object, threads: int = 1) -> dict[str, Any]:
    """Return what starts the same command as another process."""
    path = Path(sys.executable).with_name("acir")
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    # What a shell starts in the background may ignore Ctrl-C, and a child inherits that.
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return {"args": [str(path), *map(str, words)], "env": environment, "preexec_fn": heeds}


def train(data: object, out: Path, *words: object, **changed: str) -> Outcome:
    """Train the small network; `changed` holds recipe keys with `__` for each dot."""
    settings = SETTINGS | {key.replace("__", "."): value for key, value in changed.items()}
    options = [word for pair in settings.items() for word in ("--set", "=".join(pair))]
    return acir("train", "tiny", "--data", data, "--out", out, *options, *words)


def draw(kind: str, number: int) -> UInt8[np.ndarray, "side side"]:
    """Draw picture `number` of a class: its shape at a random place, with noise."""
    rng = np.random.default_rng([CLASSES.index(kind), number])
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    shift, scale = rng.uniform(0, 1), rng.uniform(0.9, 1.1)
    shapes = {
        "bars": np.sin(2 * np.pi * (4 * scale * x + shift)),
        "checks": np.sin(2 * np.pi * (3 * scale * x + shift)) * np.sin(6 * np.pi * scale * y),
        "disc": 2.0 * (np.hypot(x - 0.35 - 0.3 * shift, y - 0.5) < 0.25 * scale) - 1,
        "slope": 2 * (shift * x + (1 - shift) * y) - 1,
    }
    noisy = 128 + 90 * shapes[kind] + rng.normal(0, 10, (SIDE, SIDE))
    pixels: UInt8[np.ndarray, "side side"] = noisy.clip(0, 255).astype(np.uint8)
    return pixels


def foreign(number: int) -> UInt8[np.ndarray, "side side"]:
    """Draw black and white noise, which no class looks like."""
    noise = np.random.default_rng(number).random((SIDE, SIDE))
    return np.where(noise < 0.5, 0, 255).astype(np.uint8)


def coloured(grey: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Give a grey picture three channels that differ."""
    return np.stack([grey, grey // 2, 255 - grey], axis=2)


def save(pixels: UInt8[np.ndarray, "..."], path: Path) -> Path:
    """Write a PNG, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def fill(folder: Path, counts: dict[str, int] | None = None) -> Path:
    """Write split/class/number.png; numbers go on from split to split, so no two are equal."""
    for kind in CLASSES:
        start = 0
        for split, count in (counts or COUNTS).items():
            for number in range(start, start + count):
                save(draw(kind, number), folder / split / kind / f"{number:03d}.png")
            start += count
    return folder


def table(
    folder: Path, splits: Mapping[str, Iterable[int]], unlabelled: Container[tuple[str, int]]
) -> Path:
    """Write drawings of all classes, by their numbers, and a table in which some have no label."""
    lines = ["path,label,split"]
    for split, numbers in splits.items():
        for kind, number in product(CLASSES, numbers):
            path = save(draw(kind, number), folder / split / f"{kind}{number}.png")
            label = "" if (split, number) in unlabelled else kind
            lines.append(f"{path.relative_to(folder)},{label},{split}")
    written = folder / "table.csv"
    written.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return written


def damage(path: Path, offset: int | None = None) -> None:
    """Flip all bits of one byte, by default the middle one."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if offset is None else offset] ^= 0xFF
    path.write_bytes(content)


def tree(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
