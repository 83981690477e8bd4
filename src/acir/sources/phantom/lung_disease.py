"""What takes the place of air in a lung: fluid behind it, consolidation within, scars around.

Each function paints one lung and returns where air is left, which is where its vessels show.
"""

import numpy as np

from acir.sources.phantom.canvas import Canvas
from acir.sources.phantom.noise import Field
from acir.sources.phantom.oval import Oval

EFFUSION, CONSOLIDATION, GROUND_GLASS = 14.0, 35.0, -480.0
BRONCHUS, SCAR, HONEYCOMB_WALL, HONEYCOMB = -700.0, -250.0, -280.0, -880.0


def fluid(c: Canvas, lung: Oval, inside: Field, *, share: float) -> Field:
    """Put fluid behind the lung, in place of a share of its height."""
    pleura = c.cover(lung.grown(0.01), rough=0.02)
    aerated = c.cover(lung.at(0.0, -2.0 * share), rough=0.02)
    c.fill(pleura * (1 - aerated), EFFUSION)
    return np.asarray(inside * aerated)


def consolidation(c: Canvas, lung: Oval, inside: Field) -> Field:
    """Fill a ragged patch, hazy at its edge, in which the bronchi still hold air."""
    outward = 1.0 if lung.x > 0 else -1.0
    centre = lung.at(outward * c.between(0.0, 0.45), c.between(-0.45, 0.5))
    patch = Oval(centre.x, centre.y, c.between(0.11, 0.19), c.between(0.11, 0.21))
    c.paint(patch.grown(0.05), GROUND_GLASS, rough=0.04, curled=0.03, inside=inside)
    solid = c.paint(patch, CONSOLIDATION, rough=0.045, curled=0.035, inside=inside)
    for direction in (-35.0, 0.0, 35.0):
        angle = np.radians(c.about(direction, 12.0))
        x, y = patch.x - outward * 0.11, patch.y + c.about(0.0, 0.03)
        path = [(x, y)]
        for _ in range(3):
            step = c.between(0.05, 0.08)
            x, y = x + outward * step * float(np.cos(angle)), y + step * float(np.sin(angle))
            path.append((x, y))
            angle += c.about(0.0, 0.3)
        c.stroke(path, c.between(0.012, 0.018), BRONCHUS, taper=0.75, inside=solid)
    return np.asarray(inside * (1 - solid))


def scarring(c: Canvas, lung: Oval, inside: Field) -> Field:
    """Thicken the septa beneath the pleura and turn the rim of the lung into honeycomb."""
    spared = c.cover(lung.at(0.0, -0.08, c.between(0.72, 0.84)), rough=0.02)
    rim = np.asarray(inside * (1 - spared))
    c.fill(0.5 * rim, GROUND_GLASS)
    for angle in np.radians(np.arange(0, 360, 12) + c.rng.uniform(-5, 5, 30)):
        x, y = float(np.cos(angle)), float(np.sin(angle))
        outer, inner = lung.at(x, y), lung.at(0.7 * x, 0.7 * y)
        c.stroke([(outer.x, outer.y), (inner.x, inner.y)], 0.014, SCAR, inside=rim)
    for angle in c.rng.uniform(0, 2 * np.pi, 48):
        far = c.between(0.76, 0.96)
        centre = lung.at(far * float(np.cos(angle)), far * float(np.sin(angle)))
        r = c.between(0.012, 0.032)
        c.paint(Oval(centre.x, centre.y, r + 0.010, r + 0.010), HONEYCOMB_WALL, inside=rim)
        c.paint(Oval(centre.x, centre.y, r, r), HONEYCOMB, inside=rim)
    return inside
