"""SSIM against a loop over windows, and the loss at its ends."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from acir.training.reconstruction import reconstruction_loss, ssim


def pictures(seed: int, size: int = 15, channels: int = 3) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(2, channels, size, size, generator=random)


def naive_ssim(a: Tensor, b: Tensor) -> float:
    """Equation 13 of Wang et al. 2004 at every place where an 11 x 11 window fits."""
    bell = [
        [math.exp(-((y - 5) ** 2 + (x - 5) ** 2) / (2 * 1.5**2)) for x in range(11)]
        for y in range(11)
    ]
    total = sum(sum(row) for row in bell)
    found: list[float] = []
    for plane_a, plane_b in zip(a.flatten(0, 1).tolist(), b.flatten(0, 1).tolist(), strict=True):
        for top in range(len(plane_a) - 10):
            for left in range(len(plane_a[0]) - 10):
                places = [
                    (bell[y][x] / total, plane_a[top + y][left + x], plane_b[top + y][left + x])
                    for y in range(11)
                    for x in range(11)
                ]
                mean_a = sum(w * p for w, p, _ in places)
                mean_b = sum(w * q for w, _, q in places)
                var_a = sum(w * (p - mean_a) ** 2 for w, p, _ in places)
                var_b = sum(w * (q - mean_b) ** 2 for w, _, q in places)
                cov = sum(w * (p - mean_a) * (q - mean_b) for w, p, q in places)
                luminance = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
                found.append(luminance * (2 * cov + 9e-4) / (var_a + var_b + 9e-4))
    return sum(found) / len(found)


@pytest.mark.parametrize("noise", [0.05, 0.5, 1.0])
def test_ssim_is_that_of_a_loop_over_windows(noise: float) -> None:
    a = pictures(0)
    b = (1 - noise) * a + noise * pictures(1)
    assert ssim(a, b).item() == pytest.approx(naive_ssim(a, b), abs=1e-5)


def test_ssim_of_two_flat_pictures_is_their_luminance_term() -> None:
    # (2 * 0.2 * 0.6 + 1e-4) / (0.04 + 0.36 + 1e-4) = 0.2401 / 0.4001.
    a, b = torch.full((1, 3, 12, 12), 0.2), torch.full((1, 3, 12, 12), 0.6)
    assert ssim(a, b).item() == pytest.approx(0.2401 / 0.4001, abs=1e-5)


def test_ssim_is_symmetric_and_at_most_one() -> None:
    a, b = pictures(0), pictures(1)
    assert ssim(a, b).item() == pytest.approx(ssim(b, a).item(), abs=1e-6)
    assert ssim(a, b) < 1
    assert ssim(a, a).item() == pytest.approx(1, abs=1e-6)


def test_a_negative_is_unlike_its_picture() -> None:
    a = pictures(0)
    assert ssim(a, 1 - a) < 0


def test_a_perfect_reconstruction_costs_nothing() -> None:
    a = pictures(0, size=32)
    assert reconstruction_loss(a, a).item() == pytest.approx(0, abs=1e-5)


def test_the_loss_of_flat_pictures_by_hand() -> None:
    # L1 = 0.4; 1 - SSIM = 1 - 0.2401 / 0.4001.
    a, b = torch.full((1, 3, 12, 12), 0.2), torch.full((1, 3, 12, 12), 0.6)
    expected = 0.4 + 1 - 0.2401 / 0.4001
    assert reconstruction_loss(a, b).item() == pytest.approx(expected, abs=1e-5)


def test_the_gradient_is_that_of_finite_differences() -> None:
    a, b = pictures(0, 12, 1).double(), pictures(1, 12, 1).double().requires_grad_()
    assert gradcheck(lambda found: reconstruction_loss(a, found), b)


def test_a_picture_as_large_as_the_window_has_one_place() -> None:
    a, b = pictures(0, size=11), pictures(1, size=11)
    assert ssim(a, b).item() == pytest.approx(naive_ssim(a, b), abs=1e-5)
