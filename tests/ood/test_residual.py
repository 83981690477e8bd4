"""The residual: shrinkage, both sides, the size of the grid, the heat map."""

import math

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf

from acir.ood.residual import Residual
from acir.tensors import Evidence


def _evidence(images: torch.Tensor, rebuilt: torch.Tensor) -> Evidence:
    other = torch.ones(len(images), 1)
    return Evidence(images, rebuilt, other, other, other, other)


def _pictures(
    count: int, *, strength: float = 0.05, spread: float = 0.05, side: int = 16, seed: int = 0
) -> Evidence:
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 3, side, side, generator=random)
    levels = strength * torch.exp(spread * torch.randn(count, 1, 1, 1, generator=random))
    residual = levels * torch.randn(count, 3, side, side, generator=random)
    return _evidence(images, images + residual)


def test_an_ordinary_picture_scores_near_one() -> None:
    scores = Residual().fit(_pictures(2000, spread=0.5)).score(_pictures(100, spread=0.5, seed=1))
    assert float(scores.square().mean()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("strength", [0.0, 0.005, 0.3])
def test_a_residual_too_weak_is_as_suspicious_as_one_too_strong(strength: float) -> None:
    detector = Residual().fit(_pictures(1000))
    ordinary = detector.score(_pictures(100, seed=1))
    assert detector.score(_pictures(20, strength=strength, seed=2)).min() > ordinary.max()


def test_the_score_is_the_mahalanobis_distance_over_the_root_of_its_dimensions() -> None:
    # With 40 pictures the grid is 1 x 1: per channel the mean residual over 0.02 and the
    # logarithm of the mean absolute residual plus 0.01.
    seen = _pictures(40, strength=0.5, spread=0.5)
    asked = _pictures(1, strength=0.5, spread=0.5, seed=1)

    def described(evidence: Evidence) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        r = (evidence.images - evidence.reconstruction).numpy().astype(np.float64)
        return np.hstack([r.mean((2, 3)) / 0.02, np.log(np.abs(r).mean((2, 3)) + 0.01)])

    samples, one = described(seen), described(asked)[0]
    deviation = samples.std(axis=0)
    assert (deviation > 0.2).all()
    covariance, _ = ledoit_wolf(samples / deviation)
    gap = (one - samples.mean(axis=0)) / deviation
    expected = math.sqrt(gap @ np.linalg.inv(covariance) @ gap / 6)
    assert float(Residual().fit(seen).score(asked)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("count", "dim"), [(2, 6), (239, 6), (240, 24), (539, 24), (540, 54), (960, 96), (1500, 96)]
)
def test_ten_pictures_stand_behind_each_dimension_up_to_a_grid_of_four(
    count: int, dim: int
) -> None:
    state = Residual().fit(_pictures(count, side=8)).state()
    assert state["mean"].shape == (dim,)


def test_a_place_that_never_varied_does_not_outweigh_the_rest_at_the_first_noise() -> None:
    seen, asked = _pictures(400), _pictures(50, seed=1)
    corner = (slice(None), slice(None), slice(0, 8), slice(0, 8))
    for evidence in (seen, asked):
        evidence.reconstruction[corner] = evidence.images[corner]
    detector = Residual().fit(seen)
    before = detector.score(asked)
    asked.reconstruction[corner] += 0.0001
    assert float((detector.score(asked) - before).abs().max()) < 0.1


def test_the_grid_covers_a_picture_of_any_size() -> None:
    detector = Residual().fit(_pictures(1000, side=30))
    assert detector.score(_pictures(3, side=30, seed=1)).isfinite().all()


def test_the_heat_map_counts_deviations_from_what_is_usual_at_a_pixel() -> None:
    # The absolute residual is 0.1 or 0.3 everywhere: mean 0.2, deviation 0.1. At 0.5 it is 3 out.
    images = torch.zeros(2, 3, 9, 9)
    rebuilt = torch.tensor([0.1, -0.3]).reshape(2, 1, 1, 1).expand(2, 3, 9, 9)
    detector = Residual().fit(_evidence(images, rebuilt))
    drawn = detector.heat_map(_evidence(images[:1], torch.full((1, 3, 9, 9), 0.5)))
    torch.testing.assert_close(drawn, torch.full((1, 9, 9), 3.0))


def test_the_heat_map_is_hottest_where_something_foreign_lies() -> None:
    asked = _pictures(1, side=32, seed=1)
    asked.images[0, :, 20:25, 4:9] += 1
    drawn = Residual().fit(_pictures(200, side=32)).heat_map(asked)[0]
    y, x = divmod(int(drawn.argmax()), 32)
    assert max(abs(y - 22), abs(x - 6)) <= 1
