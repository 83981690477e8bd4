"""The distance to the k-th neighbour, in both spaces."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from acir.ood.base import NEIGHBOURS, NeighbourDetector
from acir.ood.knn import Knn
from acir.ood.knn_middle import KnnMiddle
from acir.tensors import Evidence

SPACES: list[tuple[type[NeighbourDetector], str]] = [(Knn, "blended"), (KnnMiddle, "middle")]


def _evidence(vectors: torch.Tensor, space: str) -> Evidence:
    n = len(vectors)
    picture = torch.zeros(n, 3, 2, 2)
    other = torch.ones(n, 1)
    return Evidence(
        images=picture,
        reconstruction=picture,
        blended=vectors if space == "blended" else other,
        middle=vectors if space == "middle" else other,
        logits=other,
        class_logits=other,
    )


def _directions(*degrees: float) -> torch.Tensor:
    angles = torch.tensor(degrees).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


@pytest.mark.parametrize(("kind", "space"), SPACES)
def test_the_score_is_one_minus_the_cosine_to_the_fifth_neighbour(
    kind: type[NeighbourDetector], space: str
) -> None:
    # From 0 degrees the fifth nearest of 10, 20, ..., 90 lies at 50: 1 - cos 50 = 0.357212.
    detector = kind().fit(_evidence(_directions(*range(10, 100, 10)), space))
    score = detector.score(_evidence(_directions(0), space))
    assert float(score) == pytest.approx(1 - math.cos(math.radians(50)), abs=3e-4)


def test_fewer_than_five_pictures_give_the_farthest() -> None:
    detector = Knn().fit(_evidence(_directions(10, 60, 30), "blended"))
    score = float(detector.score(_evidence(_directions(0), "blended")))
    assert score == pytest.approx(0.5, abs=3e-4)  # 1 - cos 60


def test_opposite_directions_are_two_apart() -> None:
    detector = Knn().fit(_evidence(_directions(180), "blended"))
    assert float(detector.score(_evidence(_directions(0), "blended"))) == 2


@pytest.mark.parametrize(("kind", "space"), SPACES)
def test_it_orders_as_the_euclidean_distance_of_the_paper(
    kind: type[NeighbourDetector], space: str
) -> None:
    # Sun et al. 2022: -||z - z_(k)||_2 on unit vectors, by sorting in numpy.
    random = torch.Generator().manual_seed(0)
    seen = normalize(torch.randn(60, 16, generator=random), dim=1)
    asked = normalize(torch.randn(20, 16, generator=random), dim=1)
    gaps = np.linalg.norm(asked.numpy()[:, None] - seen.numpy()[None], axis=2)
    euclidean = np.sort(gaps, axis=1)[:, NEIGHBOURS - 1]
    score = kind().fit(_evidence(seen, space)).score(_evidence(asked, space))
    np.testing.assert_allclose(np.sqrt(2 * score.numpy()), euclidean, atol=2e-3)


def test_a_crowd_of_neighbours_is_searched_as_exactly_as_one_by_one() -> None:
    random = torch.Generator().manual_seed(1)
    crowd = torch.tensor([1.0, 0, 0, 0]) + 1e-3 * torch.randn(2000, 4, generator=random)
    detector = Knn().fit(_evidence(normalize(crowd, dim=1), "blended"))
    kept = normalize(detector.state()["references"].double(), dim=1)
    asked = normalize(crowd[:50] + 1e-3 * torch.randn(50, 4, generator=random), dim=1)
    cosines = normalize(asked.double(), dim=1) @ kept.T
    fifth = cosines.sort(dim=1, descending=True).values[:, NEIGHBOURS - 1]
    found = detector.score(_evidence(asked, "blended"))
    assert found.tolist() == pytest.approx((1 - fifth).tolist(), abs=1.1e-6)


@pytest.mark.parametrize("spread", [0.02, 1.0])
def test_bounds_never_rule_out_a_neighbour(spread: float) -> None:
    # Clusters, where bounds rule out nearly all, and vectors without any order, where hardly any.
    random = torch.Generator().manual_seed(2)
    centres = torch.randn(5, 300, generator=random)
    noise = torch.randn(1050, 300, generator=random)
    vectors = normalize(centres[torch.arange(1050) % 5] * (spread < 1) + spread * noise, dim=1)
    detector = Knn().fit(_evidence(vectors[:1000], "blended"))
    kept = normalize(detector.state()["references"].double(), dim=1)
    fifth = (
        (vectors[1000:].double() @ kept.T).sort(dim=1, descending=True).values[:, NEIGHBOURS - 1]
    )
    found = detector.score(_evidence(vectors[1000:], "blended"))
    assert found.tolist() == pytest.approx((1 - fifth).tolist(), abs=1.1e-6)


def test_references_are_kept_as_float16() -> None:
    state = Knn().fit(_evidence(_directions(10, 60), "blended")).state()
    assert {key: a.dtype for key, a in state.items()} == {"references": torch.float16}


def test_a_vector_of_zeros_is_one_away_from_everything() -> None:
    detector = Knn().fit(_evidence(_directions(10, 60), "blended"))
    assert float(detector.score(_evidence(torch.zeros(1, 2), "blended"))) == 1
