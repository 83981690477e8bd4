"""A stained blood smear in colour: the kind of picture that a model of CT slices cannot know."""

import numpy as np
from jaxtyping import Float32, UInt8

from acir.sources.phantom.canvas import axis
from acir.sources.phantom.noise import grain, smooth_noise
from acir.sources.phantom.oval import Oval

PLASMA, RED_CELL, PALLOR = (236, 222, 226), (206, 132, 138), (226, 184, 186)
CYTOPLASM, NUCLEUS, PLATELET = (196, 186, 220), (106, 58, 138), (150, 104, 168)
RED_CELLS = 30

Image = Float32[np.ndarray, "side side 3"]


def smear(rng: np.random.Generator, side: int) -> UInt8[np.ndarray, "side side 3"]:
    """Return red cells around one white cell with a lobed nucleus, as under oil immersion."""
    image = np.empty((side, side, 3), dtype=np.float32)
    image[:] = PLASMA
    for x, y in rng.uniform(-1.1, 1.1, (RED_CELLS, 2)):
        _red_cell(image, rng, float(x), float(y))
    for x, y in rng.uniform(-0.95, 0.95, (int(rng.integers(1, 5)), 2)):
        _lay(image, Oval(float(x), float(y), 0.035, 0.035), PLATELET, 0.8)
    _white_cell(image, rng)
    tint = 4 * smooth_noise(rng, side, 5) + 3 * grain(rng, side)
    return np.asarray(np.clip(image + tint[..., None], 0, 255).round().astype(np.uint8))


def _red_cell(image: Image, rng: np.random.Generator, x: float, y: float) -> None:
    r = float(rng.uniform(0.15, 0.19))
    cell = Oval(x, y, r, r * float(rng.uniform(0.88, 1.0)), turn=float(rng.uniform(0, 180)))
    _lay(image, cell, RED_CELL, 0.85)
    _lay(image, cell.at(0.0, 0.0, 0.45), PALLOR, 0.75, blur=6 / 64)


def _white_cell(image: Image, rng: np.random.Generator) -> None:
    x, y = (float(v) for v in rng.uniform(-0.15, 0.15, 2))
    _lay(image, Oval(x, y, 0.42, 0.40), CYTOPLASM, 1.0, blur=2 / 64)
    turn = float(rng.uniform(0, 2 * np.pi))
    for angle in turn + np.arange(int(rng.integers(2, 5))) * 1.25:
        dx, dy = 0.19 * float(np.cos(angle)), 0.19 * float(np.sin(angle))
        _lay(image, Oval(x + dx, y + dy, 0.15, 0.13), NUCLEUS, 0.95, blur=2 / 64)


def _lay(
    image: Image,
    oval: Oval,
    colour: tuple[int, int, int],
    strength: float,
    *,
    blur: float = 1.5 / 64,
) -> None:
    """Blend a colour over an oval whose edge is `blur` wide: by the lens, not by the pixels."""
    side = len(image)
    reach = max(oval.rx, oval.ry) + blur
    rows, columns = (
        slice(
            *np.clip([(v - reach + 1) / 2 * side, (v + reach + 1) / 2 * side + 1], 0, side).astype(
                int
            )
        )
        for v in (oval.y, oval.x)
    )
    depth = oval.depth(axis(side)[columns], axis(side)[rows])
    covered = np.float32(strength) * np.clip(0.5 + depth / blur, 0, 1)
    part = image[rows, columns]
    part += covered[..., None] * (np.array(colour, dtype=np.float32) - part)
