"""From tissue to a displayed slice: pose, slow warp, quantum noise and window."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from acir.sources.phantom.canvas import Canvas, axis
from acir.sources.phantom.noise import Field, grain, smooth_noise


@dataclass(frozen=True)
class Window:
    """How Hounsfield units are displayed.

    Attributes:
        low: Hounsfield units shown black.
        high: Hounsfield units shown white.
        noise: Standard deviation at the centre, in Hounsfield units.
    """

    low: float
    high: float
    noise: float


def expose(canvas: Canvas, window: Window, side: int) -> UInt8[np.ndarray, "side side"]:
    """Return the slice with `side` pixels along an edge."""
    hu, rng = _posed(canvas, side), canvas.rng
    # Rays through the middle of the body cross the most tissue and arrive the noisiest.
    weight = 1.15 - 0.55 * np.minimum(1, np.hypot(axis(side), axis(side)[:, None]))
    hu = hu + window.noise * (weight * grain(rng, side) + 0.25 * smooth_noise(rng, side, 9))
    grey = np.clip((hu - window.low) / (window.high - window.low), 0, 1) * 255
    return np.asarray(grey.round().astype(np.uint8))


def _posed(canvas: Canvas, side: int) -> Field:
    """Turn, move, scale and bend the patient a little."""
    angle, size = np.radians(canvas.about(0.0, 2.5)), canvas.between(0.92, 1.04)
    x = axis(side)[None, :] - np.float32(canvas.between(-0.04, 0.04))
    y = axis(side)[:, None] - np.float32(canvas.between(-0.04, 0.04))
    cos, sin = np.float32(np.cos(angle) / size), np.float32(np.sin(angle) / size)
    bend_x, bend_y = (np.float32(0.012) * smooth_noise(canvas.rng, side, 6) for _ in range(2))
    return _sampled(canvas.hu, cos * x + sin * y + bend_x, cos * y - sin * x + bend_y)


def _sampled(
    hu: Field, x: Float32[np.ndarray, "h w"], y: Float32[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w"]:
    """Read between the pixels; beyond the edge the edge goes on."""
    side = len(hu)
    column = np.clip((x + 1) / 2 * side - 0.5, 0, side - 1.001)
    row = np.clip((y + 1) / 2 * side - 0.5, 0, side - 1.001)
    left, top = column.astype(np.intp), row.astype(np.intp)
    right, down = (column - left).astype(np.float32), (row - top).astype(np.float32)
    flat, corner = hu.ravel(), top * side + left
    upper = flat[corner] * (1 - right) + flat[corner + 1] * right
    lower = flat[corner + side] * (1 - right) + flat[corner + side + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)
