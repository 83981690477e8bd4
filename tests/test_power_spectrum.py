"""The logarithms of amplitudes against a plain account of every frequency."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from acir.power_spectrum import log_amplitudes
from made_clouds import clouds

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _described(image: torch.Tensor, rings: int = 6, octaves: float = 0.75) -> Array:
    described: Array = log_amplitudes(image.double().mean(dim=0)[None].numpy(), rings, octaves)[0]
    return described


def _naive(picture: Array, rings: int, octaves: float) -> list[float]:
    """Go through all frequencies of the whole plane, each a sum over all pixels."""
    grey = picture.mean(axis=0)
    height, width = grey.shape
    fading = np.array(
        [
            [
                math.sin(math.pi * (y + 1) / (height + 1)) ** 2
                * math.sin(math.pi * (x + 1) / (width + 1)) ** 2
                for x in range(width)
            ]
            for y in range(height)
        ]
    )
    faded = (grey - (fading * grey).sum() / fading.sum()) * fading
    parts: dict[tuple[int, int], list[float]] = {}
    rows, columns = np.arange(height)[:, None], np.arange(width)
    for v in range(-(height // 2), (height + 1) // 2):
        for u in range(width // 2 + 1):  # the other half has the same power
            radius = math.hypot(v / height, u / width)
            if radius == 0:
                continue
            ring = max(0, math.floor(math.log2(0.5 / radius) / octaves + 1e-9))
            if ring >= rings:
                continue
            degrees = math.degrees(math.atan2(v / height, u / width))
            wave = np.exp(-2j * math.pi * (v * rows / height + u * columns / width))
            direction = {-2: 2, -1: 3}.get(round(degrees / 45), round(degrees / 45))
            power = abs((faded * wave).sum()) ** 2 / (fading**2).sum()
            parts.setdefault((ring, direction), []).append(power)
    return [math.log(np.mean(parts[key]) + 0.015**2) / 2 for key in sorted(parts)]


@pytest.mark.parametrize(("rings", "octaves"), [(6, 0.75), (4, 1.0)])
@pytest.mark.parametrize("size", [(24, 24), (28, 28), (20, 31)])
def test_the_numbers_are_those_of_a_plain_account(
    size: tuple[int, int], rings: int, octaves: float
) -> None:
    picture = interpolate(clouds(1, 32, noise=0.03), size=size)[0]
    found = _described(picture, rings, octaves)
    expected = _naive(picture.double().numpy(), rings, octaves)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_picture_of_64_pixels_is_described_by_six_rings_in_four_directions() -> None:
    assert _described(clouds(1, 64, noise=0.03)[0]).shape == (24,)


def test_white_noise_has_its_standard_deviation_at_every_frequency() -> None:
    random = torch.Generator().manual_seed(0)
    plane = 0.5 + 0.1 * torch.randn(1, 256, 256, generator=random)
    np.testing.assert_allclose(_described(plane.expand(3, -1, -1))[:16], math.log(0.1), atol=0.1)


@pytest.mark.parametrize(
    ("down", "across", "part"),
    [(0, 1, 0), (1, 1, 1), (1, 0, 2), (-1, 1, 3)],
    ids=["along rows", "diagonal", "down columns", "other diagonal"],
)
def test_a_wave_stands_out_in_its_direction(down: int, across: int, part: int) -> None:
    # A quarter of a cycle a pixel is between 0.5 and an octave and a half below: ring 1.
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    length = math.hypot(down, across)
    wave = 0.5 + 0.2 * torch.cos(2 * math.pi * 0.25 * (down * y + across * x) / length)
    assert int(_described(wave.expand(3, -1, -1)).argmax()) == 4 + part


def test_another_brightness_changes_nothing_and_twice_the_contrast_its_logarithm() -> None:
    picture = 0.25 + 0.4 * (clouds(1, 64, noise=0.03)[0] - 0.5)
    plain = _described(picture)
    np.testing.assert_allclose(_described(picture + 0.3), plain, atol=1e-4)
    double = _described(2 * (picture - 0.25) + 0.25)
    assert (double - plain).max() == pytest.approx(math.log(2), abs=0.02)


def test_pictures_are_described_alike_alone_and_together() -> None:
    greys = clouds(3, 32).double().mean(dim=1).numpy()
    together = log_amplitudes(greys, 4, 1.0)
    alone = [log_amplitudes(grey[None], 4, 1.0)[0] for grey in greys]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
