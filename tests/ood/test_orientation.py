"""Turned pictures are seen where training pictures have an up; without one, nothing is."""

import math

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch.nn.functional import adaptive_avg_pool2d, normalize

from acir.ood.orientation import Orientation, ways
from acir.prep.pipeline import Prep
from acir.sources.phantom.slices import drawn
from acir.tensors import Encoding, Evidence
from acir.types import ImageRecord

SIDE = 32
GRID = 4


def _encode(images: torch.Tensor) -> Encoding:
    """See how bright each cell of a grid is, and how it rises and falls across and down."""
    grey = images.mean(dim=1, keepdim=True)
    across, down = grey.diff(dim=3), grey.diff(dim=2)
    cells = adaptive_avg_pool2d(grey, GRID).flatten(start_dim=1)
    slopes = [across.relu(), (-across).relu(), down.relu(), (-down).relu()]
    steps = [adaptive_avg_pool2d(slope, GRID).flatten(start_dim=1) for slope in slopes]
    return Encoding(cells, cells, cells, torch.cat(steps, dim=1), images)


def _evidence(images: torch.Tensor) -> Evidence:
    seen = _encode(images)
    blended, middle = normalize(seen.blended, dim=1), normalize(seen.middle, dim=1)
    return Evidence(images, images, blended, middle, seen.logits, seen.class_logits)


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
    return _evidence(images[:half]), images[half:]


def test_bodies_that_are_turned_or_upside_down_score_higher(bodies: torch.Tensor) -> None:
    seen, asked = _halves(bodies)
    detector = Orientation(_encode).fit(seen)
    assert detector.is_on
    upright, *turned = (detector.score(_evidence(way)) for way in ways(asked))
    threshold = float(upright.quantile(0.95))
    found = [float((scores > threshold).double().mean()) for scores in turned]
    # Of the seven, the first is the mirror image, to which a body is nearly alike, and the fourth
    # and fifth are upside down.
    assert min(found[3], found[4]) > 0.7
    assert min(found[1], found[2], found[5], found[6]) > 0.95


def test_it_is_off_for_cells_and_every_picture_is_as_ordinary(cells: torch.Tensor) -> None:
    seen, asked = _halves(cells)
    detector = Orientation(_encode).fit(seen)
    assert not detector.is_on
    scores = detector.score(_evidence(torch.cat(list(ways(asked)))))
    assert set(scores.tolist()) == {float(scores[0])}
    assert float(scores[0]) == pytest.approx(math.log(7))


def test_it_is_off_for_bodies_that_lie_in_any_way(bodies: torch.Tensor) -> None:
    chosen = np.random.default_rng(0).integers(8, size=len(bodies))
    turned = ways(bodies)[torch.from_numpy(chosen), torch.arange(len(bodies))]
    assert not Orientation(_encode).fit(_evidence(turned)).is_on


@pytest.mark.parametrize(("count", "on"), [(9, False), (100, True)])
def test_it_takes_ten_pictures_to_learn(bodies: torch.Tensor, count: int, on: bool) -> None:
    assert Orientation(_encode).fit(_evidence(bodies[:count])).is_on is on


def test_the_score_is_the_log_odds_of_the_shrunk_discriminant(bodies: torch.Tensor) -> None:
    seen, asked = _halves(bodies)
    evidence = [_evidence(way) for way in ways(seen.images)]
    learned = [i for i in range(len(seen)) if i % 5]  # every fifth is held out
    vectors = [torch.cat([e.blended, e.middle], dim=1)[learned].double() for e in evidence]
    judge = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    judge.fit(torch.cat(vectors).numpy(), np.repeat(np.arange(8), len(learned)))
    new = _evidence(asked[:20])
    p = judge.predict_proba(torch.cat([new.blended, new.middle], dim=1).double().numpy())[:, 0]
    scores = Orientation(_encode).fit(seen).score(new)
    np.testing.assert_allclose(scores, np.log(1 - p) - np.log(p), rtol=1e-3, atol=1e-3)


def test_the_eight_ways_are_the_symmetries_of_the_square() -> None:
    picture = torch.arange(3 * 16.0).reshape(1, 3, 4, 4)
    upright, mirrored, quarter, *_ = ways(picture)
    assert torch.equal(upright, picture)
    assert torch.equal(mirrored, picture.flip(3))
    assert torch.equal(quarter, picture.rot90(1, (2, 3)))
    assert len({tuple(way.flatten().tolist()) for way in ways(picture)}) == 8
    for way in ways(picture):  # turning and mirroring lead nowhere else
        assert any(torch.equal(way.flip(2), other) for other in ways(picture))


def test_a_query_is_not_encoded_again(bodies: torch.Tensor) -> None:
    def refuse(_: torch.Tensor) -> Encoding:
        raise AssertionError("the features are there")

    learned = Orientation(_encode).fit(_evidence(bodies)).state()
    assert Orientation(refuse).load_state(learned).score(_evidence(bodies[:2])).isfinite().all()


def test_at_most_a_thousand_pictures_are_turned() -> None:
    encoded = []

    def count(images: torch.Tensor) -> Encoding:
        encoded.append(len(images))
        return _encode(images)

    images = torch.rand(1005, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    Orientation(count).fit(_evidence(images))
    assert sum(encoded) == 7 * 1000
