"""The chest at the level of the heart, in a window that shows both lung and mediastinum."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.lung_disease import consolidation, fluid, scarring
from acir.sources.phantom.noise import Field
from acir.sources.phantom.oval import Oval
from acir.sources.phantom.tissue import (
    FAT,
    LUNG,
    MUSCLE,
    SIDES,
    VESSEL,
    bone,
    ribs,
    torso,
    vertebra,
)

MYOCARDIUM, CHAMBER = 85.0, 190.0

Disease = Callable[[Canvas, Oval, Field], Field]


def chest(c: Canvas) -> None:
    """Paint lungs, heart and great vessels."""
    _thorax(c, {})


def nodule(c: Canvas) -> None:
    """Paint the same with a solid nodule in one lung."""
    lungs = _thorax(c, {})
    lung = lungs[int(c.rng.integers(2))]
    outward = 1 if lung.x > 0 else -1
    centre = lung.at(outward * c.between(0.15, 0.5), c.between(-0.45, 0.4))
    r = c.between(0.05, 0.09)
    c.paint(c.vary(Oval(centre.x, centre.y, r, r)), 45.0, rough=0.008, curled=0.006)


def effusion(c: Canvas) -> None:
    """Paint the same with fluid behind one or both lungs, in place of a fifth to a half of each."""
    first = int(c.rng.integers(2))
    sides = {first, 1 - first} if c.chance(0.3) else {first}
    _thorax(c, {side: partial(fluid, share=c.between(0.2, 0.5)) for side in sides})


def opacity(c: Canvas) -> None:
    """Paint the same with a part of one or both lungs consolidated."""
    first = int(c.rng.integers(2))
    sides = {first, 1 - first} if c.chance(0.3) else {first}
    _thorax(c, dict.fromkeys(sides, consolidation))


def fibrosis(c: Canvas) -> None:
    """Paint the same with the rim of both lungs scarred."""
    _thorax(c, dict.fromkeys((0, 1), scarring))


def _thorax(c: Canvas, diseases: Mapping[int, Disease]) -> list[Oval]:
    """Paint a chest and return its lungs; `diseases` maps 0 or 1 to what ails that lung."""
    body = c.vary(Oval(0.0, -0.02, 0.88, 0.62, power=2.3), 0.03)
    cavity, _ = torso(c, body, wall=0.075)
    c.paint(cavity, MUSCLE, rough=0.012)
    ribs(c, cavity)
    bone(c, c.vary(Oval(0.0, cavity.y - cavity.ry - 0.028, 0.10, 0.03)), cortex=0.011)
    lungs = [_lung(c, cavity, side) for side in SIDES]
    masks = [c.paint(lung, c.about(LUNG, 25.0), rough=0.02) for lung in lungs]
    for side, disease in diseases.items():
        masks[side] = disease(c, lungs[side], masks[side])
    for lung, mask in zip(lungs, masks, strict=True):
        _lung_vessels(c, lung, mask)
    c.paint(c.vary(Oval(0.0, -0.05, 0.17, 0.40)), FAT + 40, rough=0.015)
    vertebra(c, 0.33, 0.125)
    _heart(c)
    return lungs


def _lung(c: Canvas, cavity: Oval, side: int) -> Oval:
    x, rx = side * cavity.rx * 0.53, cavity.rx * 0.43
    return c.vary(Oval(x, cavity.y + 0.01, rx, cavity.ry * 0.92, side * -9.0, 2.3), 0.03)


def _lung_vessels(c: Canvas, lung: Oval, inside: Field) -> None:
    """Paint vessels that leave the hilum and thin out, and others cut across."""
    outward = 0.0 if lung.x > 0 else 180.0
    for direction in outward + np.linspace(-95, 95, 12):
        angle, x, y = np.radians(c.about(float(direction), 8.0)), 0.42 * lung.x, 0.0
        points = [(x, y)]
        for _ in range(4):
            step = c.between(0.06, 0.12)
            x, y = x + step * float(np.cos(angle)), y + step * float(np.sin(angle))
            points.append((x, y))
            angle += c.about(0.0, 0.4)
        c.stroke(points, c.between(0.022, 0.040), 20.0, taper=0.68, inside=inside)
    for _ in range(22):
        centre = lung.at(c.between(-0.8, 0.8), c.between(-0.8, 0.8))
        c.stroke([(centre.x, centre.y), (centre.x + 0.01, centre.y)], 0.018, -150.0, inside=inside)


def _heart(c: Canvas) -> None:
    """Paint the heart with its chambers, the aorta and the oesophagus."""
    heart = c.vary(Oval(0.14, -0.10, 0.34, 0.24, 32.0), 0.05)
    c.paint(heart.grown(0.018), FAT, rough=0.015)
    c.paint(heart, MYOCARDIUM, rough=0.015)
    c.paint(heart.at(-0.34, -0.02, 0.50), CHAMBER - 15, rough=0.012)
    c.paint(heart.at(0.36, 0.26, 0.46), CHAMBER, rough=0.012)
    c.paint(c.vary(Oval(-0.14, 0.03, 0.11, 0.13)), CHAMBER - 25, rough=0.012)
    c.paint(c.vary(Oval(0.15, 0.24, 0.062, 0.062), 0.08), VESSEL + 30)
    c.paint(c.vary(Oval(0.05, 0.185, 0.035, 0.026), 0.1), 45.0)
    c.paint(Oval(0.05, 0.185, 0.012, 0.010), -600.0)
