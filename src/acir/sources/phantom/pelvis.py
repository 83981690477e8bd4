"""Pelvis, hips and thighs, in a soft-tissue window."""

import numpy as np

from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.noise import Field
from acir.sources.phantom.oval import Oval
from acir.sources.phantom.tissue import (
    BOWEL_WALL,
    CORTEX,
    FAT,
    FLUID,
    MARROW,
    MUSCLE,
    SIDES,
    SKIN,
    VESSEL,
    bone,
    bowel,
    table,
    torso,
)

TUMOUR = 85.0


def pelvis(c: Canvas) -> None:
    """Paint iliac wings and sacrum with muscles, vessels, bowel and rectum."""
    _seat(c)
    for side in SIDES:
        gluteus = Oval(side * 0.60, 0.17, 0.12, 0.27, side * 36.0)
        c.paint(c.vary(gluteus), MUSCLE, rough=0.012, curled=0.006)
        c.paint(c.vary(Oval(side * 0.37, 0.06, 0.11, 0.25, side * 40.0)), MUSCLE, rough=0.01)
        c.paint(c.vary(Oval(side * 0.24, -0.04, 0.09, 0.09)), MUSCLE, rough=0.01)
        wing = c.vary(Oval(side * 0.45, 0.12, 0.042, 0.30, side * 40.0), 0.04)
        bone(c, wing, cortex=0.018, rough=0.008)
        c.paint(c.vary(Oval(side * 0.17, 0.06, 0.032, 0.032)), VESSEL)
        c.paint(c.vary(Oval(side * 0.21, 0.12, 0.036, 0.032)), VESSEL - 20)
    _sacrum(c)
    bowel(c, 0.02, 0.13, 0.085, gas=0.8)
    for x, y in ((-0.24, -0.25), (-0.02, -0.29), (0.21, -0.26), (-0.10, -0.12), (0.10, -0.11)):
        bowel(c, c.about(x, 0.02), c.about(y, 0.02), c.between(0.08, 0.105), gas=0.3)
    bowel(c, -0.45, -0.17, 0.11, gas=0.6)


def hips(c: Canvas) -> None:
    """Paint the femoral heads in their sockets with bladder and rectum between them."""
    _hip_level(c)


def bladder_tumour(c: Canvas) -> None:
    """Paint the same with a growth on the wall of the bladder, which is thick around it."""
    bladder, inside = _hip_level(c)
    angle, r = np.radians(c.between(0.0, 360.0)), c.between(0.06, 0.09)
    x, y = float(np.cos(angle)), float(np.sin(angle))
    base, growth = bladder.at(0.95 * x, 0.95 * y), bladder.at(0.7 * x, 0.7 * y)
    c.paint(Oval(base.x, base.y, 1.3 * r, 1.3 * r), BOWEL_WALL, rough=0.01, inside=inside)
    spot = c.vary(Oval(growth.x, growth.y, r, r), 0.1)
    c.paint(spot, TUMOUR, rough=0.012, curled=0.01, inside=inside)


def thighs(c: Canvas) -> None:
    """Paint both thighs at mid-length."""
    table(c, 0.52)
    size, fat = c.between(0.9, 1.05), c.between(0.04, 0.1)
    for side in SIDES:
        limb = c.vary(Oval(side * 0.45, 0.0, 0.42 * size, 0.46 * size, power=2.1), 0.02)
        c.paint(limb, SKIN)
        c.paint(limb.shrunk(0.016), FAT)
        _thigh(c, limb.shrunk(fat), side)


def _seat(c: Canvas) -> None:
    """Paint the trunk at the level of the pelvis, with the gluteal muscles."""
    torso(c, c.vary(Oval(0.0, 0.0, 0.90, 0.60, power=2.2), 0.03), wall=0.055)
    for side in SIDES:
        muscle = Oval(side * 0.38, 0.38, 0.33, 0.15, side * -22.0)
        c.paint(c.vary(muscle), MUSCLE, rough=0.012, curled=0.008)


