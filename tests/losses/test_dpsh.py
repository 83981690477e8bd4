"""Every equation of DPSH against values computed by hand, naive loops and finite differences."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from acir.errors import RecipeError
from acir.losses import dpsh
from acir.losses.dpsh import DPSH
from made_pairs import drawn_logits, over_memory, paired

SETS = one_hot(torch.tensor([0, 0, 1]), 3).float()  # two of one class, one of another


def loss(pictures: int = 20, bits: int = 16, eta: float = 0.1) -> DPSH:
    return DPSH(bits=bits, class_counts=(7, 7, 6), pictures=pictures, eta=eta)


# Theta_ij


def test_theta_by_hand() -> None:
    # (1, 2) . (3, -1) / 2 = 1/2.
    found = dpsh.half_inner_product(torch.tensor([[1.0, 2]]), torch.tensor([[3.0, -1]]))
    assert found.item() == 0.5


# J_2


def test_likelihood_by_hand() -> None:
    # Theta = 0: log 2 either way. Theta = log 3: log(1 + 3) - log 3 = log(4/3) where similar,
    # log 4 where not. Sum: 2 log 2 + log(4/3) + log 4 = log(64/3).
    theta = torch.tensor([[0.0, 0], [math.log(3), math.log(3)]])
    similar = torch.tensor([[True, False], [True, False]])
    found = dpsh.negative_log_likelihood(theta, similar).item()
    assert found == pytest.approx(math.log(64 / 3) / 4)


def test_likelihood_is_torchs_binary_cross_entropy() -> None:
    theta = 5 * drawn_logits(0, 6, 9).detach()
    similar = torch.rand(6, 9, generator=torch.Generator().manual_seed(0)) < 0.5
    expected = binary_cross_entropy_with_logits(theta, similar.float())
    torch.testing.assert_close(dpsh.negative_log_likelihood(theta, similar), expected)


def test_likelihood_does_not_cancel_where_theta_is_large() -> None:
    # log(1 + e^18) - 18 = log(1 + e^-18) = e^-18 to 8 digits; in 32 bits the difference is 0.
    found = dpsh.negative_log_likelihood(torch.tensor([[18.0]]), torch.tensor([[True]]))
    assert found.item() == pytest.approx(math.exp(-18), rel=1e-5)


def test_the_gradient_of_the_likelihood_is_that_of_finite_differences() -> None:
    others = drawn_logits(1, 5, 6, torch.float64).detach()
    similar = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)) < 0.5
    assert gradcheck(
        lambda u: dpsh.negative_log_likelihood(dpsh.half_inner_product(u, others), similar),
        drawn_logits(0, 4, 6, torch.float64),
    )


# J_3, second term


def test_quantisation_by_hand() -> None:
    # (3, -0.5) to (1, -1): 4 + 0.25; (-1, 1): 0. Mean over four logits: 4.25 / 4.
    assert dpsh.quantisation(torch.tensor([[3.0, -0.5], [-1, 1]])).item() == 4.25 / 4


def test_a_logit_of_zero_is_drawn_to_one() -> None:
    logits = torch.zeros(1, 1, requires_grad=True)
    (gradient,) = torch.autograd.grad(dpsh.quantisation(logits), [logits])
    assert gradient.item() == -2  # d/du (1 - u)^2 at 0


def test_the_gradient_of_quantisation_is_that_of_finite_differences() -> None:
    assert gradcheck(dpsh.quantisation, drawn_logits(0, 4, 6, torch.float64))


# The whole loss


def test_the_loss_vanishes_for_opposite_codes_of_many_bits() -> None:
    # Theta = +-32, so that every pair has log(1 + e^-32) = 1e-14.
    code = torch.sign(drawn_logits(0, 1, 64)).detach()
    terms = loss(bits=64)(*paired(torch.cat([code, code, -code]), SETS))
    assert terms.total.item() == pytest.approx(0, abs=1e-12)


def test_the_loss_by_hand() -> None:
    # One bit, logits 2, 1 and 0; the first two are similar.
    # Theta: 2 and 1/2 of 0 and 1 with themselves, 1 between them, 0 with and of picture 2, which
    # is similar to itself. Softplus of minus, minus, ...: s(-2) + s(-1/2) + 2 s(-1) + 5 log 2.
    # Quantisation: (1 + 0 + 1) / 3. Total with eta 0.3: 0.2 more.
    def softplus(x: float) -> float:
        return math.log(1 + math.exp(x))

    expected = (softplus(-2) + softplus(-0.5) + 2 * softplus(-1) + 5 * math.log(2)) / 9
    terms = loss(bits=1, eta=0.3)(*paired(torch.tensor([[2.0], [1], [0]]), SETS))
    assert terms.terms["likelihood"].item() == pytest.approx(expected)
    assert terms.terms["quantisation"].item() == pytest.approx(2 / 3)
    assert terms.total.item() == pytest.approx(expected + 0.2)


def test_the_loss_is_that_of_plain_loops_over_all_pictures_seen_so_far() -> None:
    for terms, batch, seen in over_memory(loss()):
        pairs = [pair(a, b) for a in batch for b in seen]
        likelihood = sum(pairs) / len(pairs)
        squares = [(u - math.copysign(1, u)) ** 2 for a, _ in batch for u in a]
        quantised = sum(squares) / len(squares)
        assert terms.terms["likelihood"].item() == pytest.approx(likelihood)
        assert terms.terms["quantisation"].item() == pytest.approx(quantised)
        assert terms.total.item() == pytest.approx(likelihood + 0.1 * quantised)


def pair(a: tuple[list[float], set[int]], b: tuple[list[float], set[int]]) -> float:
    theta = sum(u * v for u, v in zip(a[0], b[0], strict=True)) / 2
    return math.log(1 + math.exp(theta)) - bool(a[1] & b[1]) * theta


@pytest.mark.parametrize("sign", [1, -1])
def test_logits_of_100_give_a_finite_loss_and_gradient(sign: int) -> None:
    # All Theta = +-16 * 100^2 / 2 = +-80,000; a pair on the wrong side costs as much.
    logits = torch.full((3, 16), 100.0)
    logits[2] *= sign
    logits.requires_grad_()
    terms = loss()(*paired(logits, SETS))
    (gradient,) = torch.autograd.grad(terms.total, [logits])
    assert gradient.isfinite().all()
    wrong = 4 / 9 if sign == 1 else 0  # pictures 0 and 1 with 2, both ways
    assert terms.terms["likelihood"].item() == pytest.approx(80_000 * wrong)


@pytest.mark.parametrize("eta", [-0.1, math.nan, math.inf])
def test_a_weight_out_of_range_is_refused(eta: float) -> None:
    expected = rf"recipe key loss.eta is {eta}, expected a finite number of at least 0"
    with pytest.raises(RecipeError, match=expected):
        loss(eta=eta)
