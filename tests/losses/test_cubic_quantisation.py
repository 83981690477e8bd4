"""The cubic quantisation term by hand and by finite differences."""

import pytest
import torch
from torch.autograd import gradcheck

from acir.losses.base import cubic_quantisation


def test_three_logits_by_hand() -> None:
    # | |3| - 1 |^3 = 8, | |-1/2| - 1 |^3 = 1/8, | |-1| - 1 |^3 = 0, | |0| - 1 |^3 = 1; sum 9.125.
    logits = torch.tensor([[3.0, -0.5], [-1, 0]])
    assert cubic_quantisation(logits).item() == pytest.approx(9.125 / 4)


def test_codes_cost_nothing() -> None:
    assert cubic_quantisation(torch.tensor([[1.0, -1, -1, 1]])).item() == 0


def test_the_gradient_by_hand() -> None:
    # d/du (u - 1)^3 = 3 (3 - 1)^2 = 12 at u = 3; d/du (1 + u)^3 = 3 (1/2)^2 = 3/4 at u = -1/2:
    # descent moves both towards the bit of their sign.
    logits = torch.tensor([[3.0, -0.5]], requires_grad=True)
    (found,) = torch.autograd.grad(cubic_quantisation(logits) * 2, [logits])
    assert found.tolist() == [[12, 0.75]]


def test_the_gradient_is_that_of_finite_differences() -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 6, generator=random, dtype=torch.float64).requires_grad_()
    assert gradcheck(cubic_quantisation, logits)
