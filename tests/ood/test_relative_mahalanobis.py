"""The relative Mahalanobis distance: the paper's formula, shrinkage, few pictures, limits."""

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from torch.nn.functional import normalize, one_hot

from acir.ood.relative_mahalanobis import RelativeMahalanobis
from acir.tensors import Evidence

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _evidence(blended: torch.Tensor, classes: torch.Tensor | None = None) -> Evidence:
    n = len(blended)
    picture, other = torch.zeros(n, 3, 2, 2), torch.ones(n, 1)
    logits = other if classes is None else one_hot(classes, 6).float()
    return Evidence(picture, picture, blended, other, other, logits)


def _classes(count: int, dim: int, *, kinds: int = 3, seed: int = 0) -> Evidence:
    """Unit vectors about `kinds` points that are the same for every seed."""
    centres = torch.randn(6, dim, generator=torch.Generator().manual_seed(99))
    random = torch.Generator().manual_seed(seed)
    classes = torch.arange(count) % kinds
    noise = torch.randn(count, dim, generator=random)
    return _evidence(normalize(centres[classes] + 0.5 * noise, dim=1), classes)


def _naive(seen: Array, classes: Array, asked: Array) -> Array:
    """Ren et al. 2021, equations 2 and 3, with the covariances of scikit-learn's estimator."""
    means = {k: seen[classes == k].mean(axis=0) for k in np.unique(classes)}
    within = LedoitWolf().fit(seen - np.stack([means[k] for k in classes])).covariance_
    whole = LedoitWolf().fit(seen)

    def distance(gap: Array) -> Array:
        squared: Array = np.einsum("ni,ij,nj->n", gap, np.linalg.inv(within), gap)
        return squared

    nearest = np.min([distance(asked - mean) for mean in means.values()], axis=0)
    relative: Array = nearest - whole.mahalanobis(asked)
    return relative


def _arrays(evidence: Evidence) -> tuple[Array, Array]:
    return evidence.blended.double().numpy(), evidence.class_logits.argmax(dim=1).numpy()


def test_it_is_the_formula_of_the_paper_with_shrunk_covariances() -> None:
    seen, asked = _classes(120, 8), _classes(30, 8, kinds=6, seed=1)
    expected = _naive(*_arrays(seen), _arrays(asked)[0])
    scores = RelativeMahalanobis().fit(seen).score(asked)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_with_few_pictures_it_is_the_formula_on_one_principal_component_for_each_ten() -> None:
    seen, asked = _classes(59, 40), _classes(30, 40, kinds=6, seed=1)
    vectors, classes = _arrays(seen)
    pca = PCA(n_components=5, svd_solver="full").fit(vectors)
    expected = _naive(pca.transform(vectors), classes, pca.transform(_arrays(asked)[0]))
    scores = RelativeMahalanobis().fit(seen).score(asked)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_with_one_predicted_class_it_is_the_shrunk_mahalanobis_distance() -> None:
    seen, asked = _classes(200, 6, kinds=1), _classes(20, 6, seed=1)
    expected = LedoitWolf().fit(_arrays(seen)[0]).mahalanobis(_arrays(asked)[0])
    scores = RelativeMahalanobis().fit(seen).score(asked)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_what_varies_within_classes_as_between_them_cancels() -> None:
    # The classes differ along the first axis alone; all deviations within are 0.01.
    random = torch.Generator().manual_seed(0)
    classes = torch.arange(2000) % 2
    vectors = 0.01 * torch.randn(2000, 3, generator=random)
    vectors[:, 0] += classes
    asked = torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.1, 0.0]])
    at_centre, between, beside = (
        RelativeMahalanobis().fit(_evidence(vectors, classes)).score(_evidence(asked))
    )
    assert float(between - at_centre) > 80  # ten deviations: nearly 100
    assert abs(float(beside - at_centre)) < 10


@pytest.mark.parametrize(("count", "kept"), [(1, 1), (19, 1), (59, 5), (79, 7), (80, 8)])
def test_ten_pictures_stand_behind_each_dimension(count: int, kept: int) -> None:
    state = RelativeMahalanobis().fit(_classes(count, 8)).state()
    assert state["within"].shape == state["overall"].shape == (kept, 8)


def test_576_dimensions_and_200_pictures_still_tell_unknown_classes_apart() -> None:
    detector = RelativeMahalanobis().fit(_classes(200, 576))
    known = detector.score(_classes(60, 576, seed=1)).numpy()
    mixed = _classes(120, 576, kinds=6, seed=2)
    rows = (mixed.class_logits.argmax(dim=1) >= 3).nonzero()[:, 0]
    unknown = detector.score(mixed[rows]).numpy()
    truth = [0] * len(known) + [1] * len(unknown)
    assert roc_auc_score(truth, [*known, *unknown]) > 0.99


def test_576_dimensions_and_200_pictures_do_not_make_the_next_pictures_outlying() -> None:
    # A full covariance knows its own 200 pictures and takes almost every other for foreign.
    seen = _classes(200, 576)
    detector = RelativeMahalanobis().fit(seen)
    known, following = detector.score(seen), detector.score(_classes(200, 576, seed=1))
    assert float((following > known.quantile(0.97)).double().mean()) <= 0.06


@pytest.mark.parametrize("count", [1, 2, 30])
def test_training_pictures_that_are_all_alike_score_zero_and_nothing_else_is_undefined(
    count: int,
) -> None:
    alike = _classes(1, 6).blended.expand(count, 6)
    detector = RelativeMahalanobis().fit(_evidence(alike))
    assert float(detector.score(_evidence(alike[:1]))) == pytest.approx(0, abs=1e-6)
    assert detector.score(_classes(5, 6, seed=1)).isfinite().all()


def test_a_unit_that_never_moved_counts_as_if_it_moved_by_a_thousandth() -> None:
    # One class; the second axis has no variance: 0.01 out is ten deviations, 100 squared.
    vectors = torch.zeros(100_000, 2, dtype=torch.float64)
    vectors[:, 0] = torch.linspace(-0.001, 0.001, 100_000, dtype=torch.float64)
    detector = RelativeMahalanobis().fit(_evidence(vectors))
    assert float(detector.score(_evidence(torch.tensor([[0.0, 0.01]])))) == pytest.approx(100)
