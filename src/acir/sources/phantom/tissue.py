"""Typical densities, and the parts that several regions of the body share.

Values are Hounsfield units of a portal-venous scan.
"""

import numpy as np

from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.noise import Field
from acir.sources.phantom.oval import Oval

FAT, FLUID, SKIN, MUSCLE, BOWEL_WALL = -100.0, 8.0, 10.0, 58.0, 72.0
LIVER, SPLEEN, KIDNEY, VESSEL = 112.0, 122.0, 165.0, 160.0
MARROW, CORTEX, GAS, LUNG = 210.0, 750.0, -920.0, -730.0
SIDES = (-1, 1)


def bone(c: Canvas, oval: Oval, cortex: float = 0.018, rough: float = 0.0) -> None:
    """Paint dense cortex around spongy bone."""
    c.paint(oval, CORTEX, rough=rough)
    c.paint(oval.shrunk(cortex), c.about(MARROW, 20.0), rough=rough)


def table(c: Canvas, y: float) -> None:
    """Paint the two faces of the couch, which sags in the middle."""
    for drop, hu in ((0.0, 60.0), (0.075, -20.0)):
        xs = np.linspace(-0.8, 0.8, 9).tolist()
        c.stroke([(x, y + drop - 0.10 * x * x) for x in xs], 0.022, hu)


def torso(c: Canvas, body: Oval, wall: float) -> tuple[Oval, Field]:
    """Paint skin, fat, the muscular wall and the fat of the cavity; return the cavity."""
    table(c, body.y + body.ry + 0.03)
    fat = c.between(0.035, 0.10)
    c.paint(body, SKIN)
    c.paint(body.shrunk(0.016), FAT)
    c.confine(body.shrunk(0.016))
    c.paint(body.shrunk(fat), MUSCLE, rough=0.012)
    cavity = body.shrunk(fat + wall).at(0.0, -0.05)
    return cavity, c.paint(cavity, FAT, rough=0.012)


def vertebra(c: Canvas, y: float, size: float) -> None:
    """Paint a vertebra with its muscles; y is the centre of its body, size half its width."""
    for side in SIDES:
        x = side * size
        muscle = Oval(1.35 * x, y + 1.75 * size, 1.15 * size, 0.8 * size)
        c.paint(c.vary(muscle), MUSCLE, rough=0.01, curled=0.006)
        c.stroke([(0.5 * x, y + size), (1.7 * x, y + 1.2 * size)], 0.32 * size, 420.0)
        lamina = [(0.6 * x, y + 0.7 * size), (0.75 * x, y + 1.5 * size), (0.0, y + 2.0 * size)]
        c.stroke(lamina, 0.3 * size, 520.0)
    c.stroke([(0.0, y + 1.9 * size), (0.0, y + 2.75 * size)], 0.26 * size, 480.0)
    c.paint(Oval(0.0, y + 1.25 * size, 0.42 * size, 0.36 * size), 25.0)
    bone(c, c.vary(Oval(0.0, y, size, 0.78 * size, power=2.4), 0.03), cortex=0.17 * size)


def ribs(c: Canvas, cavity: Oval) -> None:
    """Paint ribs in the wall around a cavity, each cut obliquely as it descends."""
    ring = cavity.grown(0.03)
    for angle in np.array((-58, -30, -4, 22, 46, 68)) + c.between(-8.0, 8.0):
        for side in SIDES:
            t = np.radians(c.about(float(angle), 3.0))
            x, y = ring.rx * float(np.cos(t)), ring.ry * float(np.sin(t))
            tangent = float(np.degrees(np.arctan2(ring.ry * np.cos(t), -ring.rx * np.sin(t))))
            rib = Oval(side * x, ring.y + y, c.between(0.06, 0.11), 0.024, turn=side * tangent)
            bone(c, rib, cortex=0.011)


def bowel(c: Canvas, x: float, y: float, r: float, *, gas: float) -> None:
    """Paint a loop: wall, content and, with probability `gas`, gas above a fluid level."""
    loop = c.vary(Oval(x, y, r, 0.85 * r), 0.12)
    c.paint(loop, BOWEL_WALL, rough=0.012)
    lumen = c.paint(loop.shrunk(0.022), c.between(5.0, 45.0), rough=0.012)
    if c.chance(gas):
        c.fill(lumen * c.above(loop.y + c.between(-0.3, 0.4) * loop.ry), GAS)
