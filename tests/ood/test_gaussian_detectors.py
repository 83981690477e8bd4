"""What all detectors of Gaussian classes tell apart, whatever the numbers are."""

import pytest
import torch

from acir.ood.base import GaussianDetector
from acir.ood.pixel_statistics import PixelStatistics
from acir.ood.spectrum import Spectrum
from made_clouds import clouds, seen_in


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", [PixelStatistics, Spectrum])
def test_a_blank_picture_is_outlying(kind: type[GaussianDetector], level: float) -> None:
    detector = kind().fit(seen_in(clouds(300, 32, noise=0.03)))
    ordinary = detector.score(seen_in(clouds(100, 32, noise=0.03, seed=1)))
    blank = detector.score(seen_in(torch.full((1, 3, 32, 32), level)))
    assert float(blank) > float(ordinary.max())
