"""Nine halves of a picture against a plain account of them, and what they tell apart."""

import math

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from torch.nn.functional import interpolate

from acir.ood.base import GaussianDetector
from acir.ood.spectrum import Spectrum
from acir.ood.spectrum_halves import SpectrumHalves
from acir.power_spectrum import log_amplitudes
from made_clouds import clouds, seen_in


def _rough_on_the_left(count: int, seed: int) -> torch.Tensor:
    """Clouds, rough on the left and smooth on the right."""
    random = torch.Generator().manual_seed(seed + 100)
    pictures = clouds(count, 64, noise=0.03, seed=seed)
    pictures[..., :32] += 0.15 * torch.randn(count, 1, 64, 32, generator=random)
    return pictures


def _naive(image: torch.Tensor) -> list[list[float]]:
    """Cut windows out, one after another, and weigh each mean pixel by pixel."""
    grey = image.double().mean(dim=0).numpy()
    height, width = grey.shape[0] // 2, grey.shape[1] // 2
    found = []
    for top in (0, (grey.shape[0] - height) // 2, grey.shape[0] - height):
        for left in (0, (grey.shape[1] - width) // 2, grey.shape[1] - width):
            window = grey[top : top + height, left : left + width]
            total = weights = 0.0
            for y in range(height):
                for x in range(width):
                    down = math.sin(math.pi * (y + 1) / (height + 1)) ** 2
                    weight = down * math.sin(math.pi * (x + 1) / (width + 1)) ** 2
                    total, weights = total + weight * window[y, x], weights + weight
            amplitudes = log_amplitudes(window[None], 4, 1.0)[0].tolist()
            found.append([10 * total / weights, *amplitudes])
    return found


@pytest.mark.parametrize("size", [(32, 32), (28, 28), (31, 22)])
def test_the_numbers_are_those_of_a_plain_account(size: tuple[int, int]) -> None:
    picture = interpolate(clouds(1, 32, noise=0.03), size=size)
    found = SpectrumHalves().describe(seen_in(picture))
    np.testing.assert_allclose(found, _naive(picture[0]), rtol=1e-9)


def test_the_score_is_the_root_mean_square_of_the_three_farthest_places() -> None:
    seen, asked = clouds(60, 32, noise=0.03), clouds(5, 32, noise=0.03, seed=1)
    asked[:, :, :8, :8] += 0.2
    samples, others = (np.array([_naive(p) for p in part]) for part in (seen, asked))
    squared = []
    for place in range(9):
        gaps = others[:, place] - samples[:, place].mean(axis=0)
        shrunk = LedoitWolf().fit(samples[:, place]).covariance_
        precision = np.linalg.inv(shrunk + 0.04 * np.eye(len(shrunk)))
        squared.append(np.einsum("ni,ij,nj->n", gaps, precision, gaps) / len(shrunk))
    expected = np.sqrt(np.sort(squared, axis=0)[-3:].mean(axis=0))
    scores = SpectrumHalves().fit(seen_in(seen)).score(seen_in(asked))
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_a_patch_that_is_usual_elsewhere_is_seen_at_its_place() -> None:
    seen, asked = seen_in(_rough_on_the_left(300, 0)), _rough_on_the_left(50, 1)
    patched = asked.clone()
    patched[..., 40:56, 40:56] = asked[..., 40:56, 4:20]

    def share(detector: GaussianDetector) -> float:
        """Return how many are seen where 4 % of the others are."""
        usual = detector.score(seen_in(asked)).quantile(0.96)
        return float((detector.score(seen_in(patched)) > usual).double().mean())

    assert share(SpectrumHalves().fit(seen)) > 0.9
    assert share(Spectrum().fit(seen)) < 0.5
