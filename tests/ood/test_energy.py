"""The free energy of the class logits."""

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp  # type: ignore[import-untyped]

from acir.ood.energy import Energy
from acir.tensors import Evidence


def _evidence(class_logits: torch.Tensor) -> Evidence:
    picture = torch.zeros(len(class_logits), 3, 2, 2)
    other = torch.ones(len(class_logits), 1)
    return Evidence(picture, picture, other, other, other, class_logits)


def test_the_energy_is_minus_the_logarithm_of_the_sum_of_exponentials() -> None:
    # -log(1 + 2 + 3) = -log 6
    logits = torch.tensor([[1.0, 2.0, 3.0]]).log()
    assert float(Energy().score(_evidence(logits))) == pytest.approx(-math.log(6), abs=1e-6)


def test_it_agrees_with_scipy_where_exponentials_overflow() -> None:
    logits = 500 * torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    expected = -logsumexp(logits.double().numpy(), axis=1)
    np.testing.assert_allclose(Energy().score(_evidence(logits)), expected, rtol=1e-12)


def test_logits_that_sink_together_are_more_outlying_by_as_much() -> None:
    logits = torch.tensor([[4.0, 0.0, 1.0]])
    low, high = Energy().score(_evidence(torch.cat([logits, logits - 3])))
    assert float(high - low) == pytest.approx(3)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_single_logit_that_is_no_number_scores_infinity(value: float) -> None:
    assert Energy().score(_evidence(torch.tensor([[1.0, value, 2.0]]))) == math.inf
