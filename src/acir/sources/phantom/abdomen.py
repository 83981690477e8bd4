"""The abdomen at the level of the liver and of the kidneys, in a soft-tissue window."""

import numpy as np

from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.noise import Field
from acir.sources.phantom.oval import Oval
from acir.sources.phantom.tissue import (
    BOWEL_WALL,
    FAT,
    GAS,
    KIDNEY,
    LIVER,
    LUNG,
    MUSCLE,
    SIDES,
    SPLEEN,
    VESSEL,
    bowel,
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
    organ = _upper(c)
    for _ in range(int(c.rng.integers(1, 4))):
        r = c.between(0.06, 0.125)
        spot = c.vary(Oval(c.between(-0.58, -0.28), c.between(-0.22, 0.22), r, r), 0.12)
        c.paint(spot.grown(0.018), LIVER + 28, rough=0.012, inside=organ)
        c.paint(spot, LESION, rough=0.012, inside=organ)


def kidneys(c: Canvas) -> None:
    """Paint both kidneys, the tip of the liver, colon and small bowel."""
    cavity, inside = _cavity(c)
    for side in SIDES:
        c.paint(c.vary(Oval(side * 0.19, 0.33, 0.09, 0.12, side * -12.0)), MUSCLE, rough=0.01)
    tip = Oval(-0.83 * cavity.rx, -0.02, 0.13, 0.26, 4.0)
    c.paint(c.vary(tip), LIVER, rough=0.015, inside=inside)
    bowel(c, -0.42, -0.16, 0.12, gas=0.7)
    bowel(c, 0.56, 0.02, 0.095, gas=0.7)
    for x, y in ((-0.20, -0.30), (0.02, -0.34), (0.24, -0.31), (0.42, -0.22), (-0.06, -0.20)):
        bowel(c, c.about(x, 0.02), c.about(y, 0.02), c.between(0.075, 0.10), gas=0.25)
    bowel(c, c.about(0.2, 0.03), -0.16, c.between(0.075, 0.10), gas=0.25)
    for side in SIDES:
        _kidney(c, side)
    vertebra(c, 0.25, 0.135)
    _great_vessels(c, 0.075)
    for x in (0.03, -0.04):
        c.paint(c.vary(Oval(x, -0.07, 0.024, 0.024), 0.1), VESSEL)


def _cavity(c: Canvas) -> tuple[Oval, Field]:
    return torso(c, c.vary(Oval(0.0, -0.02, 0.87, 0.64, power=2.25), 0.03), wall=0.05)


def _upper(c: Canvas) -> Field:
    """Paint the upper abdomen and return the mask of the liver."""
    cavity, inside = _cavity(c)
    ribs(c, cavity.shrunk(0.01))
    for side in SIDES:
        recess = Oval(side * 0.42 * cavity.rx, cavity.y + 0.62 * cavity.ry, 0.26, 0.22)
        c.paint(recess, LUNG, rough=0.01, inside=inside)
    _stomach(c, inside)
    spleen = c.vary(Oval(0.80 * cavity.rx, 0.20, 0.11, 0.25, 14.0))
    c.paint(spleen, SPLEEN, rough=0.015, inside=inside)
    organ = _liver(c, cavity, inside)
    vertebra(c, 0.28, 0.135)
    _great_vessels(c, 0.10)
    return organ


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


def _great_vessels(c: Canvas, y: float) -> None:
    c.paint(c.vary(Oval(0.07, y, 0.055, 0.055)), VESSEL + 25)
    c.paint(c.vary(Oval(-0.12, y - 0.01, 0.07, 0.052), 0.1), VESSEL - 10)


def _kidney(c: Canvas, side: int) -> None:
    """Paint a kidney in its fat, its medulla, and the hilum with the renal vein."""
    kidney = c.vary(Oval(side * 0.43, 0.20, 0.125, 0.165, side * -24.0))
    c.paint(kidney.grown(0.05), FAT, rough=0.01)
    inside = c.paint(kidney, KIDNEY + 25, rough=0.012)
    c.paint(kidney.shrunk(0.04), KIDNEY - 15, curled=0.012, inside=inside)
    hilum = Oval(kidney.x - side * 0.085, kidney.y - 0.03, 0.085, 0.05, side * 18.0)
    c.paint(hilum, FAT, rough=0.008)
    c.stroke([(hilum.x + side * 0.02, hilum.y), (side * 0.1, 0.11)], 0.022, VESSEL - 10)
