"""ITQ and LSH against theory, faiss and cases by hand; the ceiling."""

import math
from collections.abc import Callable

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Bool, Float
from scipy.linalg import orthogonal_procrustes  # type: ignore[import-untyped]
from sklearn.metrics import average_precision_score

from acir.codes import hamming, unpack
from acir.errors import SourceError, UsageError
from acir.evaluation import floors
from acir.evaluation.floors import LinearCoder, by_cosine, fit_itq, fit_lsh
from acir.evaluation.protocol import CodedSet
from acir.metrics.retrieval import average_precision, mean_average_precision, precision

Fit = Callable[..., LinearCoder]
Clustered = tuple[Float[np.ndarray, "n dim"], Bool[np.ndarray, "n classes"]]


def drawn(seed: int, n: int = 300, dim: int = 24) -> Float[np.ndarray, "n dim"]:
    """Draw embeddings that vary more along some axes than along others, away from 0."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)) * np.linspace(2, 0.2, dim) + 3


def clustered(seed: int, n: int = 200, classes: int = 6, dim: int = 32) -> Clustered:
    """Draw classes far apart, each spread a little in every direction."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(classes, dim))
    of = rng.integers(0, classes, n)
    return centres[of] + 0.4 * rng.normal(size=(n, dim)), np.eye(classes, dtype=np.bool_)[of]


def quantisation_error(
    components: Float[np.ndarray, "n bits"], rotation: Float[np.ndarray, "bits bits"]
) -> float:
    """||B - V R||^2 / n of ITQ, equation 2: V the `components`, B their codes as -1 and +1."""
    turned = components @ rotation
    codes = np.where(turned >= 0, 1.0, -1.0)
    return float(((codes - turned) ** 2).sum() / len(turned))


# Linear codes


def test_a_linear_code_by_hand() -> None:
    # From the mean (1, 2), (3, 2) lies at (2, 0): on the positive side of the planes with normals
    # (1, 0) and (1, 1), on (0, 1) itself, whose 0 gives a 1, and behind (-1, 0). (1, 1) lies at
    # (0, -1): on the first and the last, behind the second and the third.
    normals = np.array([[1.0, 0, 1, -1], [0, 1, 1, 0]])
    coder = LinearCoder(np.array([1.0, 2]), np.hstack([normals, -normals]))
    points = np.array([[3.0, 2], [1, 1]])
    assert coder.logits(points)[:, :4].tolist() == [[2, 0, 2, -2], [0, -1, -1, 0]]
    assert coder.encode(points).tolist() == [[0b1110_0101], [0b1001_1111]]


@pytest.mark.parametrize("fit", [fit_lsh, fit_itq])
def test_half_precision_embeddings_get_the_codes_of_the_same_numbers_in_double(fit: Fit) -> None:
    half = drawn(0).astype(np.float16)
    codes = fit(half, bits=16, seed=0).encode(half)
    wide = half.astype(np.float64)
    assert np.array_equal(codes, fit(wide, bits=16, seed=0).encode(wide))


@pytest.mark.parametrize("fit", [fit_lsh, fit_itq])
def test_the_training_set_lies_on_both_sides_of_every_plane_alike(fit: Fit) -> None:
    embeddings = drawn(1)
    coder = fit(embeddings, bits=16, seed=0)
    assert np.abs(coder.logits(embeddings).mean(axis=0)).max() < 1e-12


@pytest.mark.parametrize("fit", [fit_lsh, fit_itq])
def test_a_seed_gives_one_code_and_another_seed_another(fit: Fit) -> None:
    embeddings = drawn(2)
    codes = fit(embeddings, bits=16, seed=3).encode(embeddings)
    assert np.array_equal(codes, fit(embeddings, bits=16, seed=3).encode(embeddings))
    assert not np.array_equal(codes, fit(embeddings, bits=16, seed=4).encode(embeddings))


@pytest.mark.parametrize("fit", [fit_lsh, fit_itq])
@pytest.mark.parametrize("bits", [-8, 0, 12])
def test_bits_that_fill_no_whole_bytes_are_refused(fit: Fit, bits: int) -> None:
    expected = f"a code of {bits} bits was asked for, expected a multiple of 8 above 0"
    with pytest.raises(UsageError, match=expected):
        fit(drawn(0), bits=bits, seed=0)


@pytest.mark.parametrize("fit", [fit_lsh, fit_itq])
def test_nothing_to_learn_from_is_refused(fit: Fit) -> None:
    with pytest.raises(SourceError, match="there are no embeddings to learn a code from; give at"):
        fit(np.zeros((0, 5)), bits=8, seed=0)


# LSH


