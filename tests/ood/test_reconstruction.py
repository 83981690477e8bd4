"""The plain reconstruction error, and its two known blind spots."""

import pytest
import torch

from acir.ood.reconstruction import Reconstruction
from acir.tensors import Evidence


def _evidence(images: torch.Tensor, rebuilt: torch.Tensor) -> Evidence:
    other = torch.ones(len(images), 1)
    return Evidence(images, rebuilt, other, other, other, other)


def test_the_score_is_the_root_mean_square() -> None:
    # Three of twelve values differ by 0.2: sqrt(3 x 0.04 / 12) = 0.1.
    images = torch.zeros(1, 3, 2, 2)
    rebuilt = images.clone()
    rebuilt[0, :, 0, 0] = torch.tensor([0.2, -0.2, 0.2])
    assert float(Reconstruction().score(_evidence(images, rebuilt))) == pytest.approx(0.1)


def test_a_picture_rebuilt_perfectly_passes_as_the_most_ordinary() -> None:
    images = torch.zeros(1, 3, 2, 2)
    assert float(Reconstruction().score(_evidence(images, images))) == 0
