"""Every equation of DCH against values computed by hand, naive loops and finite differences."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import one_hot

from acir.errors import RecipeError
from acir.losses import dch
from acir.losses.dch import DCH
from made_pairs import drawn_labels, drawn_logits, paired, sets

SETS = one_hot(torch.tensor([0, 0, 1]), 3).float()  # two of one class, one of another


# Equation 6


def test_distance_by_hand() -> None:
    # (3, 4) and (4, 3): cos 24/25, d = 2/2 (1/25) = 0.04; and (-4, -3): 1 + 24/25 = 1.96.
    found = dch.pair_distance(torch.tensor([[3.0, 4], [4, 3], [-4, -3]]))
    assert found[0].tolist() == pytest.approx([1e-6, 0.04, 1.96], abs=1e-6)


def test_distance_of_codes_is_that_of_hamming() -> None:
    codes = torch.sign(drawn_logits(0, 9)).detach()
    hamming = (codes[:, None] != codes[None]).sum(dim=2).float()
    torch.testing.assert_close(dch.pair_distance(codes), hamming, atol=1e-5, rtol=0)


def test_distance_does_not_see_the_length_of_logits() -> None:
    logits = drawn_logits(0, 5)
    torch.testing.assert_close(
        dch.pair_distance(7 * logits), dch.pair_distance(logits), atol=1e-5, rtol=0
    )


# Equation 8


def test_cross_entropy_by_hand() -> None:
    # gamma = 2. Similar at 6: log(6/2) + log(1 + 2/6) = log 4, weight 3.
    # Others at 2: log 2; at 1: log 3; weight 3/2. Mean of three: log 4 + log(6) / 2.
    found = dch.cross_entropy(
        torch.tensor([6.0, 2, 1]), torch.tensor([True, False, False]), gamma=2.0
    )
    assert found.item() == pytest.approx(math.log(4) + math.log(6) / 2)


def test_at_gamma_a_pair_costs_as_much_similar_or_not() -> None:
    # log(20/20) + log 2 = log(1 + 20/20).
    for similar in (True, False):
        found = dch.cross_entropy(torch.tensor([20.0]), torch.tensor([similar]), gamma=20.0)
        assert found.item() == pytest.approx(math.log(2))


def test_no_pairs_have_no_cross_entropy() -> None:
    assert dch.cross_entropy(torch.zeros(0), torch.zeros(0, dtype=torch.bool), 20.0).item() == 0


def test_the_gradient_of_cross_entropy_is_that_of_finite_differences() -> None:
    others = ~torch.eye(4, dtype=torch.bool)
    similar = torch.rand(12, generator=torch.Generator().manual_seed(0)) < 0.5

    def value(logits: Tensor) -> Tensor:
        return dch.cross_entropy(dch.pair_distance(logits)[others], similar, 3.0)

    assert gradcheck(value, drawn_logits(0, 4, 6, torch.float64))


# Equation 9


def test_quantisation_by_hand() -> None:
    # |h| = (3, 4, 0, 0): cos with ones 7 / (5 * 2) = 0.7, d = 4/2 * 0.3 = 0.6, log(1 + 0.6/3).
    # |h| = (2, 2, 2, 2): 0. Mean: log(1.2) / 2.
    logits = torch.tensor([[3.0, -4, 0, 0], [2, -2, -2, 2]])
    assert dch.quantisation(logits, 3.0).item() == pytest.approx(math.log(1.2) / 2, abs=1e-6)


def test_the_gradient_of_quantisation_is_that_of_finite_differences() -> None:
    assert gradcheck(lambda h: dch.quantisation(h, 3.0), drawn_logits(0, 4, 6, torch.float64))


# The whole loss


def test_the_loss_is_least_for_one_code_a_class_and_opposite_codes_between() -> None:
    # Similar pairs: 0. Others at d = K = 16: log(1 + 20/16). Quantisation: 0.
    code = torch.sign(drawn_logits(0, 1)).detach()
    terms = DCH()(*paired(torch.cat([code, code, -code]), SETS))
    assert terms.total.item() == pytest.approx(math.log(1 + 20 / 16), abs=1e-5)


@pytest.mark.parametrize("pictures", [1, 2, 7])
def test_the_loss_is_that_of_plain_loops(pictures: int) -> None:
    logits, labels = drawn_logits(0, pictures), drawn_labels(0, pictures)
    rows, own = logits.tolist(), sets(labels)
    costs: dict[bool, list[float]] = {True: [], False: []}
    for i in range(pictures):
        for j in range(pictures):
            if i != j:
                similar = bool(own[i] & own[j])
                d = 16 / 2 * (1 - cosine(rows[i], rows[j]))
                costs[similar].append(similar * math.log(d / 20) + math.log(1 + 20 / d))
    crossed = sum(sum(kind) / len(kind) for kind in costs.values() if kind)
    quantised = sum(
        math.log(1 + 8 * (1 - cosine([abs(h) for h in row], [1.0] * 16)) / 20) for row in rows
    )
    terms = DCH()(*paired(logits, labels))
    assert terms.terms["cross_entropy"].item() == pytest.approx(crossed, rel=1e-5)
    assert terms.terms["quantisation"].item() == pytest.approx(quantised / pictures, rel=1e-5)
    total = crossed + 0.1 * quantised / pictures
    assert terms.total.item() == pytest.approx(total, rel=1e-5)


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def test_close_pictures_of_other_classes_are_still_pushed_apart() -> None:
    # cos > 0.99, where DeepHash-pytorch has no gradient.
    logits = torch.ones(2, 16)
    logits[1, 0] = 1.2
    logits.requires_grad_()
    total = DCH(quantisation_weight=0.0)(*paired(logits, torch.eye(2))).total
    (gradient,) = torch.autograd.grad(total, [logits])
    assert gradient[1, 0] < 0  # a larger logit lowers the loss
    assert gradient.isfinite().all()


@pytest.mark.parametrize("sign", [1, -1])
def test_logits_of_100_give_a_finite_loss_and_gradient(sign: int) -> None:
    logits = torch.full((3, 16), 100.0)
    logits[2] *= sign
    logits.requires_grad_()
    total = DCH()(*paired(logits, SETS)).total
    (gradient,) = torch.autograd.grad(total, [logits])
    assert gradient.isfinite().all()
    # Similar pairs cost nothing; the others are at d = 8e-6 or 16.
    assert total.item() == pytest.approx(math.log(1 + 20 / (8e-6 if sign == 1 else 16)), rel=1e-4)


@pytest.mark.parametrize("gamma", [0.0, -1.0, math.nan, math.inf])
def test_a_gamma_out_of_range_is_refused(gamma: float) -> None:
    expected = rf"recipe key loss.gamma is {gamma}, expected a finite number above 0"
    with pytest.raises(RecipeError, match=expected):
        DCH(gamma=gamma)


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_a_quantisation_weight_out_of_range_is_refused(weight: float) -> None:
    expected = (
        rf"recipe key loss.quantisation_weight is {weight}, expected a finite number of at least 0"
    )
    with pytest.raises(RecipeError, match=expected):
        DCH(quantisation_weight=weight)
