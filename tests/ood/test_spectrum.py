"""What the spectrum of the whole picture tells apart."""

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from acir.ood.spectrum import Spectrum
from acir.tensors import Evidence

Change = Callable[[torch.Tensor], torch.Tensor]


def _evidence(images: torch.Tensor) -> Evidence:
    other = torch.ones(len(images), 1)
    return Evidence(images, images, other, other, other, other)


def _clouds(count: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    coarse = 0.5 + 0.15 * torch.randn(count, 3, 8, 8, generator=random)
    clouds = interpolate(coarse, size=32, mode="bilinear", align_corners=True)
    return (clouds + 0.03 * torch.randn(clouds.shape, generator=random)).clamp(0, 1)


@pytest.mark.parametrize(
    "broken",
    [
        lambda x: avg_pool2d(x, (1, 5), 1, (0, 2)),
        lambda x: interpolate(x[:, :, 8:24], size=(32, 32), mode="bilinear"),
        lambda x: x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)),
    ],
    ids=["moved", "stretched", "noisy"],
)
def test_what_is_broken_scores_higher_and_what_is_lighter_does_not(broken: Change) -> None:
    detector = Spectrum().fit(_evidence(_clouds(300)))
    asked = _clouds(50, seed=1)
    usual = detector.score(_evidence(asked)).quantile(0.97)
    assert float((detector.score(_evidence(broken(asked))) > usual).double().mean()) > 0.8
    lighter = detector.score(_evidence(asked + 0.1))
    assert float((lighter > usual).double().mean()) < 0.2