@pytest.mark.parametrize("angle", [0.1, math.pi / 4, math.pi / 2, 2.5])
def test_a_bit_of_lsh_differs_with_chance_angle_over_pi(angle: float) -> None:
    # 40,000 planes: five standard errors of a share p are 5 sqrt(p (1 - p) / 40,000) <= 0.0125.
    pair = np.zeros((2, 6))
    pair[0, 0], pair[1, 0], pair[1, 1] = 2, 3 * math.cos(angle), 3 * math.sin(angle)
    around = np.vstack([pair, -pair])  # so that their mean is 0
    codes = fit_lsh(around, bits=40_000, seed=0).encode(pair)
    share = hamming(codes[:1], codes[1:])[0, 0] / 40_000
    p = angle / math.pi
    assert share == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / 40_000))


# ITQ


def components_of(embeddings: Float[np.ndarray, "n dim"], bits: int) -> Float[np.ndarray, "n bits"]:
    """Return principal components by a singular value decomposition instead of a covariance."""
    left, spread, _ = np.linalg.svd(embeddings - embeddings.mean(axis=0), full_matrices=False)
    components: Float[np.ndarray, "n bits"] = left[:, :bits] * spread[:bits]
    return components


def test_the_planes_of_itq_are_orthonormal() -> None:
    found = fit_itq(drawn(3), bits=16, seed=0).projection
    assert found.T @ found == pytest.approx(np.eye(16), abs=1e-12)


def test_itq_keeps_what_varies_most() -> None:
    embeddings = drawn(4)
    logits = fit_itq(embeddings, bits=8, seed=0).logits(embeddings)
    largest = np.linalg.eigvalsh(np.cov(embeddings.T, bias=True))[-8:]
    assert (logits**2).mean(axis=0).sum() == pytest.approx(largest.sum())


def test_a_quantisation_error_by_hand() -> None:
    # (0.5, -2) has the code (1, -1): 0.25 + 1; (0, 1) has (1, 1), for 0 gives +1: 1 + 0.
    error = quantisation_error(np.array([[0.5, -2], [0, 1]]), np.eye(2))
    assert error == pytest.approx((1.25 + 1) / 2)


def test_a_better_rotation_by_hand() -> None:
    # (1, 0) and (-1, 0), unturned, have the codes (1, 1) and (-1, 1). V'B = [[2, 0], [0, 0]]: the
    # best rotation leaves the first axis alone. Turned by 30 degrees to (0.87, 0.5) and its
    # opposite, they have (1, 1) and (-1, -1), and the best rotation takes (1, 0) to the diagonal.
    points = np.array([[1.0, 0], [-1, 0]])
    assert floors.better_rotation(points, np.eye(2))[0].tolist() == pytest.approx([1, 0])
    c, s = math.cos(math.pi / 6), math.sin(math.pi / 6)
    better = floors.better_rotation(points, np.array([[c, s], [-s, c]]))
    assert better[0].tolist() == pytest.approx([math.sqrt(0.5)] * 2)


@given(st.integers(0, 2**32 - 1))
def test_no_iteration_raises_the_error_and_every_rotation_is_orthogonal(seed: int) -> None:
    components = components_of(drawn(seed, n=60, dim=12), 8)
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(8, 8)))
    error = quantisation_error(components, rotation)
    for _ in range(20):
        rotation = floors.better_rotation(components, rotation)
        assert rotation.T @ rotation == pytest.approx(np.eye(8), abs=1e-12)
        before, error = error, quantisation_error(components, rotation)
        assert error <= before + 1e-12


