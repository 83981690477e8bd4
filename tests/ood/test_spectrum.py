"""What the spectrum of the whole picture tells apart."""

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from acir.ood.spectrum import Spectrum
from made_clouds import clouds, seen_in


@pytest.mark.parametrize(
    "broken",
    [
        lambda x: avg_pool2d(x, (1, 5), 1, (0, 2)),
        lambda x: interpolate(x[:, :, 8:24], size=(32, 32), mode="bilinear"),
        lambda x: x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)),
    ],
    ids=["moved", "stretched", "noisy"],
)
def test_what_is_broken_scores_higher_and_what_is_lighter_does_not(
    broken: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    detector = Spectrum().fit(seen_in(clouds(300, 32, noise=0.03)))
    asked = clouds(50, 32, noise=0.03, seed=1)
    usual = detector.score(seen_in(asked)).quantile(0.97)
    assert float((detector.score(seen_in(broken(asked))) > usual).double().mean()) > 0.8
    lighter = detector.score(seen_in(asked + 0.1))
    assert float((lighter > usual).double().mean()) < 0.2
