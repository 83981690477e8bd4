"""Blocks of a strong compression are seen; what JPEG leaves alone is not blamed on it."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from acir.ood.block_edges import BlockEdges
from acir.tensors import Evidence


def _evidence(images: torch.Tensor) -> Evidence:
    other = torch.ones(len(images), 1)
    return Evidence(images, images, other, other, other, other)


def _grey(plane: torch.Tensor) -> Evidence:
    return _evidence(plane.expand(1, 3, *plane.shape))


def _clouds(count: int, side: int = 64) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    coarse = 0.5 + 0.15 * torch.randn(count, 3, 8, 8, generator=random)
    clouds = interpolate(coarse, size=side, mode="bilinear", align_corners=True)
    return (clouds + 0.02 * torch.randn(clouds.shape, generator=random)).clamp(0, 1)


def _compressed(image: torch.Tensor, quality: int) -> torch.Tensor:
    values, file = (255 * image).round().byte().permute(1, 2, 0).numpy(), io.BytesIO()
    Image.fromarray(values).save(file, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1).float() / 255


def test_the_score_by_hand() -> None:
    # 16 x 16, a step of 51 levels from the left blocks to the right, of 17 from the upper to the
    # lower: 68 levels between blocks and none elsewhere.
    plane = torch.zeros(16, 16)
    plane[:, 8:] += 51 / 255
    plane[8:] += 17 / 255
    assert float(BlockEdges().score(_grey(plane))) == pytest.approx(math.log(69), rel=1e-6)


def test_steps_elsewhere_count_against() -> None:
    # The same pattern moved by a pixel: 15 steps across, of which one is not between blocks and
    # has 51 levels, so that 14 have a mean of 51 / 14.
    plane = torch.zeros(16, 16)
    plane[:, 9:] += 51 / 255
    score = float(BlockEdges().score(_grey(plane)))
    assert score == pytest.approx(math.log(1 / (51 / 14 + 1)), rel=1e-6)


@pytest.mark.parametrize("size", [(64, 64), (30, 41), (28, 28)])
def test_strong_compression_scores_higher_than_any_ordinary_picture(size: tuple[int, int]) -> None:
    clouds = interpolate(_clouds(40), size=size)
    detector = BlockEdges()
    ordinary = detector.score(_evidence(clouds))
    strong = detector.score(_evidence(torch.stack([_compressed(cloud, 5) for cloud in clouds])))
    fine = detector.score(_evidence(torch.stack([_compressed(cloud, 95) for cloud in clouds])))
    assert strong.min() > ordinary.max()
    assert float((fine > ordinary.quantile(0.95)).double().mean()) < 0.2


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_a_blank_picture_has_no_blocks(level: float) -> None:
    assert float(BlockEdges().score(_grey(torch.full((16, 16), level)))) == pytest.approx(0)


def test_a_picture_of_a_single_block_has_no_edge() -> None:
    assert float(BlockEdges().score(_grey(torch.rand(8, 8)))) == 0


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_single_pixel_that_is_no_number_scores_infinity(value: float) -> None:
    picture = _clouds(1)
    picture[0, 1, 7, 7] = value
    assert BlockEdges().score(_evidence(picture)) == math.inf


def test_there_is_nothing_to_learn_or_to_keep() -> None:
    pictures = _evidence(_clouds(3))
    learned = BlockEdges().fit(pictures)
    assert learned.state() == {}
    again = BlockEdges().load_state({})
    assert torch.equal(again.score(pictures), learned.score(pictures))
