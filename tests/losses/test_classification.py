"""The classification baseline, and the cross-entropy that several losses share."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import cross_entropy, one_hot

from acir.losses.base import label_cross_entropy
from acir.losses.classification import Classification
from made_gradients import doubles
from made_pairs import as_function, paired


def with_weights(rows: list[list[float]], bias: list[float]) -> Classification:
    """Return the loss with this classifier, a row a class."""
    loss = Classification(bits=len(rows[0]), class_counts=(1,) * len(rows))
    loss.classifier.weight.data = torch.tensor(rows, dtype=torch.float32)
    loss.classifier.bias.data = torch.tensor(bias, dtype=torch.float32)
    return loss


# label_cross_entropy


def test_cross_entropy_by_hand() -> None:
    # Equal logits give each of 4 classes 1/4, so log 4; the second picture, log 3 above three
    # zeros, has 3 / (3 + 3) = 1/2 for its class, so log 2. Mean: 1.5 log 2.
    class_logits = torch.tensor([[0.0, 0, 0, 0], [math.log(3), 0, 0, 0]])
    labels = one_hot(torch.tensor([1, 0]), 4).float()
    assert label_cross_entropy(class_logits, labels).item() == pytest.approx(1.5 * math.log(2))


def test_cross_entropy_of_single_labels_is_torchs() -> None:
    random = torch.Generator().manual_seed(0)
    class_logits, classes = torch.randn(7, 3, generator=random), torch.tensor([0, 1, 2, 0, 2, 2, 1])
    found = label_cross_entropy(class_logits, one_hot(classes).float())
    torch.testing.assert_close(found, cross_entropy(class_logits, classes))


def test_several_labels_share_the_target_and_none_contribute_nothing() -> None:
    # Two labels of three at logits (0, 0, 0): 2 * 1/2 log 3; none: 0. Mean: log(3) / 2.
    labels = torch.tensor([[1.0, 1, 0], [0, 0, 0]])
    assert label_cross_entropy(torch.zeros(2, 3), labels).item() == pytest.approx(math.log(3) / 2)


def test_cross_entropy_stays_finite_for_large_logits() -> None:
    class_logits = torch.tensor([[100.0, -100]])
    assert label_cross_entropy(class_logits, torch.tensor([[0.0, 1]])).item() == pytest.approx(200)


def test_the_gradient_of_cross_entropy_is_softmax_minus_target() -> None:
    class_logits = torch.randn(7, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    labels = one_hot(torch.tensor([0, 1, 2, 0, 2, 2, 1]), 3).float()
    (found,) = torch.autograd.grad(label_cross_entropy(class_logits, labels), [class_logits])
    torch.testing.assert_close(found, ((class_logits.softmax(dim=1) - labels) / 7).detach())


# The baseline


def test_the_loss_by_hand() -> None:
    # 2 * 1 + 3 * 0.5 - 2.5 = 1 and 0: the right class has e / (e + 1), so log(1 + 1/e).
    loss = with_weights([[2.0, 3], [0, 0]], bias=[-2.5, 0])
    found = loss(*paired(torch.tensor([[1.0, 0.5]]), torch.tensor([[1.0, 0]])))
    assert found.total.item() == pytest.approx(math.log1p(math.exp(-1)))
    assert found.terms["classification"].item() == found.total.item()


def test_the_classifier_sees_the_logits_and_not_their_signs() -> None:
    loss = with_weights([[1.0, 0], [0, 0]], bias=[0, 0])
    labels = torch.tensor([[1.0, 0]])
    near = loss(*paired(torch.tensor([[1.0, 1]]), labels)).total.item()
    assert loss(*paired(torch.tensor([[5.0, 1]]), labels)).total.item() < near


def test_the_loss_is_that_of_plain_loops() -> None:
    logits = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    classes = [0, 2, 1, 2, 2]
    loss = Classification(bits=8, class_counts=(1, 1, 3))
    weights, bias = loss.classifier.weight.tolist(), loss.classifier.bias.tolist()
    expected = 0.0
    for row, own in zip(logits.tolist(), classes, strict=True):
        scores = [
            b + sum(w * u for w, u in zip(line, row, strict=True))
            for line, b in zip(weights, bias, strict=True)
        ]
        expected += math.log(sum(math.exp(s) for s in scores)) - scores[own]
    found = loss(*paired(logits, one_hot(torch.tensor(classes)).float())).total.item()
    assert found == pytest.approx(expected / 5, abs=1e-6)


def test_logits_far_on_the_right_side_cost_nothing() -> None:
    loss = with_weights([[1.0, 0], [0, 1]], bias=[0, 0])
    assert loss(*paired(torch.tensor([[100.0, -100], [-100, 100]]), torch.eye(2))).total.item() == 0


def test_the_classifier_is_trained() -> None:
    loss = Classification(bits=8, class_counts=(1, 1, 1))
    assert [tuple(p.shape) for p in loss.parameters()] == [(3, 8), (3,)]
    loss(*paired(torch.ones(2, 8), torch.eye(3)[:2])).total.backward()
    assert all(p.grad is not None and p.grad.abs().min() > 0 for p in loss.parameters())


def test_the_gradient_is_that_of_finite_differences() -> None:
    loss = Classification(bits=6, class_counts=(1, 1, 1)).double()
    labels = one_hot(torch.tensor([0, 1, 2, 1])).float()
    logits = doubles(4, 6)
    _, batch = paired(logits, labels)
    assert gradcheck(as_function(loss, batch), logits)