@given(st.integers(0, 2**32 - 1))
def test_a_better_rotation_is_scipys_answer_to_procrustes(seed: int) -> None:
    components = components_of(drawn(seed, n=60, dim=12), 8)
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(8, 8)))
    codes = np.where(components @ rotation >= 0, 1, -1)
    expected, _ = orthogonal_procrustes(components, codes)
    assert floors.better_rotation(components, rotation) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_itq_finds_the_cube_that_points_were_drawn_around(seed: int) -> None:
    # Corners of a turned cube and noise of 0.2 a dimension: of 8 bits, an error of 8 * 0.04.
    rng = np.random.default_rng(seed)
    cube, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    corners = rng.choice([-1.0, 1.0], size=(2000, 8))
    points = (corners + 0.2 * rng.normal(size=corners.shape)) @ cube
    logits = fit_itq(points, bits=8, seed=seed).logits(points)
    assert quantisation_error(logits, np.eye(8)) == pytest.approx(0.32, rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_the_error_of_itq_is_not_above_that_of_faiss(seed: int) -> None:
    # Each stops at a minimum near its random start; that of faiss 1.15 is some 6 % higher here.
    embeddings = drawn(seed, n=1000, dim=32)
    components = components_of(embeddings, 16).astype(np.float32)
    theirs = faiss.ITQMatrix(16)
    theirs.max_iter = floors.ITERATIONS
    theirs.train(components)
    matrix = faiss.vector_to_array(theirs.A).reshape(16, 16)
    reference = quantisation_error(components, matrix.T)
    ours = fit_itq(embeddings, bits=16, seed=seed).logits(embeddings)
    assert quantisation_error(ours, np.eye(16)) < 1.01 * reference


def test_itq_ranks_separate_classes_better_than_lsh_for_every_seed() -> None:
    train, _ = clustered(1)
    gallery, gallery_labels = clustered(2)
    queries, labels = clustered(3, n=60)
    scores = [
        [
            mean_average_precision(
                coder.encode(queries), labels, coder.encode(gallery), gallery_labels
            )
            for coder in (fit(train, bits=16, seed=seed) for seed in range(5))
        ]
        for fit in (fit_itq, fit_lsh)
    ]
    assert min(scores[0]) > max(scores[1])


@pytest.mark.parametrize(("n", "dim"), [(50, 2), (1, 4), (3, 40)])
def test_fewer_dimensions_or_pictures_than_bits_still_give_codes(n: int, dim: int) -> None:
    embeddings = drawn(5, n=n, dim=dim)
    coder = fit_itq(embeddings, bits=16, seed=0)
    assert coder.encode(embeddings).shape == (n, 2)
    assert np.isfinite(coder.projection).all()


def test_dimensions_that_itq_adds_keep_every_distance() -> None:
    embeddings = drawn(6, n=50, dim=3)
    logits = fit_itq(embeddings, bits=16, seed=0).logits(embeddings)
    apart = np.linalg.norm(logits[0] - logits, axis=1)
    assert apart == pytest.approx(np.linalg.norm(embeddings[0] - embeddings, axis=1))


def test_points_on_a_line_get_opposite_codes_on_its_halves() -> None:
    line = np.array([[-2.0], [-1], [1], [2]]) @ np.array([[0.6, 0.8]])
    codes = unpack(fit_itq(line, bits=8, seed=0).encode(line))
    assert np.array_equal(codes[0], codes[1])
    assert np.array_equal(codes[2], codes[3])
    assert np.array_equal(codes[0], -codes[2])


# The ceiling


def test_equal_cosines_are_one_group() -> None:
    # With (1, 0): 1 for (2, 0) and (5, 0), 0.6 for (3, 4), 0 for (0, 1) and (0, 0).
    gallery = np.array([[0.0, 1], [2, 0], [3, 4], [5, 0], [0, 0]])
    of = np.eye(2, dtype=np.bool_)
    groups = by_cosine(np.array([[1.0, 0]]), of[:1], gallery, of[[0, 0, 1, 1, 0]])
    assert groups.sizes.tolist() == [[2, 1, 2, 0, 0]]
    assert groups.relevant.tolist() == [[1, 0, 2, 0, 0]]


def test_opposite_and_shared_labels_are_told_apart_at_negative_cosines() -> None:
    gallery = np.array([[-1.0, 0], [-0.6, 0.8]])
    labels = np.array([[False, False, True], [True, True, False]])
    groups = by_cosine(np.array([[1.0, 0]]), np.array([[True, False, False]]), gallery, labels)
    assert groups.relevant.tolist() == [[1, 0]]


@given(st.integers(0, 2**32 - 1))
def test_without_ties_the_ceiling_is_scikit_learns_average_precision(seed: int) -> None:
    gallery, queries = coded(seed, 40), coded(seed + 1, 3)
    found = floors.float_ceiling(gallery, queries, {"mAP": average_precision})["mAP"]
    for number in range(len(queries)):
        wide = gallery.embeddings.astype(np.float64)
        scores = wide @ queries.embeddings[number].astype(np.float64)
        relevant = (gallery.labels & queries.labels[number]).any(axis=1)
        lengths = np.linalg.norm(wide, axis=1)
        # scikit-learn takes ties as one threshold, so the scores are left unrounded.
        expected = average_precision_score(relevant, scores / lengths) if relevant.any() else None
        assert found[number] == pytest.approx(expected or np.nan, abs=1e-9, nan_ok=True)


def test_the_ceiling_is_the_same_in_one_chunk_and_in_many(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, queries = coded(0, 30), coded(1, 7)
    metrics = {"mAP": average_precision, "P@1": lambda groups: precision(groups, 1)}
    together = floors.float_ceiling(gallery, queries, metrics)
    monkeypatch.setattr("acir.metrics.ties.PAIRS_AT_ONCE", 30)
    apart = floors.float_ceiling(gallery, queries, metrics)
    assert list(together) == list(apart) == ["mAP", "P@1"]
    assert all(np.array_equal(together[name], apart[name]) for name in metrics)


def test_no_queries_have_no_scores() -> None:
    gallery = coded(0, 5)
    none = gallery[np.zeros(0, dtype=np.int64)]
    assert floors.float_ceiling(gallery, none, {"mAP": average_precision})["mAP"].tolist() == []


def coded(seed: int, n: int) -> CodedSet:
    rng = np.random.default_rng(seed)
    wide = rng.normal(size=(n, 8))
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    return CodedSet(
        rng.integers(0, 256, (n, 1), dtype=np.uint8),
        wide.astype(np.float16),
        np.eye(3, dtype=np.bool_)[rng.integers(0, 3, n)],
        tuple(f"{seed}-{row}" for row in range(n)),
    )
