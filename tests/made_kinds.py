"""Folders of class folders that no recipe was tuned on: any number of classes, sizes, colours."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]

COARSEST, FINEST = 6.0, 0.7  # standard deviation of a texture's blur on 64 px


@dataclass(frozen=True)
class Shape:
    """What a set of pictures is like.

    Attributes:
        classes: How many.
        pictures: Of all classes together, about.
        side: Pixels a side; about so many where `uneven`.
        colour: Whether each class has a tint of its own.
        imbalance: Pictures of the largest class over those of the smallest.
        uneven: Whether the pictures have sizes and proportions of their own.
    """

    classes: int
    pictures: int
    side: int
    colour: bool = False
    imbalance: float = 1.0
    uneven: bool = False


def fill(folder: Path, shape: Shape, seed: int) -> Path:
    """Draw textures with discs: a class has its granularity, its number of discs and its tint."""
    for kind, count in enumerate(_counts(shape)):
        place = folder / f"kind-{kind:02d}"
        place.mkdir(parents=True)
        for number in range(count):
            rng = np.random.default_rng((seed, kind, number))
            Image.fromarray(_picture(shape, kind, rng)).save(place / f"{number:04d}.png")
    return folder


def _counts(shape: Shape) -> list[int]:
    shares = np.geomspace(shape.imbalance, 1, shape.classes)
    return [max(3, round(shape.pictures * share / shares.sum())) for share in shares]


def _picture(
    shape: Shape, kind: int, rng: np.random.Generator
) -> UInt8[np.ndarray, "height width *channels"]:
    stretch = rng.uniform(0.8, 1.25, 2) if shape.uneven else np.ones(2)
    height, width = (shape.side * stretch).astype(int)
    blur = np.geomspace(FINEST, COARSEST, shape.classes)[kind] * shape.side / 64
    grain = gaussian_filter(rng.normal(size=(height, width)), blur)
    grey = (grain - grain.min()) / np.ptp(grain)
    for _ in range(kind % 4):
        grey = np.maximum(grey, _disc(height, width, rng))
    grey *= rng.uniform(0.7, 1)
    if shape.colour:
        tint = np.random.default_rng(kind).uniform(0.5, 1, 3)
        grey = grey[..., None] * tint
    return np.asarray(grey * 255, dtype=np.uint8)


def _disc(height: int, width: int, rng: np.random.Generator) -> Float[np.ndarray, "height width"]:
    y, x = np.mgrid[:height, :width]
    middle = rng.uniform(0.2, 0.8, 2) * (height, width)
    radius = rng.uniform(0.06, 0.12) * min(height, width)
    inside = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < radius**2
    return np.asarray(inside * rng.uniform(0.7, 1))
