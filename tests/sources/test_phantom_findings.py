"""The findings of the phantom: each is there, in its organ, and as dense as it should be."""

from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Bool, Float

from acir.sources.phantom import abdomen, kidneys, pelvis
from acir.sources.phantom.canvas import Canvas, axis
from acir.sources.phantom.lung_disease import (
    CONSOLIDATION,
    EFFUSION,
    consolidation,
    fluid,
    scarring,
)
from acir.sources.phantom.oval import Oval
from acir.sources.phantom.tissue import LUNG

Draw = Callable[[Canvas], None]
Grid = Float[np.ndarray, "side side"]

SIDE, SEEDS = 160, range(12)
FINDINGS = {  # the same slice without it, and left, right, top and bottom of where it can be
    "liver-lesion": (abdomen.liver, abdomen.lesion, (-0.9, 0.1, -0.5, 0.5)),
    "spleen-lesion": (abdomen.liver, abdomen.spleen_lesion, (0.4, 0.9, -0.2, 0.6)),
    "kidney-lesion": (kidneys.kidneys, kidneys.lesion, (-0.75, 0.75, -0.1, 0.5)),
    "bladder-tumour": (pelvis.hips, pelvis.bladder_tumour, (-0.35, 0.35, -0.4, 0.15)),
}
RIGHT_LUNG = Oval(-0.35, 0.0, 0.3, 0.45)


def _change(healthy: Draw, finding: Draw, seed: int) -> Grid:
    """Return how the finding changes a slice that is otherwise the same."""
    without, with_it = (Canvas(np.random.default_rng(seed), SIDE) for _ in range(2))
    healthy(without)
    finding(with_it)
    return np.asarray(with_it.hu - without.hu)


def _radius(oval: Oval) -> Grid:
    """Return 0 at the centre of an oval and 1 on its outline."""
    x, y = np.meshgrid(axis(SIDE), axis(SIDE))
    return np.asarray(np.hypot((x - oval.x) / oval.rx, (y - oval.y) / oval.ry))


def _lung(
    seed: int, disease: Callable[..., object], **how: float
) -> tuple[Grid, Bool[np.ndarray, "side side"]]:
    """Return an air-filled lung after a disease, and where it is said to be aerated."""
    c = Canvas(np.random.default_rng(seed), SIDE)
    inside = c.paint(RIGHT_LUNG, LUNG)
    aerated = disease(c, RIGHT_LUNG, inside, **how)
    return c.hu, np.asarray(aerated) > 0.5


@pytest.mark.parametrize("name", FINDINGS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_finding_is_in_its_organ_and_nowhere_else(name: str, seed: int) -> None:
    healthy, finding, (left, right, top, bottom) = FINDINGS[name]
    changed = np.abs(_change(healthy, finding, seed)) > 1
    x, y = np.meshgrid(axis(SIDE), axis(SIDE))
    assert 0.0005 < changed.mean() < 0.06
    assert left < x[changed].min() < x[changed].max() < right
    assert top < y[changed].min() < y[changed].max() < bottom


@pytest.mark.parametrize("seed", SEEDS)
def test_a_lesion_of_the_spleen_is_darker_than_spleen(seed: int) -> None:
    change = _change(abdomen.liver, abdomen.spleen_lesion, seed)
    # 42 instead of 122; on the outline a pixel is of two tissues
    assert np.median(change[np.abs(change) > 1]) == pytest.approx(-80, abs=1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tumour_of_the_bladder_is_brighter_than_urine(seed: int) -> None:
    change = _change(pelvis.hips, pelvis.bladder_tumour, seed)
    # 85 instead of 8
    assert change.max() == pytest.approx(77, abs=1)


def test_some_lesions_of_the_kidney_are_cysts_and_some_are_not() -> None:
    changes = [_change(kidneys.kidneys, kidneys.lesion, seed) for seed in SEEDS]
    # Of cortex, 190: water is 182 darker, tumour 102 and its dead core 150.
    cysts = [change.min() < -160 for change in changes]
    assert 0 < sum(cysts) < len(cysts)


def test_fluid_is_behind_the_lung_and_fills_its_share() -> None:
    whole, left = (_radius(RIGHT_LUNG) < 1).sum(), []
    for seed in SEEDS:
        hu, aerated = _lung(seed, fluid, share=0.5)
        left.append(aerated.sum() / whole)
        assert np.nonzero(hu == EFFUSION)[0].mean() > np.nonzero(aerated)[0].mean() + 0.15 * SIDE
    # Moved up by its whole radius, a lung keeps what two circles a radius apart have in common:
    # 2/3 - sqrt(3) / (2 pi) = 0.391 of the area.
    assert np.mean(left) == pytest.approx(0.391, abs=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_consolidation_is_solid_but_for_the_bronchi(seed: int) -> None:
    hu, aerated = _lung(seed, consolidation)
    solid = (_radius(RIGHT_LUNG) < 0.95) & ~aerated
    assert 0.03 < solid.sum() / (_radius(RIGHT_LUNG) < 1).sum() < 0.6
    assert np.median(hu[solid]) == pytest.approx(CONSOLIDATION, abs=1)
    assert 0.005 < (hu[solid] < -300).mean() < 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_scars_are_at_the_rim_and_spare_the_middle(seed: int) -> None:
    hu, aerated = _lung(seed, scarring)
    middle, rim = _radius(RIGHT_LUNG) < 0.5, np.abs(_radius(RIGHT_LUNG) - 0.9) < 0.06
    assert (hu[middle] == LUNG).all()
    assert (hu[rim] > LUNG + 100).mean() > 0.4
    assert (hu[rim] < LUNG - 50).mean() > 0.02  # air within the honeycomb
    assert aerated[rim].all()
