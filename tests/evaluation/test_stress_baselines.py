"""The baselines of a stress test, against scikit-learn and against values computed by hand."""

import numpy as np
import pytest
from scipy.special import softmax  # type: ignore[import-untyped]
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from acir.evaluation.stress_baselines import TITLES, Traits, fit

DIM, BITS, CLASSES = 6, 8, 3


def traits(n: int, seed: int) -> Traits:
    random = np.random.default_rng(seed)
    blended = random.normal(size=(n, DIM)) * np.arange(1, DIM + 1)
    return Traits(
        errors=random.random(n),
        blended=(blended / np.linalg.norm(blended, axis=1, keepdims=True)).astype(np.float32),
        logits=random.normal(size=(n, BITS)).astype(np.float32),
        class_logits=random.normal(size=(n, CLASSES)).astype(np.float32),
    )


SEEN, ASKED = traits(50, 0), traits(9, 1)
FITTED = fit(SEEN, decoder=True)


def test_every_baseline_has_a_title_and_needs_no_decoder_but_one() -> None:
    assert list(FITTED) == list(TITLES)
    assert set(TITLES) - set(fit(SEEN, decoder=False)) == {"reconstruction"}


def test_the_reconstruction_error_is_taken_as_it_is() -> None:
    assert (FITTED["reconstruction"](ASKED) == ASKED.errors).all()


def test_hamming_counts_the_bits_to_the_nearest_training_code() -> None:
    for row, found in enumerate(FITTED["hamming"](ASKED)):
        signs = ASKED.logits[row] >= 0
        assert found == min(int(((one >= 0) != signs).sum()) for one in SEEN.logits)


def test_msp_is_the_logarithm_of_the_other_classes_probability() -> None:
    naive = np.log(1 - softmax(ASKED.class_logits.astype(np.float64), axis=1).max(axis=1))
    assert FITTED["msp"](ASKED) == pytest.approx(naive)


def test_msp_keeps_very_sure_pictures_in_order() -> None:
    logits = np.array([[90.0, 0.0, 0.0], [95.0, 0.0, 0.0]], dtype=np.float32)
    sure = Traits(np.zeros(2), ASKED.blended[:2], ASKED.logits[:2], logits)
    # 1 - p is 2 e^-90 and 2 e^-95: both are 0 beside 1 in a double
    assert FITTED["msp"](sure) == pytest.approx([np.log(2) - 90, np.log(2) - 95])


def test_knn_is_the_fifth_cosine_distance_of_scikit_learn() -> None:
    nearest = NearestNeighbors(n_neighbors=5, metric="cosine").fit(SEEN.blended)
    distances, _ = nearest.kneighbors(ASKED.blended)
    assert FITTED["knn"](ASKED) == pytest.approx(distances[:, -1], abs=1e-5)


def test_vim_is_the_scaled_residual_of_a_pca_less_the_energy() -> None:
    pca = PCA(DIM // 2).fit(SEEN.blended.astype(np.float64))

    def residual(z: np.ndarray) -> np.ndarray:
        norms: np.ndarray = np.linalg.norm(z - pca.inverse_transform(pca.transform(z)), axis=1)
        return norms

    alpha = SEEN.class_logits.max(axis=1).mean() / residual(SEEN.blended).mean()
    virtual = alpha * residual(ASKED.blended.astype(np.float64))
    energy = np.log(np.exp(ASKED.class_logits.astype(np.float64)).sum(axis=1))
    assert FITTED["vim"](ASKED) == pytest.approx(virtual - energy, rel=1e-4)


def test_mahalanobis_is_that_of_scikit_learn_about_the_nearest_predicted_class() -> None:
    predicted = SEEN.class_logits.argmax(axis=1)
    samples = SEEN.blended.astype(np.float64)
    centres = np.stack([samples[predicted == k].mean(axis=0) for k in range(CLASSES)])
    shared = LedoitWolf(assume_centered=True).fit(samples - centres[predicted])
    naive = np.min([shared.mahalanobis(ASKED.blended - centre) for centre in centres], axis=0)
    assert FITTED["mahalanobis"](ASKED) == pytest.approx(naive)
