"""The abdomen at the level of the kidneys, in a soft-tissue window."""

import numpy as np

from acir.sources.phantom.abdomen import great_vessels, trunk
from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.oval import Oval
from acir.sources.phantom.tissue import (
    FAT,
    FLUID,
    KIDNEY,
    LIVER,
    MUSCLE,
    SIDES,
    VESSEL,
    bowel,
    vertebra,
)

TUMOUR, NECROSIS = 88.0, 40.0


def kidneys(c: Canvas) -> None:
    """Paint both kidneys, the tip of the liver, colon and small bowel."""
    _level(c)


def lesion(c: Canvas) -> None:
    """Paint the same with a cyst, or a tumour with a dead core, on the outside of one kidney."""
    organs = _level(c)
    which = int(c.rng.integers(2))
    angle, r = np.radians(c.between(-75.0, 75.0)), c.between(0.055, 0.10)
    out = 0.75 * SIDES[which] * float(np.cos(angle))
    centre = organs[which].at(out, 0.75 * float(np.sin(angle)))
    spot = c.vary(Oval(centre.x, centre.y, r, r), 0.1)
    if c.chance(0.5):
        c.paint(spot, FLUID, rough=0.005)
        return
    c.paint(spot, TUMOUR, rough=0.012, curled=0.006)
    c.paint(spot.at(0.0, 0.0, c.between(0.3, 0.55)), NECROSIS, rough=0.012, curled=0.006)


def _level(c: Canvas) -> list[Oval]:
    """Paint the level of the kidneys and return them, right and left."""
    cavity, inside = trunk(c)
    for side in SIDES:
        c.paint(c.vary(Oval(side * 0.19, 0.33, 0.09, 0.12, side * -12.0)), MUSCLE, rough=0.01)
    tip = Oval(-0.83 * cavity.rx, -0.02, 0.13, 0.26, 4.0)
    c.paint(c.vary(tip), LIVER, rough=0.015, inside=inside)
    bowel(c, -0.42, -0.16, 0.12, gas=0.7)
    bowel(c, 0.56, 0.02, 0.095, gas=0.7)
    for x, y in ((-0.20, -0.30), (0.02, -0.34), (0.24, -0.31), (0.42, -0.22), (-0.06, -0.20)):
        bowel(c, c.about(x, 0.02), c.about(y, 0.02), c.between(0.075, 0.10), gas=0.25)
    bowel(c, c.about(0.2, 0.03), -0.16, c.between(0.075, 0.10), gas=0.25)
    organs = [_kidney(c, side) for side in SIDES]
    vertebra(c, 0.25, 0.135)
    great_vessels(c, 0.075)
    for x in (0.03, -0.04):
        c.paint(c.vary(Oval(x, -0.07, 0.024, 0.024), 0.1), VESSEL)
    return organs


def _kidney(c: Canvas, side: int) -> Oval:
    """Paint a kidney in its fat, its medulla, and the hilum with the renal vein."""
    kidney = c.vary(Oval(side * 0.43, 0.20, 0.125, 0.165, side * -24.0))
    c.paint(kidney.grown(0.05), FAT, rough=0.01)
    inside = c.paint(kidney, KIDNEY + 25, rough=0.012)
    c.paint(kidney.shrunk(0.04), KIDNEY - 15, curled=0.012, inside=inside)
    hilum = Oval(kidney.x - side * 0.085, kidney.y - 0.03, 0.085, 0.05, side * 18.0)
    c.paint(hilum, FAT, rough=0.008)
    c.stroke([(hilum.x + side * 0.02, hilum.y), (side * 0.1, 0.11)], 0.022, VESSEL - 10)
    return kidney
