"""The published loss with its defects, against hand-computed values and naive loops."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import one_hot

from acir.losses import acir_published as published
from acir.losses.acir_published import ACIRPublished
from acir.tensors import Batch, Encoding
from made_gradients import doubles, gradient
from made_pairs import as_function


def random_inputs(seed: int, classes: list[int], bits: int = 16) -> tuple[Encoding, Batch]:
    """Draw an encoding and a batch of pictures of these of three classes."""
    random = torch.Generator().manual_seed(seed)
    n = len(classes)
    nothing = torch.zeros(n, 1)
    encoding = Encoding(
        logits=torch.randn(n, bits, generator=random).requires_grad_(),
        blended=nothing,
        class_logits=torch.randn(n, 3, generator=random).requires_grad_(),
        middle=nothing,
        deep=nothing[..., None, None],
    )
    return encoding, Batch(
        images=torch.zeros(n, 3, 4, 4),
        fingerprints=torch.rand(n, 256, generator=random),
        labels=one_hot(torch.tensor(classes), 3).float(),
        rows=torch.arange(n),
    )


# w_ij


def test_class_weights_by_hand() -> None:
    # N = 40 pictures of C = 2 classes: 40 / (10 * 2) = 2 and 40 / (30 * 2) = 2/3.
    assert published.class_weights((10, 30)).tolist() == pytest.approx([2, 2 / 3])
    assert published.class_weights((4, 0, 4)).tolist() == pytest.approx([2 / 3, 0, 2 / 3])


def test_pair_weight_by_hand() -> None:
    found = published.pair_weight(torch.tensor([0, 1]), torch.tensor([2.0, 2 / 3]))
    assert found.flatten().tolist() == pytest.approx([4, 4 / 3, 4 / 3, 4 / 9])


def test_a_batch_of_one_class_is_not_weighted() -> None:
    found = published.pair_weight(torch.tensor([0, 0]), torch.tensor([2.0, 2 / 3]))
    assert found.tolist() == [[1, 1], [1, 1]]


# S_ij


def test_structure_similarity_is_the_cosine_of_raw_fingerprints() -> None:
    # (3, 4) and (4, 3): 24 / (5 * 5) = 0.96.
    found = published.structure_similarity(torch.tensor([[0.3, 0.4], [0.4, 0.3]]))
    assert found.flatten().tolist() == pytest.approx([1, 0.96, 0.96, 1])


def test_any_two_grey_pictures_are_alike_so_that_no_pair_is_neutral() -> None:
    # Independent pictures around a grey of 0.6 +/- 0.1: cosine = 0.36 / (0.36 + 0.01/3) = 0.99.
    random = torch.Generator().manual_seed(0)
    pictures = 0.5 + 0.2 * torch.rand(20, 256, generator=random)
    assert published.structure_similarity(pictures).min() > 0.98


# d_ij


def test_correlation_distance_by_hand() -> None:
    # Centred: (-1, 0, 1), (-1, 1, 0), (1, 0, -1); correlations 1, 1/2 and -1 with the first.
    logits = torch.tensor([[1.0, 2, 3], [0, 4, 2], [9, 5, 1]])
    found = published.correlation_distance(logits[:1], logits)[0].tolist()
    assert found == pytest.approx([0, 0.25, 1], abs=1e-6)


def test_a_flat_row_is_halfway_from_everything() -> None:
    found = published.correlation_distance(torch.ones(1, 3), torch.tensor([[1.0, 2, 3]]))
    assert found.item() == 0.5


# L_con


def contrast_of(distance: Tensor, same: Tensor, similarity: float = 1.0) -> float:
    ones = torch.ones_like(distance)
    return published.contrast(
        distance=distance, similarity=similarity * ones, same=same, weight=ones
    ).item()


def test_contrast_by_hand() -> None:
    # d = 1/2 in a class: S log 2 = log(2) / 2; d = 1/4 across: exp(S) log 4 = 2 e^(1/2) log 2.
    distance = torch.tensor([[0.5, 0.25], [0.25, 0.5]])
    found = contrast_of(distance, torch.eye(2, dtype=torch.bool), similarity=0.5)
    expected = (math.log(2) / 2 + 2 * math.exp(0.5) * math.log(2)) / 2
    assert found == pytest.approx(expected)


def test_pairs_of_a_picture_with_itself_dilute_the_mean() -> None:
    # Two pictures of two classes, d = 1/2: e log 2 twice, over 4 pairs and not over 2. The
    # diagonal adds -log(1 - 1e-6) = 1e-6 twice.
    distance = torch.tensor([[0.0, 0.5], [0.5, 0]])
    found = contrast_of(distance, torch.eye(2, dtype=torch.bool))
    assert found == pytest.approx((2 * math.e * math.log(2) + 2e-6) / 4)


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_both_logarithms_stay_finite_at_the_ends(end: float) -> None:
    # log 1e-6 = -13.8 at the wrong end; single precision holds 1 - 1e-6 to 5 % of the 1e-6.
    same = torch.full((1, 1), end == 1)
    worst = 13.8155 * (1 if end == 1 else math.e)
    assert contrast_of(torch.full((1, 1), end), same) == pytest.approx(worst, rel=5e-3)


# L_q


def test_quantisation_is_log_one_and_a_half_whatever_the_logits_are() -> None:
    for seed in range(3):
        for size in (0.01, 1, 100):
            found = published.quantisation(size * doubles(4, 24, seed=seed))
            assert found.item() == pytest.approx(math.log(1.5))
    assert published.quantisation(torch.ones(2, 8)).item() == pytest.approx(math.log(1.5))


def test_quantisation_has_no_gradient() -> None:
    logits = doubles(4, 24)
    assert gradient(published.quantisation(logits), logits).abs().max() == 0


# The whole loss


def correlation(a: list[float], b: list[float]) -> float:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    return cosine([x - mean_a for x in a], [x - mean_b for x in b])


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def naive_published(
    encoding: Encoding, batch: Batch, classes: list[int], counts: tuple[int, ...]
) -> tuple[float, float]:
    """Return the contrast and the classification, pair by pair in plain Python."""
    logits, prints = encoding.logits.tolist(), batch.fingerprints.tolist()
    weights = [sum(counts) / (count * len(counts)) for count in counts]
    n = len(logits)
    pairs = 0.0
    for i in range(n):
        for j in range(n):
            alike = cosine(prints[i], prints[j])
            d = min(max((1 - correlation(logits[i], logits[j])) / 2, 1e-6), 1 - 1e-6)
            weight = weights[classes[i]] * weights[classes[j]] if len(set(classes)) > 1 else 1
            if classes[i] == classes[j]:
                pairs += weight * alike * -math.log(1 - d)
            else:
                pairs += weight * math.exp(alike) * -math.log(d)
    classified = sum(
        math.log(sum(math.exp(v) for v in row)) - row[own]
        for row, own in zip(encoding.class_logits.tolist(), classes, strict=True)
    )
    return pairs / n**2, classified / n


@pytest.mark.parametrize("classes", [[0, 1, 2, 0, 2, 2, 1], [1, 1, 1], [0, 2], [2]])
def test_the_loss_is_that_of_two_plain_loops(classes: list[int]) -> None:
    counts = (10, 3, 27)
    encoding, batch = random_inputs(len(classes), classes)
    found = ACIRPublished(class_counts=counts)(encoding, batch)
    contrasted, classified = naive_published(encoding, batch, classes, counts)
    assert found.terms["contrast"].item() == pytest.approx(contrasted, abs=1e-5)
    assert found.terms["quantisation"].item() == pytest.approx(math.log(1.5))
    assert found.terms["classification"].item() == pytest.approx(classified, abs=1e-5)
    total = contrasted + 0.5 * math.log(1.5) + 0.5 * classified
    assert found.total.item() == pytest.approx(total, abs=1e-5)


def test_the_gradient_is_that_of_finite_differences() -> None:
    _, batch = random_inputs(0, [0, 1, 2, 1])
    loss = ACIRPublished(class_counts=(10, 3, 27))
    logits, class_logits = doubles(4, 6, seed=1), doubles(4, 3, seed=2)
    assert gradcheck(as_function(loss, batch), (logits, class_logits))


def test_a_picture_alone_teaches_its_code_nothing() -> None:
    encoding, batch = random_inputs(0, [1])
    total = ACIRPublished(class_counts=(10, 3, 27))(encoding, batch).total
    assert gradient(total, encoding.logits).abs().max() == 0


def test_of_several_labels_the_first_counts() -> None:
    encoding, batch = random_inputs(0, [0, 1, 2])
    several = Batch(
        batch.images,
        batch.fingerprints,
        torch.tensor([[0.0, 0, 0], [0, 1, 1], [0, 0, 1]]),
        batch.rows,
    )
    loss = ACIRPublished(class_counts=(10, 3, 27))
    assert loss(encoding, several).total.item() == loss(encoding, batch).total.item()


def test_classes_at_opposite_corners_cost_nothing_but_the_constant() -> None:
    code = torch.tensor([1.0, 1, -1, -1])
    _, batch = random_inputs(0, [0, 0, 1, 1])
    nothing = torch.zeros(4, 1)
    logits = torch.stack([code, code, -code, -code])
    encoding = Encoding(logits, nothing, 100 * batch.labels, nothing, nothing[..., None, None])
    found = ACIRPublished(class_counts=(2, 2, 0))(encoding, batch).total.item()
    assert found == pytest.approx(0.5 * math.log(1.5), abs=1e-5)


def test_large_logits_stay_finite() -> None:
    encoding, batch = random_inputs(0, [0, 1, 0, 2])
    logits = torch.full((4, 16), 100.0)
    logits[:, ::2] = -100
    logits[3] *= -1
    logits.requires_grad_()
    changed = Encoding(**{**vars(encoding), "logits": logits})
    total = ACIRPublished(class_counts=(10, 3, 27))(changed, batch).total
    assert total.isfinite()
    assert gradient(total, logits).isfinite().all()
