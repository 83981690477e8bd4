"""The change of the code under denoising: by hand, its limits, and what is encoded again."""

import math

import pytest
import torch
from scipy.ndimage import (  # type: ignore[import-untyped]
    median_filter,
    uniform_filter,
)

from acir.ood.denoising import Denoising, denoised
from acir.tensors import Encode, Encoding, Evidence


def _evidence(images: torch.Tensor, logits: torch.Tensor) -> Evidence:
    other = torch.ones(len(images), 1)
    return Evidence(images, images, other, other, logits, other)


def _giving(*logits: list[float]) -> Encode:
    """Return a network that says of each copy what it is told."""
    said = torch.tensor(logits)

    def encode(images: torch.Tensor) -> Encoding:
        assert len(images) == len(said)
        return Encoding(said, said, said, said, images)

    return encode


def _score(before: list[float], mean: list[float], median: list[float]) -> float:
    evidence = _evidence(torch.full((1, 3, 4, 4), 0.5), torch.tensor([before]))
    return float(Denoising(_giving(mean, median)).fit(evidence).score(evidence)[0])


def test_the_score_by_hand() -> None:
    # tanh(artanh 0.6) = 0.6. Mean: 1 of 2 bits flips, from 0.6 to -0.2; the other stays:
    # 1/2 + 0.8 / 4. Median: no bit flips, one moves from 0.6 to 0.2: 0 + 0.4 / 4. Halved: 0.4.
    strong, weak = math.atanh(0.6), math.atanh(0.2)
    assert _score([strong, weak], [-weak, weak], [weak, weak]) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([2.0, -3.0], [2.0, -3.0], 0),  # nothing changes
        ([30.0, -30.0], [-30.0, 30.0], 2),  # every decided bit flips
        ([1e-9, 30.0], [-1e-9, 30.0], 0.5),  # an undecided one flips
        ([0.0, 30.0], [1e-9, 30.0], 0),  # 0 is a 1, as in a code
    ],
)
def test_its_limits(before: list[float], after: list[float], expected: float) -> None:
    assert _score(before, after, after) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_logit_that_is_no_number_scores_infinity(value: float) -> None:
    assert _score([1.0, value], [1.0, 1.0], [1.0, 1.0]) == math.inf
    assert _score([1.0, 1.0], [1.0, 1.0], [1.0, value]) == math.inf


def test_the_copies_are_the_mean_and_the_median_of_nine_pixels_rounded_to_5_bits() -> None:
    images = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    mean, median = denoised(images)
    for channel in range(3):
        plane = images[0, channel].double().numpy()
        for found, smooth in (
            (mean, uniform_filter(plane, 3, mode="nearest")),
            (median, median_filter(plane, 3, mode="nearest")),
        ):
            expected = torch.from_numpy(smooth * 31).round() / 31
            assert torch.allclose(found[channel].double(), expected, atol=1e-6)


def test_what_is_smooth_already_is_left_alone() -> None:
    images = torch.full((1, 3, 6, 6), 7 / 31)
    assert torch.allclose(denoised(images), images, atol=1e-7)
