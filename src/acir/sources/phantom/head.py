"""The head at the level of the lateral ventricles, in a brain window."""

import numpy as np

from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.noise import Field
from acir.sources.phantom.oval import Oval
from acir.sources.phantom.tissue import SIDES

CSF, WHITE_MATTER, GREY_MATTER, OEDEMA, BLOOD, FALX = 4.0, 27.0, 38.0, 17.0, 72.0, 54.0


def head(c: Canvas) -> None:
    """Paint skull and brain."""
    _brain(c)


def haemorrhage(c: Canvas) -> None:
    """Paint the same with fresh blood: within the brain, or as a crescent beneath the dura."""
    brain, inside = _brain(c)
    side = 1.0 if c.chance(0.5) else -1.0
    if c.chance(0.35):
        left_over = c.cover(brain.at(-side * c.between(0.13, 0.2), 0.0), rough=0.012)
        c.fill(inside * (1 - left_over), BLOOD - 6)
        return
    clot = Oval(
        brain.x + side * brain.rx * c.between(0.36, 0.55),
        brain.y + c.between(-0.3, 0.25),
        c.between(0.10, 0.17),
        c.between(0.11, 0.20),
    )
    c.paint(clot.grown(0.055), OEDEMA, rough=0.03, inside=inside)
    c.paint(clot, BLOOD, rough=0.03, curled=0.012, inside=inside)


def _brain(c: Canvas) -> tuple[Oval, Field]:
    dura = _skull(c)
    within = c.paint(dura, CSF)
    brain = dura.shrunk(0.014)
    inside = c.paint(brain, GREY_MATTER, curled=0.010, inside=within)
    for side in SIDES:
        core = Oval(side * brain.rx * 0.46, brain.y, brain.rx * 0.38, brain.ry * 0.78, side * 3.0)
        c.paint(core, WHITE_MATTER, rough=0.02, curled=0.035, inside=inside)
    _sulci(c, brain, inside)
    for side in SIDES:
        _deep_structures(c, side)
    c.stroke([(0.0, brain.y - brain.ry), (0.0, -0.38)], 0.016, FALX)
    c.stroke([(0.0, 0.42), (0.0, brain.y + brain.ry)], 0.018, FALX)
    c.paint(c.vary(Oval(0.0, 0.06, 0.013, 0.075), 0.1), CSF)
    return brain, inside


def _skull(c: Canvas) -> Oval:
    """Paint scalp and skull; return the outline of the dura."""
    scalp = c.vary(Oval(0.0, 0.0, 0.72, 0.87, power=c.between(2.0, 2.35)), 0.03)
    c.paint(scalp, 32.0)
    fat = c.paint(scalp.shrunk(0.026), -70.0)
    for side in SIDES:
        temporalis = Oval(side * (scalp.rx - 0.06), -0.2, 0.04, 0.26, side * 6.0)
        c.paint(c.vary(temporalis), 55.0, inside=fat)
    c.paint(scalp.shrunk(0.052), 1100.0)
    # Frontal and occipital bone are thicker than the temporal squama.
    return c.vary(scalp.shrunk(0.105).at(0.0, 0.012), 0.008)


def _sulci(c: Canvas, brain: Oval, inside: Field) -> None:
    for angle in np.radians(np.arange(0, 360, 15) + c.rng.uniform(-5, 5, 24)):
        x, y = brain.rx * float(np.cos(angle)), brain.ry * float(np.sin(angle))
        depth, bend = c.between(0.72, 0.93), c.about(0.0, 0.06)
        middle = (1 + depth) / 2
        points = [(x, y), (middle * x + bend * y, middle * y - bend * x), (depth * x, depth * y)]
        c.stroke(points, c.between(0.010, 0.024), CSF + 4, inside=inside)


def _deep_structures(c: Canvas, side: int) -> None:
    """Paint thalamus, lentiform and caudate nucleus, ventricle horns and the Sylvian fissure."""
    for oval, hu in (
        (Oval(side * 0.11, 0.10, 0.075, 0.10, side * -20.0), GREY_MATTER),
        (Oval(side * 0.235, -0.06, 0.05, 0.13, side * -14.0), GREY_MATTER + 1),
        (Oval(side * 0.145, -0.17, 0.045, 0.075, side * 20.0), GREY_MATTER),
        (Oval(side * 0.085, -0.19, 0.036, 0.125, side * -16.0), CSF),
        (Oval(side * 0.185, 0.32, 0.04, 0.14, side * -22.0), CSF),
    ):
        c.paint(c.vary(oval, 0.09), hu, rough=0.008)
    c.stroke([(side * 0.52, -0.12), (side * 0.40, -0.03), (side * 0.36, 0.08)], 0.028, CSF + 3)
