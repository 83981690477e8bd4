"""The 23 numbers of a picture, their floor, and what they tell apart."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf

from acir.ood.base import GaussianDetector
from acir.ood.pixel_statistics import PixelStatistics
from acir.tensors import Evidence
from made_clouds import clouds, seen_in

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _of_classes(images: torch.Tensor, classes: torch.Tensor) -> Evidence:
    evidence = seen_in(images)
    return replace(evidence, class_logits=torch.eye(3)[classes])


def _smooth(count: int, *, noise: float = 0.0, seed: int = 0) -> torch.Tensor:
    return clouds(count, 24, cells=4, noise=noise, seed=seed)


def _constant(red: float, green: float, blue: float) -> Evidence:
    return seen_in(torch.tensor([red, green, blue]).reshape(1, 3, 1, 1).expand(1, 3, 16, 16))


def _naive(picture: Array) -> list[float]:
    grey = picture.mean(axis=0)
    share = np.histogram(grey, bins=32, range=(0, 1))[0] / grey.size
    across, down = abs(grey[:, 1:] - grey[:, :-1]), abs(grey[1:] - grey[:-1])
    half = (grey[::2, ::2] + grey[1::2, ::2] + grey[::2, 1::2] + grey[1::2, 1::2]) / 4
    sides = [grey[0], grey[-1], grey[:, 0], grey[:, -1]]
    colours = [picture[0] - picture[1], picture[:2].mean(axis=0) - picture[2]]
    strengths = [
        across.mean(),
        down.mean(),
        (abs(half[:, 1:] - half[:, :-1]).mean() + abs(half[1:] - half[:-1]).mean()) / 2,
        math.sqrt(np.mean([*across.ravel() ** 2, *down.ravel() ** 2])),
        abs(grey[:, 2:] - 2 * grey[:, 1:-1] + grey[:, :-2]).mean() / 2
        + abs(grey[2:] - 2 * grey[1:-1] + grey[:-2]).mean() / 2,
    ]
    return [
        *(10 * np.quantile(grey, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])),
        math.log(grey.std() + 0.02),
        -sum(p * math.log(p) for p in share if p),
        *np.log(np.array(strengths) + 0.02),
        *(10 * side.mean() for side in sides),
        math.log(np.concatenate(sides).std() + 0.02),
        *(10 * colour.mean() for colour in colours),
        *(math.log(colour.std() + 0.02) for colour in colours),
    ]


def test_the_numbers_are_those_of_a_plain_account_in_numpy() -> None:
    picture = _smooth(1, noise=0.1)
    told = PixelStatistics().fit(seen_in(picture)).state()["mean"]
    assert told.shape == (1, 1, 23)
    np.testing.assert_allclose(told[0, 0], _naive(picture[0].double().numpy()), rtol=1e-9)


def test_the_score_is_the_shrunk_mahalanobis_distance_with_noise_of_a_fifth() -> None:
    seen, asked = _smooth(60), _smooth(5, noise=0.05, seed=1)
    samples = np.array([_naive(p) for p in seen.double().numpy()])
    gaps = np.array([_naive(p) for p in asked.double().numpy()]) - samples.mean(axis=0)
    covariance = LedoitWolf().fit(samples).covariance_ + 0.04 * np.eye(23)
    squared = np.einsum("ni,ij,nj->n", gaps, np.linalg.inv(covariance), gaps)
    scores = PixelStatistics().fit(seen_in(seen)).score(seen_in(asked))
    np.testing.assert_allclose(scores, np.sqrt(squared / 23), rtol=1e-6)


def test_a_picture_is_compared_with_the_nearest_class() -> None:
    # Dark and light clouds: one of a brightness between them is far from either class, and near
    # the mean of both.
    dark, light = 0.6 * _smooth(300), 1 - 0.6 * _smooth(300, seed=1)
    classes = torch.arange(2).repeat_interleave(300)
    images = torch.cat([dark, light])
    together = PixelStatistics().fit(seen_in(images))
    apart = PixelStatistics().fit(_of_classes(images, classes))
    between = seen_in(0.2 + 0.6 * _smooth(50, seed=2))
    ordinary = seen_in(0.6 * _smooth(50, seed=3))

    def share(detector: GaussianDetector) -> float:
        """Return how many are seen where 3 % of dark clouds are."""
        usual = detector.score(ordinary).quantile(0.97)
        return float((detector.score(between) > usual).double().mean())

    assert share(together) < 0.1
    assert share(apart) > 0.9
    bright = seen_in(1 - 0.6 * _smooth(50, seed=4))
    assert apart.score(bright).median() < 1.2 * apart.score(ordinary).median()
    assert apart.score(between).median() > 2 * together.score(between).median()


def test_small_classes_share_a_covariance_and_large_ones_have_their_own() -> None:
    images = torch.cat([_smooth(230), _smooth(20, noise=0.1, seed=1), _smooth(20, seed=2)])
    classes = torch.tensor([0] * 230 + [1] * 20 + [2] * 20)
    precisions = PixelStatistics().fit(_of_classes(images, classes)).state()["precision"]
    assert torch.equal(precisions[1], precisions[2])
    assert not torch.equal(precisions[0], precisions[1])


@pytest.mark.parametrize("count", [1, 2, 30])
def test_beside_constant_pictures_a_lighter_one_is_out_by_eleven_levels(count: int) -> None:
    # Lighter by 0.1: seven quantiles and four borders move by 1, with a variance of 0.04 each.
    grey = _constant(0.4, 0.4, 0.4)
    detector = PixelStatistics().fit(grey[torch.zeros(count, dtype=torch.int64)])
    score = float(detector.score(_constant(0.5, 0.5, 0.5)))
    assert score == pytest.approx(math.sqrt(11 / 0.04 / 23), rel=1e-5)
    assert float(detector.score(grey)) == pytest.approx(0, abs=1e-9)


def test_another_colour_of_the_same_grey_is_out_by_its_opponents() -> None:
    # Red less green moves by 0.2, the yellow of (0.5 + 0.3) / 2 less blue by nothing.
    detector = PixelStatistics().fit(_constant(0.4, 0.4, 0.4))
    score = float(detector.score(_constant(0.5, 0.3, 0.4)))
    assert score == pytest.approx(math.sqrt(2**2 / 0.04 / 23), rel=1e-4)


def test_noise_that_no_reader_sees_is_accepted_and_strong_noise_is_not() -> None:
    # Clouds with a texture of 0.04; noise of 0.02 on top makes it 0.045, as variances add.
    detector = PixelStatistics().fit(seen_in(_smooth(300, noise=0.04)))
    ordinary = detector.score(seen_in(_smooth(100, noise=0.04, seed=1)))
    faint = detector.score(seen_in(_smooth(100, noise=0.045, seed=1)))
    strong = detector.score(seen_in(_smooth(100, noise=0.2, seed=1)))
    assert float((faint > ordinary.quantile(0.97)).double().mean()) <= 0.06
    assert strong.min() > ordinary.max()


def test_grey_training_pictures_make_colour_outlying() -> None:
    grey = _smooth(300).mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    detector = PixelStatistics().fit(seen_in(grey))
    ordinary = detector.score(seen_in(grey))
    assert detector.score(seen_in(_smooth(20, seed=1))).min() > ordinary.quantile(0.97)


@pytest.mark.parametrize("side", [17, 31])
def test_odd_sides_are_described_too(side: int) -> None:
    random = torch.Generator().manual_seed(0)
    pictures = seen_in(torch.rand(4, 3, side, side + 2, generator=random))
    assert PixelStatistics().fit(pictures).score(pictures).isfinite().all()
