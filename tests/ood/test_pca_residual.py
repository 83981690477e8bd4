"""The residual of the principal components: which are kept, what is expected beside, limits."""

import math

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA

from acir.ood.pca_residual import PcaResidual
from acir.tensors import Evidence


def _evidence(blended: torch.Tensor) -> Evidence:
    n = len(blended)
    picture, other = torch.zeros(n, 3, 2, 2), torch.ones(n, 1)
    return Evidence(picture, picture, blended, other, other, other)


def _vectors(count: int, dim: int, *, rank: int, noise: float = 0.1, seed: int = 0) -> torch.Tensor:
    """Points near a plane of `rank` dimensions that is the same for every seed."""
    plane = torch.randn(rank, dim, generator=torch.Generator().manual_seed(99))
    random = torch.Generator().manual_seed(seed)
    points = torch.randn(count, rank, generator=random) @ plane
    return (points + noise * torch.randn(count, dim, generator=random)).double()


@pytest.mark.parametrize(
    ("count", "dim", "rank", "known"),
    [(300, 12, 3, 3), (59, 40, 8, 5)],  # as many as hold 90 %; as many as pictures allow
)
def test_it_is_the_shrunk_mahalanobis_distance_of_what_pca_leaves_over(
    count: int, dim: int, rank: int, known: int
) -> None:
    seen = _vectors(count, dim, rank=rank).numpy()
    asked = _vectors(20, dim, rank=rank + 1, seed=1).numpy()
    pca = PCA(svd_solver="full").fit(seen)
    beside = pca.components_[known:]
    covariance = LedoitWolf().fit((seen - pca.mean_) @ beside.T).covariance_
    gaps = (asked - pca.mean_) @ beside.T
    squared = np.einsum("ni,ij,nj->n", gaps, np.linalg.inv(covariance), gaps)
    detector = PcaResidual().fit(_evidence(torch.from_numpy(seen)))
    scores = detector.score(_evidence(torch.from_numpy(asked)))
    np.testing.assert_allclose(scores, np.sqrt(squared / (dim - known)), rtol=1e-6)


def test_with_fewer_pictures_than_dimensions_it_orders_as_the_norm_of_vim() -> None:
    seen, asked = _vectors(60, 300, rank=2).numpy(), _vectors(40, 300, rank=3, seed=1).numpy()
    pca = PCA(n_components=2, svd_solver="full").fit(seen)
    norm = np.linalg.norm(asked - pca.inverse_transform(pca.transform(asked)), axis=1)
    detector = PcaResidual().fit(_evidence(torch.from_numpy(seen)))
    scores = detector.score(_evidence(torch.from_numpy(asked))).numpy()
    assert np.corrcoef(norm, scores)[0, 1] > 0.999


def test_what_lies_along_the_known_variation_scores_nothing() -> None:
    # All variance lies on the first axis: 7 along it costs nothing; (3, 0, 4) beside it is 5 long,
    # where the deviation counts as 0.001, and three dimensions are left: 5000 / sqrt 3.
    seen = torch.zeros(1000, 4, dtype=torch.float64)
    seen[:, 0] = torch.linspace(-1, 1, 1000, dtype=torch.float64)
    asked = torch.tensor([[7.0, 0, 0, 0], [7.0, 3, 0, 4]])
    along, beside = PcaResidual().fit(_evidence(seen)).score(_evidence(asked))
    assert float(along) == pytest.approx(0, abs=1e-6)
    assert float(beside) == pytest.approx(5000 / math.sqrt(3))


@pytest.mark.parametrize(
    ("count", "dim", "rank", "known"),
    [
        (9, 8, 2, 0),  # fewer than ten pictures: the distance to the mean
        (25, 20, 8, 2),  # one for each ten pictures
        (1000, 8, 8, 4),  # at most half
        (1000, 20, 1, 1),  # 90 % lies on one axis
        (1000, 1, 1, 0),
    ],
)
def test_as_many_components_are_known_as_variance_dimensions_and_pictures_allow(
    count: int, dim: int, rank: int, known: int
) -> None:
    state = PcaResidual().fit(_evidence(_vectors(count, dim, rank=rank))).state()
    assert state["whitening"].shape == (dim - known, dim)


def test_ordinary_pictures_score_one_in_the_root_mean_square() -> None:
    detector = PcaResidual().fit(_evidence(_vectors(2000, 16, rank=3)))
    scores = detector.score(_evidence(_vectors(300, 16, rank=3, seed=1)))
    assert float(scores.square().mean()) == pytest.approx(1, abs=0.1)


def test_576_dimensions_and_200_pictures_expect_of_the_next_pictures_what_they_bring() -> None:
    detector = PcaResidual().fit(_evidence(_vectors(200, 576, rank=5, noise=0.3)))
    following = detector.score(_evidence(_vectors(60, 576, rank=5, noise=0.3, seed=1)))
    unknown = detector.score(_evidence(_vectors(60, 576, rank=9, noise=0.3, seed=2)))
    assert float(following.square().mean()) == pytest.approx(1, abs=0.1)
    assert unknown.min() > following.max()


@pytest.mark.parametrize("count", [1, 2, 30])
def test_pictures_that_are_all_alike_give_the_distance_in_thousandths(count: int) -> None:
    # (3, 0, 0, 4) is 5 long, over the root of four dimensions.
    alike = torch.tensor([[0.5, 0.5, 0.5, 0.5]]).expand(count, 4)
    asked = alike[:1] + torch.tensor([[3.0, 0, 0, 4]])
    detector = PcaResidual().fit(_evidence(alike))
    assert float(detector.score(_evidence(alike[:1]))) == 0
    assert float(detector.score(_evidence(asked))) == pytest.approx(2500)
