"""Random fields: slow ones that bend outlines and tint tissue, and the grain of a detector."""

from functools import cache

import numpy as np
from jaxtyping import Float32

Field = Float32[np.ndarray, "side side"]


def smooth_noise(rng: np.random.Generator, side: int, cells: int) -> Field:
    """Return normal noise of unit variance that changes over about `side / cells` pixels."""
    spread = _spread(side, cells)
    grid = rng.standard_normal((cells, cells), dtype=np.float32)
    return np.asarray(spread @ grid @ spread.T)


def grain(rng: np.random.Generator, side: int) -> Field:
    """Return noise of unit variance with the short correlation of a reconstruction kernel."""
    white = rng.standard_normal((side + 2, side + 2), dtype=np.float32)
    rows = white[:-2] + 2 * white[1:-1] + white[2:]
    both = rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]
    return np.asarray(both / np.float32(6))  # 1 + 4 + 1, the variance along each axis


@cache
def _spread(side: int, cells: int) -> Float32[np.ndarray, "side cells"]:
    """Return Gaussian weights that carry a coarse grid to `side` pixels; rows of unit length."""
    distance = np.linspace(0, cells - 1, side)[:, None] - np.arange(cells)
    weights = np.exp(-0.5 * (distance / 0.6) ** 2)
    unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    return np.asarray(unit, dtype=np.float32)
