"""Every equation of DSH against values computed by hand, naive loops and finite differences."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import one_hot

from acir.errors import RecipeError
from acir.losses import dsh
from acir.losses.dsh import DSH
from made_pairs import drawn_logits, over_memory, paired

SETS = one_hot(torch.tensor([0, 0, 1]), 3).float()  # two of one class, one of another


def loss(pictures: int = 20, bits: int = 16, alpha: float = 0.01) -> DSH:
    return DSH(bits=bits, class_counts=(7, 7, 6), pictures=pictures, alpha=alpha)


# || b_i - b_j ||^2


def test_squared_distance_by_hand() -> None:
    # (1, 2) to (3, -1): 4 + 9 = 13; to itself: 0.
    found = dsh.squared_distance(torch.tensor([[1.0, 2]]), torch.tensor([[3.0, -1], [1, 2]]))
    assert found.tolist() == [[13, 0]]


def test_squared_distance_of_codes_is_four_times_that_of_hamming() -> None:
    codes = torch.sign(drawn_logits(0, 9)).detach()
    hamming = (codes[:, None] != codes[None]).sum(dim=2)
    assert dsh.squared_distance(codes, codes).tolist() == (4 * hamming).tolist()


def test_rounding_makes_no_distance_negative() -> None:
    logits = 100 * drawn_logits(0, 50)
    assert dsh.squared_distance(logits, logits).min() >= 0


# Equation 3, first and second term


def test_contrast_by_hand() -> None:
    # m = 8. Similar at 3: 3/2. Others at 3: (8 - 3)/2 = 5/2; at 9: 0. At 0: 8/2 = 4.
    # Mean: (1.5 + 2.5 + 0 + 4) / 4 = 2.
    distance = torch.tensor([[3.0, 3], [9, 0]])
    similar = torch.tensor([[True, False], [False, False]])
    assert dsh.contrast(distance, similar, 8).item() == 2


def test_the_gradient_of_contrast_is_that_of_finite_differences() -> None:
    others = drawn_logits(1, 5, 6, torch.float64).detach()
    similar = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)) < 0.5
    assert gradcheck(
        lambda u: dsh.contrast(dsh.squared_distance(u, others), similar, 12),
        drawn_logits(0, 4, 6, torch.float64),
    )


# Equation 3, third term


def test_quantisation_by_hand() -> None:
    # ||(3, -0.5)| - 1| = 2 + 0.5; ||(-1, 1)| - 1| = 0. Mean over two pictures: 1.25.
    assert dsh.quantisation(torch.tensor([[3.0, -0.5], [-1, 1]])).item() == 1.25


def test_the_gradient_of_quantisation_is_that_of_finite_differences() -> None:
    assert gradcheck(dsh.quantisation, drawn_logits(0, 4, 6, torch.float64))


# The whole loss


def test_the_loss_vanishes_for_codes_that_differ_in_half_of_their_bits() -> None:
    code, far = torch.tensor([1.0, 1, 1, 1]), torch.tensor([1.0, 1, -1, -1])
    terms = loss(bits=4)(*paired(torch.stack([code, code, far]), SETS))
    assert terms.total.item() == 0


def test_the_loss_by_hand() -> None:
    # One bit, m = 2. Logits 2, 1 and 1; the first two are similar.
    # Squared distances: 1 between 0 and 1 and between 0 and 2, else 0.
    # Ordered pairs: (0,1), (1,0) similar: 1/2 each; (0,2), (2,0) not: (2 - 1)/2 each;
    # (1,2), (2,1) not: 2/2 each; three of a picture with itself: 0. Sum 4, mean 4/9.
    # Quantisation: (1 + 0 + 0)/3. Total: 4/9 + 0.3/3.
    terms = loss(bits=1, alpha=0.3)(*paired(torch.tensor([[2.0], [1], [1]]), SETS))
    assert terms.terms["contrast"].item() == pytest.approx(4 / 9)
    assert terms.terms["quantisation"].item() == pytest.approx(1 / 3)
    assert terms.total.item() == pytest.approx(4 / 9 + 0.1)


def test_the_loss_is_that_of_plain_loops_over_all_pictures_seen_so_far() -> None:
    for terms, batch, seen in over_memory(loss()):
        pairs = [pair(a, b, 32) for a in batch for b in seen]
        quantised = sum(abs(abs(u) - 1) for a, _ in batch for u in a) / len(batch)
        assert terms.terms["contrast"].item() == pytest.approx(sum(pairs) / len(pairs))
        assert terms.terms["quantisation"].item() == pytest.approx(quantised)
        total = sum(pairs) / len(pairs) + 0.01 * quantised
        assert terms.total.item() == pytest.approx(total)


def pair(a: tuple[list[float], set[int]], b: tuple[list[float], set[int]], margin: int) -> float:
    distance = sum((u - v) ** 2 for u, v in zip(a[0], b[0], strict=True))
    return (distance if a[1] & b[1] else max(margin - distance, 0)) / 2


def test_a_batch_of_all_pictures_has_half_the_gradient_of_equation_4() -> None:
    labels = one_hot(torch.tensor([0, 1, 2, 0, 2, 1])).float()
    logits = drawn_logits(0, 6)
    (found,) = torch.autograd.grad(loss(pictures=6)(*paired(logits, labels)).total, [logits])
    similar = labels @ labels.T > 0
    pairs = dsh.contrast(torch.cdist(logits, logits).square(), similar, 32)
    own = (logits.abs() - 1).abs().sum(dim=1)
    both_ends = (own[:, None] + own[None]).mean()
    (expected,) = torch.autograd.grad(pairs + 0.01 * both_ends, [logits])
    torch.testing.assert_close(found, expected / 2, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_logits_of_100_give_a_finite_loss_and_gradient(sign: int) -> None:
    logits = torch.full((3, 16), 100.0)
    logits[1:] *= sign
    logits.requires_grad_()
    total = loss()(*paired(logits, SETS)).total
    (gradient,) = torch.autograd.grad(total, [logits])
    assert total.isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("alpha", [-0.1, math.nan, math.inf])
def test_a_weight_out_of_range_is_refused(alpha: float) -> None:
    expected = rf"recipe key loss.alpha is {alpha}, expected a finite number of at least 0"
    with pytest.raises(RecipeError, match=expected):
        loss(alpha=alpha)
