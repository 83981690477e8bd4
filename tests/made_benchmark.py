"""A small benchmark on drawn pictures, and its comparison without processes of its own."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from acir.workflows import compare
from acir.workflows.comparing.processes import Work
from made_model import SIDE

COUNTS = {"train": 12, "val": 5, "test": 5}  # of each of four classes
# Sixteen channels: with two threads, torch 2.13 on a CPU has corrupted memory at eight.
SHARED = f"""
[shared]
calibration.fraction = 0.0
prep.size = {SIDE}
"model.stem" = {{ name = "resnet", depth = 18, width = 16, small = true }}
model.attention.on = false
model.fusion.on = false
model.transformer.on = false
model.head.posterior = false
training.epochs = 1
training.least_views = 0
training.batch = 16
"""


def bench(
    folder: Path,
    data: Path,
    *,
    bits: str = "[16]",
    seeds: str = "[0, 1]",
    trials: bool = False,
    shared: str = "",
) -> Path:
    """Write a benchmark of two methods, a floor and the ceiling, and return its path."""
    rates = (0.01, 0.02) if trials else ()
    listed = ", ".join(f'{{ "training.learning_rate" = {rate} }}' for rate in rates)
    text = f"""
title = "Drawn pictures"
recipe = "tiny"
ours = "acir"
bits = {bits}
seeds = {seeds}
{SHARED}{shared}
[[data]]
name = "drawn"
source = "{data}"
[[method]]
name = "acir"
title = "ACIR (ours)"
loss = {{ name = "sch", structure = 0.25 }}
trials = [{listed}]
[[method]]
name = "csq"
loss = {{ name = "csq" }}
trials = [{listed}]
[[floor]]
name = "itq"
of = "csq"
[[floor]]
name = "cosine"
of = "csq"
"""
    path = folder / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return path


def in_this_process(
    monkeypatch: pytest.MonkeyPatch, before: Callable[[Work], None] = lambda _: None
) -> list[str]:
    """Run works here, one after the other, and return the list that their titles will be in."""
    titles: list[str] = []

    def carry_out(works: Sequence[Work], jobs: int, done: Callable[[Work], None]) -> None:
        for work in works:
            before(work)
            work.call()
            titles.append(work.title)
            done(work)

    monkeypatch.setattr(compare, "carry_out", carry_out)
    monkeypatch.setattr(compare, "threads_each", lambda jobs: 1)
    return titles
