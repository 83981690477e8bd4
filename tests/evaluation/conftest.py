"""A benchmark of two methods, as text.

The package is imported inside the fixture: see `tests/conftest.py`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

TEXT = """
title = "Two"
recipe = "tiny"
ours = "acir"
bits = [16, 32, 64]
seeds = [0, 1]
tuning_seed = 7
[shared]
training.epochs = 2
"augment.degrees" = 3
[[data]]
name = "cells"
source = "cells.zip"
set = { "prep.size" = 32, "augment.degrees" = 5 }
draw = { per_class = 60, imbalance = 10.0, seed = 1 }
[[data]]
name = "chest"
source = "chest.npz"
[[method]]
name = "acir"
title = "ACIR"
loss = { name = "sch", structure = 0.25 }
set = { "model.head.name" = "linear" }
trials = [{ "training.learning_rate" = 0.01 }, { loss.structure = 0.5 }]
[[method]]
name = "csq"
loss = { name = "csq" }
trials = [{}, { "training.weight_decay" = 0.1 }]
[[floor]]
name = "itq"
of = "csq"
"""

Read = Callable[..., object]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads the text above with some of it replaced."""

    from acir.evaluation.benchmark_file import load  # noqa: PLC0415 - see the module's docstring

    def read_text(*changes: tuple[str, str]) -> object:
        text = TEXT
        for before, after in changes:
            assert before in text
            text = text.replace(before, after, 1)
        path = tmp_path / "bench.toml"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return read_text
