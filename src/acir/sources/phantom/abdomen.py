"""The abdomen at the level of the liver and the spleen, in a soft-tissue window."""

import numpy as np

from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.noise import Field
from acir.sources.phantom.oval import Oval
from acir.sources.phantom.tissue import (
    BOWEL_WALL,
    GAS,
    LIVER,
    LUNG,
    SIDES,
    SPLEEN,
    VESSEL,
    ribs,
    torso,
    vertebra,
)

LESION, HEPATIC_VEIN = 42.0, LIVER + 45


def liver(c: Canvas) -> None:
    """Paint liver, stomach, spleen, aorta and inferior vena cava."""
    _upper(c)


def lesion(c: Canvas) -> None:
    """Paint the same with one to three dark lesions with a bright rim in the liver."""
    organ, _, _ = _upper(c)
    for _ in range(int(c.rng.integers(1, 4))):
        r = c.between(0.06, 0.125)
        spot = c.vary(Oval(c.between(-0.58, -0.28), c.between(-0.22, 0.22), r, r), 0.12)
        c.paint(spot.grown(0.018), LIVER + 28, rough=0.012, inside=organ)
        c.paint(spot, LESION, rough=0.012, inside=organ)


def spleen_lesion(c: Canvas) -> None:
    """Paint the same with one or two dark lesions, or a wedge that gets no blood, in the spleen."""
    _, spleen, inside = _upper(c)
    if c.chance(0.4):
        y = c.between(-0.5, 0.5)
        rim, middle, deep = (spleen.at(x, y) for x in (0.6, -0.1, -0.8))
        wedge = [(rim.x, rim.y), (middle.x, middle.y), (deep.x, deep.y)]
        c.stroke(wedge, c.between(0.11, 0.17), LESION, taper=0.5, inside=inside)
        return
    for _ in range(int(c.rng.integers(1, 3))):
        r = c.between(0.045, 0.08)
        spot = spleen.at(c.between(-0.5, 0.1), c.between(-0.6, 0.6))
        c.paint(c.vary(Oval(spot.x, spot.y, r, r), 0.12), LESION, rough=0.012, inside=inside)


def trunk(c: Canvas) -> tuple[Oval, Field]:
    """Paint the wall of the abdomen; return the cavity, and how far it covers each pixel."""
    return torso(c, c.vary(Oval(0.0, -0.02, 0.87, 0.64, power=2.25), 0.03), wall=0.05)


def great_vessels(c: Canvas, y: float) -> None:
    """Paint the aorta and the inferior vena cava at a height."""
    c.paint(c.vary(Oval(0.07, y, 0.055, 0.055)), VESSEL + 25)
    c.paint(c.vary(Oval(-0.12, y - 0.01, 0.07, 0.052), 0.1), VESSEL - 10)


def _upper(c: Canvas) -> tuple[Field, Oval, Field]:
    """Paint the upper abdomen; return the mask of the liver, the spleen and its mask."""
    cavity, inside = trunk(c)
    ribs(c, cavity.shrunk(0.01))
    for side in SIDES:
        recess = Oval(side * 0.42 * cavity.rx, cavity.y + 0.62 * cavity.ry, 0.26, 0.22)
        c.paint(recess, LUNG, rough=0.01, inside=inside)
    _stomach(c, inside)
    spleen = c.vary(Oval(0.80 * cavity.rx, 0.20, 0.11, 0.25, 14.0))
    spleen_mask = c.paint(spleen, SPLEEN, rough=0.015, inside=inside)
    organ = _liver(c, cavity, inside)
    vertebra(c, 0.28, 0.135)
    great_vessels(c, 0.10)
    return organ, spleen, spleen_mask


def _stomach(c: Canvas, inside: Field) -> None:
    stomach = c.vary(Oval(0.34, -0.20, 0.27, 0.19, -18.0))
    c.paint(stomach, BOWEL_WALL, rough=0.02, inside=inside)
    lumen = c.paint(stomach.shrunk(0.03), 22.0, rough=0.02, inside=inside)
    c.fill(lumen * c.above(stomach.y - c.between(0.0, 0.09)), GAS)


def _liver(c: Canvas, cavity: Oval, inside: Field) -> Field:
    tissue = c.about(LIVER, 5.0)
    right = c.vary(Oval(-0.56 * cavity.rx, 0.0, 0.37, 0.43, 8.0), 0.03)
    left = c.vary(Oval(-0.02, -0.26, 0.30, 0.15, 6.0), 0.05)
    organ = c.paint(right, tissue, rough=0.02, inside=inside)
    organ = np.asarray(np.maximum(organ, c.paint(left, tissue, rough=0.02, inside=inside)))
    for direction in (-150.0, -110.0, 165.0, 120.0):
        angle, x, y = np.radians(c.about(direction, 14.0)), -0.17, 0.0
        points = [(x, y)]
        for _ in range(3):
            x, y = x + 0.12 * float(np.cos(angle)), y + 0.12 * float(np.sin(angle))
            points.append((x, y))
            angle += c.about(0.0, 0.3)
        c.stroke(points, 0.045, HEPATIC_VEIN, taper=0.72, inside=organ)
    return organ