def _sacrum(c: Canvas) -> None:
    bone(c, c.vary(Oval(0.0, 0.31, 0.22, 0.13, power=2.4), 0.04), cortex=0.02, rough=0.01)
    for x in (-0.11, 0.11):
        c.paint(Oval(x, 0.31, 0.028, 0.032), 10.0)
    c.stroke([(0.0, 0.41), (0.0, 0.50)], 0.05, 400.0)


def _hip_level(c: Canvas) -> tuple[Oval, Field]:
    """Paint the level of the hips; return the bladder, and how far it covers each pixel."""
    _seat(c)
    for side in SIDES:
        _groin(c, side)
        _hip_joint(c, side)
    bladder = c.vary(Oval(0.0, -0.13, 0.22, 0.17, power=2.3), 0.1)
    inside = c.paint(bladder, BOWEL_WALL, rough=0.012)
    c.paint(bladder.shrunk(0.02), FLUID, rough=0.012)
    c.paint(c.vary(Oval(0.0, 0.10, 0.13, 0.05), 0.08), MUSCLE, rough=0.01)
    bowel(c, 0.0, 0.25, 0.085, gas=0.7)
    bone(c, c.vary(Oval(0.0, 0.43, 0.06, 0.035)), cortex=0.015)
    return bladder, inside


def _groin(c: Canvas, side: int) -> None:
    """Paint the muscles around a hip and the femoral vessels in front of it."""
    for muscle in (
        Oval(side * 0.36, -0.25, 0.16, 0.12, side * 20.0),
        Oval(side * 0.62, -0.10, 0.10, 0.17, side * 10.0),
        Oval(side * 0.26, 0.12, 0.045, 0.17, side * 8.0),
    ):
        c.paint(c.vary(muscle), MUSCLE, rough=0.012, curled=0.006)
    c.paint(c.vary(Oval(side * 0.30, -0.30, 0.032, 0.032), 0.1), VESSEL)
    c.paint(c.vary(Oval(side * 0.245, -0.285, 0.036, 0.034), 0.1), VESSEL - 25)


def _hip_joint(c: Canvas, side: int) -> None:
    """Paint acetabulum, femoral head and neck, and the greater trochanter."""
    socket = [(0.29, -0.16), (0.27, 0.02), (0.33, 0.19), (0.42, 0.24)]
    c.stroke([(side * x, y) for x, y in socket], 0.075, 620.0)
    c.stroke([(side * x, y) for x, y in socket[:3]], 0.03, MARROW)
    head = c.vary(Oval(side * 0.45, 0.01, 0.125, 0.125), 0.04)
    c.paint(head.grown(0.018), 40.0)
    bone(c, head)
    c.stroke([(head.x + side * 0.09, head.y + 0.04), (side * 0.66, 0.12)], 0.10, CORTEX)
    bone(c, c.vary(Oval(side * 0.66, 0.12, 0.07, 0.09, side * -10.0)))
    c.stroke([(head.x + side * 0.06, head.y + 0.03), (side * 0.65, 0.12)], 0.065, MARROW)


def _thigh(c: Canvas, bed: Oval, side: int) -> None:
    """Paint muscles parted by fat, femoral vessels and the femur."""
    inside = c.paint(bed, MUSCLE, rough=0.014)
    for angle in np.radians(np.array((-78, -30, 20, 75, 130, 195, 240)) + c.rng.uniform(-9, 9, 7)):
        x, y = side * bed.rx * float(np.cos(angle)), bed.ry * float(np.sin(angle))
        bend = c.about(0.0, 0.12)
        points = [(x, y), (0.72 * x + bend * y, 0.72 * y - bend * x), (0.38 * x, 0.38 * y)]
        path = [(bed.x + px, bed.y + py) for px, py in points]
        c.stroke(path, c.between(0.022, 0.034), FAT, taper=0.6, inside=inside)
    c.paint(bed.at(-side * 0.44, -0.05, 0.15), FAT)
    c.paint(bed.at(-side * 0.48, -0.06, 0.07), VESSEL)
    c.paint(bed.at(-side * 0.37, -0.02, 0.075), VESSEL - 25)
    femur = c.vary(bed.at(side * 0.06, -0.1, 0.25), 0.04)
    c.paint(femur, 1100.0)
    c.paint(femur.shrunk(0.035), FAT + 40)
