"""Turned pictures are seen where training pictures have an up; without one, nothing is."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, interpolate

from acir.ood.orientation import Orientation, ways
from acir.prep.pipeline import Prep
from acir.sources.phantom.slices import drawn
from acir.tensors import Evidence
from acir.types import ImageRecord
from made_clouds import seen_in

SIDE = 32


@pytest.fixture(scope="module")
def bodies() -> torch.Tensor:
    """Slices of chests and heads, all upright."""
    prep, area = Prep(size=SIDE, colour=False), (0.0, 255.0)
    slices = [
        prep(ImageRecord(f"{name}{n}", drawn(name, n, 64), area, "train", 0.0))
        for n in range(50)
        for name in ("chest", "head")
    ]
    return torch.from_numpy(np.stack(slices))


@pytest.fixture(scope="module")
def cells() -> torch.Tensor:
    """Discs of any place, size and brightness on a ground with grain: no way is the upright one."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) - 0.5
    discs = []
    for _ in range(200):
        (a, b), size, light = (
            random.uniform(-0.2, 0.2, 2),
            random.uniform(0.1, 0.3),
            random.random(),
        )
        disc = light * (np.hypot(x - a, y - b) < size)
        discs.append(disc + random.normal(0.3, 0.05, (SIDE, SIDE)))
    planes = torch.tensor(np.array(discs), dtype=torch.float32).clamp(0, 1)[:, None]
    return planes.expand(-1, 3, -1, -1)


def _halves(images: torch.Tensor) -> tuple[Evidence, torch.Tensor]:
    half = len(images) // 2
    return seen_in(images[:half]), images[half:]


def test_bodies_that_are_turned_or_upside_down_score_higher(bodies: torch.Tensor) -> None:
    seen, asked = _halves(bodies)
    detector = Orientation().fit(seen)
    assert detector.is_on
    upright, *turned = (detector.score(seen_in(way)) for way in ways(asked))
    threshold = float(upright.quantile(0.95))
    found = [float((scores > threshold).double().mean()) for scores in turned]
    # Of the seven, the first is the mirror image, to which a body is nearly alike, and the fourth
    # and fifth are upside down.
    assert min(found[3], found[4]) > 0.7
    assert min(found[1], found[2], found[5], found[6]) > 0.95


def test_it_is_off_for_cells_and_every_picture_is_as_ordinary(cells: torch.Tensor) -> None:
    seen, asked = _halves(cells)
    detector = Orientation().fit(seen)
    assert not detector.is_on
    scores = detector.score(seen_in(torch.cat(list(ways(asked)))))
    assert set(scores.tolist()) == {float(scores[0])}
    assert float(scores[0]) == pytest.approx(math.log(7))


def test_it_is_off_for_bodies_that_lie_in_any_way(bodies: torch.Tensor) -> None:
    chosen = np.random.default_rng(0).integers(8, size=len(bodies))
    turned = ways(bodies)[torch.from_numpy(chosen), torch.arange(len(bodies))]
    assert not Orientation().fit(seen_in(turned)).is_on


@pytest.mark.parametrize(("count", "on"), [(9, False), (10, True)])
def test_it_takes_ten_pictures_to_learn(bodies: torch.Tensor, count: int, on: bool) -> None:
    assert Orientation().fit(seen_in(bodies[:count])).is_on is on


@pytest.mark.parametrize("side", [SIDE, 28, 45])
def test_the_score_is_the_log_odds_of_what_the_network_says(
    bodies: torch.Tensor, side: int
) -> None:
    seen, asked = _halves(bodies)
    asked = interpolate(asked, size=side, mode="bilinear")
    state = {key: array.double() for key, array in Orientation().fit(seen).state().items()}
    cells = avg_pool2d(adaptive_avg_pool2d(asked.double().mean(dim=1), 32), 2)
    found = 2 * cells.flatten(start_dim=1) - 1
    for linear, norm in (("0", "1"), ("4", "5")):
        found = found @ state[f"{linear}.weight"].T + state[f"{linear}.bias"]
        found = (found - state[f"{norm}.running_mean"]) / (
            state[f"{norm}.running_var"] + 1e-5
        ).sqrt()
        found = (found * state[f"{norm}.weight"] + state[f"{norm}.bias"]).clamp_min(0)
    p = (found @ state["8.weight"].T + state["8.bias"]).softmax(dim=1)[:, 0].numpy()
    scores = Orientation().fit(seen).score(seen_in(asked))
    expected = np.minimum(np.log(1 - p) - np.log(p), math.log(99))
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-3)


def test_the_eight_ways_are_the_symmetries_of_the_square() -> None:
    picture = torch.arange(3 * 16.0).reshape(1, 3, 4, 4)
    upright, mirrored, quarter, *_ = ways(picture)
    assert torch.equal(upright, picture)
    assert torch.equal(mirrored, picture.flip(3))
    assert torch.equal(quarter, picture.rot90(1, (2, 3)))
    assert len({tuple(way.flatten().tolist()) for way in ways(picture)}) == 8
    for way in ways(picture):  # turning and mirroring lead nowhere else
        assert any(torch.equal(way.flip(2), other) for other in ways(picture))


@pytest.mark.parametrize("side", [28, 33])
def test_sides_that_are_no_multiple_of_the_cells_are_reduced_too(
    bodies: torch.Tensor, side: int
) -> None:
    seen, asked = _halves(interpolate(bodies, size=side, mode="bilinear", antialias=True))
    detector = Orientation().fit(seen)
    assert detector.is_on
    upright, turned = (detector.score(seen_in(way)) for way in (asked, asked.flip(2)))
    assert float((turned > upright.quantile(0.95)).double().mean()) > 0.95


def test_learning_leaves_the_chance_of_others_alone(bodies: torch.Tensor) -> None:
    torch.manual_seed(7)
    wanted = torch.rand(1)
    torch.manual_seed(7)
    one, other = (Orientation().fit(seen_in(bodies[:20])).state() for _ in range(2))
    assert torch.equal(torch.rand(1), wanted)
    assert all(torch.equal(array, other[key]) for key, array in one.items())


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_what_is_no_number_scores_infinity_where_it_is_off_too(
    bodies: torch.Tensor, value: float
) -> None:
    detector = Orientation().fit(seen_in(bodies[:9]))
    picture = bodies[:1].clone()
    picture[0, 1, 7, 7] = value
    assert detector.score(seen_in(picture)) == math.inf
