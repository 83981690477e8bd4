"""Blocks of a strong compression are seen; what JPEG leaves alone is not blamed on it."""

import io
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from acir.ood.block_edges import BlockEdges
from acir.tensors import Evidence
from made_clouds import clouds, seen_in


def _grey(plane: torch.Tensor) -> Evidence:
    return seen_in(plane.expand(1, 3, *plane.shape))


def _clouds(count: int, side: int = 64) -> torch.Tensor:
    return clouds(count, side, noise=0.02)


def _compressed(image: torch.Tensor, quality: int) -> torch.Tensor:
    values, file = (255 * image).round().byte().permute(1, 2, 0).numpy(), io.BytesIO()
    Image.fromarray(values).save(file, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1).float() / 255


def test_the_score_by_hand() -> None:
    # 16 x 16: two edges, one step of 51 levels across and one of 17 down, and none beside them.
    plane = torch.zeros(16, 16)
    plane[:, 8:] += 51 / 255
    plane[8:] += 17 / 255
    expected = (math.log(52) + math.log(18)) / 2
    assert float(BlockEdges().score(_grey(plane))) == pytest.approx(expected, abs=1e-5)


def test_steps_beside_an_edge_count_against_it() -> None:
    # Both edges lie between steps of 6 levels, one before each: a mean of 1 of six.
    plane = torch.zeros(16, 16)
    plane[:, 6:] += 6 / 255
    plane[6:] += 6 / 255
    assert float(BlockEdges().score(_grey(plane))) == pytest.approx(math.log(1 / 2), abs=1e-5)


def test_the_numbers_are_those_of_plain_loops() -> None:
    picture = _clouds(1, 35)
    grey, ratios = picture[0].double().mean(dim=0).numpy(), []
    for plane in (grey, grey.T):
        steps = [abs(b - a).mean() for a, b in pairwise(plane)]
        for edge in (7, 15, 23, 31):  # the step from the row before to that with this number
            beside = [steps[n] for n in range(edge - 3, min(edge + 4, 34)) if n != edge]
            ratios.append(math.log((steps[edge] + 1 / 255) / (np.mean(beside) + 1 / 255)))
    score = float(BlockEdges().score(seen_in(picture)))
    assert score == pytest.approx(float(np.median(ratios)), abs=2e-6)


def test_the_frame_of_a_picture_is_no_compression() -> None:
    # A picture at half its size on black: 4 of 14 edges are those of the frame.
    clouds = _clouds(20)
    framed = torch.zeros_like(clouds)
    framed[:, :, 16:48, 16:48] = interpolate(clouds, size=32, mode="bilinear", antialias=True)
    detector = BlockEdges()
    assert detector.score(seen_in(framed)).max() < 0.4
    strong = detector.score(seen_in(torch.stack([_compressed(cloud, 5) for cloud in clouds])))
    assert strong.min() > 1


@pytest.mark.parametrize("size", [(64, 64), (30, 41), (28, 28)])
def test_strong_compression_scores_higher_than_any_ordinary_picture(size: tuple[int, int]) -> None:
    clouds = interpolate(_clouds(40), size=size)
    detector = BlockEdges()
    ordinary = detector.score(seen_in(clouds))
    strong = detector.score(seen_in(torch.stack([_compressed(cloud, 5) for cloud in clouds])))
    fine = detector.score(seen_in(torch.stack([_compressed(cloud, 95) for cloud in clouds])))
    assert strong.min() > ordinary.max()
    assert float((fine > ordinary.quantile(0.95)).double().mean()) < 0.2


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_a_blank_picture_has_no_blocks(level: float) -> None:
    assert float(BlockEdges().score(_grey(torch.full((16, 16), level)))) == pytest.approx(0)


def test_a_picture_of_a_single_block_has_no_edge() -> None:
    assert float(BlockEdges().score(_grey(torch.rand(8, 8)))) == 0


def test_there_is_nothing_to_learn_or_to_keep() -> None:
    pictures = seen_in(_clouds(3))
    learned = BlockEdges().fit(pictures)
    assert learned.state() == {}
    again = BlockEdges().load_state({})
    assert torch.equal(again.score(pictures), learned.score(pictures))
