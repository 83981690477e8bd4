"""GreedyHash against hand-computed values, a naive loop and its gradient written out."""

import math

import pytest
import torch
from torch.nn.functional import one_hot

from acir.errors import RecipeError
from acir.losses.greedyhash import GreedyHash
from made_gradients import gradient
from made_pairs import paired


def with_weights(rows: list[list[float]], quantisation_weight: float = 0.1) -> GreedyHash:
    """Return the loss with these classifier weights, a row a class."""
    loss = GreedyHash(
        bits=len(rows[0]), class_counts=(1,) * len(rows), quantisation_weight=quantisation_weight
    )
    loss.classifier.weight.data = torch.tensor(rows)
    return loss


# The whole loss


def test_the_loss_by_hand() -> None:
    # The code (+1, -1) scores log(3)/2 + log(3)/2 = log 3 for class 0 and 0 for class 1: the right
    # class has 3/4, so log(4/3). Quantisation: (2 - 1)^3 and (1/2)^3 in the mean, 9/16.
    loss = with_weights([[math.log(3) / 2, -math.log(3) / 2], [0, 0]], quantisation_weight=0.2)
    found = loss(*paired(torch.tensor([[2.0, -0.5]]), torch.tensor([[1.0, 0]])))
    assert found.terms["classification"].item() == pytest.approx(math.log(4 / 3))
    assert found.terms["quantisation"].item() == pytest.approx(9 / 16)
    assert found.total.item() == pytest.approx(math.log(4 / 3) + 0.2 * 9 / 16)


def test_the_classifier_sees_signs_only() -> None:
    loss = with_weights([[0.3, -1.0], [0.7, 0.4]], quantisation_weight=0.0)
    labels = torch.tensor([[1.0, 0]])
    near, far = torch.tensor([[0.1, -0.2]]), torch.tensor([[80.0, -3]])
    assert loss(*paired(near, labels)).total.item() == loss(*paired(far, labels)).total.item()


def test_the_gradient_of_the_logits_is_that_of_their_code() -> None:
    # Scores log 3 and 0 as above: softmax minus target is (3/4 - 1, 1/4); through the weights
    # (log(3)/2, -log(3)/2) and (0, 0) the bits receive -1/4 of the first row.
    loss = with_weights([[math.log(3) / 2, -math.log(3) / 2], [0, 0]], quantisation_weight=0.0)
    logits = torch.tensor([[2.0, -0.5]], requires_grad=True)
    found = gradient(loss(*paired(logits, torch.tensor([[1.0, 0]]))).total, logits)
    expected = [-math.log(3) / 8, math.log(3) / 8]
    assert found[0].tolist() == pytest.approx(expected)


def test_the_classifier_is_trained_and_has_no_bias() -> None:
    loss = GreedyHash(bits=8, class_counts=(1, 1, 1))
    assert [tuple(p.shape) for p in loss.parameters()] == [(3, 8)]
    loss(*paired(torch.ones(2, 8), torch.eye(3)[:2])).total.backward()
    assert loss.classifier.weight.grad is not None
    assert loss.classifier.weight.grad.abs().min() > 0


def naive_greedyhash(
    logits: list[list[float]], labels: list[list[float]], weights: list[list[float]]
) -> tuple[float, float]:
    classified = quantised = 0.0
    for row, has in zip(logits, labels, strict=True):
        code = [1 if u >= 0 else -1 for u in row]
        scores = [sum(w * b for w, b in zip(line, code, strict=True)) for line in weights]
        normaliser = math.log(sum(math.exp(score) for score in scores))
        own = [normaliser - score for score, label in zip(scores, has, strict=True) if label]
        classified += sum(own) / max(len(own), 1)
        quantised += sum(abs(abs(u) - 1) ** 3 for u in row) / len(row)
    return classified / len(logits), quantised / len(logits)


@pytest.mark.parametrize("several", [False, True])
def test_the_loss_is_that_of_plain_loops(several: bool) -> None:
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(6, 8, generator=random)
    labels = one_hot(torch.tensor([0, 1, 2, 2, 1, 2])).float()
    if several:
        labels = torch.tensor([[0.0, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0]])
    loss = GreedyHash(bits=8, class_counts=(1, 1, 1))
    found = loss(*paired(logits, labels))
    weights = loss.classifier.weight.tolist()
    classified, quantised = naive_greedyhash(logits.tolist(), labels.tolist(), weights)
    assert found.terms["classification"].item() == pytest.approx(classified, abs=1e-6)
    assert found.terms["quantisation"].item() == pytest.approx(quantised, abs=1e-6)
    assert found.total.item() == pytest.approx(classified + 0.1 * quantised, abs=1e-6)


def test_codes_that_a_steep_classifier_tells_apart_cost_nothing() -> None:
    codes = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1]])
    loss = with_weights((50 * codes).tolist())
    assert loss(*paired(codes, torch.eye(2))).total.item() == 0


def test_large_logits_stay_finite() -> None:
    # (100 - 1)^3 = 970,299, and its derivative 3 * 99^2 = 29,403, shared by 8 bits.
    logits = torch.full((1, 8), 100.0, requires_grad=True)
    loss = with_weights([[0.0] * 8] * 2, quantisation_weight=1.0)
    total = loss(*paired(logits, torch.tensor([[1.0, 0]]))).total
    assert total.item() == pytest.approx(970_299 + math.log(2))
    assert gradient(total, logits).tolist()[0] == pytest.approx([29_403 / 8] * 8)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    expected = f"loss.quantisation_weight is {weight}, expected a finite number of at least 0"
    with pytest.raises(RecipeError, match=expected):
        GreedyHash(bits=8, class_counts=(1, 1), quantisation_weight=weight)
