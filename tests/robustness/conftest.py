"""Pictures for the bad-input suite, drawn in code."""

from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Float

Draw = Callable[..., Float[np.ndarray, "3 height width"]]


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Return a function that draws a body with an organ: by seed, side and whether in colour."""
    return _draw


def _draw(seed: int = 0, side: int = 32, colour: bool = False) -> Float[np.ndarray, "3 side side"]:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / (side - 1)
    centre = 0.45 + 0.05 * random.random()
    body = ((y - centre) / 0.35) ** 2 + ((x - 0.5) / 0.42) ** 2 < 1
    organ = ((y - 0.4) / 0.12) ** 2 + ((x - 0.3) / 0.1) ** 2 < 1
    tissue = 0.55 + 0.15 * np.sin(9 * x) * np.cos(7 * y) + 0.02 * random.standard_normal(x.shape)
    grey = np.where(organ, 0.25, np.where(body, tissue, 0.02)).clip(0, 1)
    gains = np.array([1.0, 0.7, 0.9] if colour else [1.0, 1.0, 1.0])
    return np.asarray(grey * gains[:, None, None], np.float32)
