"""The expected Hamming distance to the nearest training code."""

import itertools
import math

import numpy as np
import pytest
import torch

from acir import codes
from acir.ood.code import Code
from acir.tensors import Evidence


def _evidence(logits: torch.Tensor) -> Evidence:
    picture = torch.zeros(len(logits), 3, 2, 2)
    other = torch.ones(len(logits), 1)
    return Evidence(picture, picture, other, other, logits, other)


def _random(count: int, bits: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, bits, generator=torch.Generator().manual_seed(seed))


def test_a_decided_code_scores_its_hamming_distance() -> None:
    seen, asked = _random(30, 16), _random(20, 16, seed=1)
    expected = codes.hamming(codes.pack(asked.numpy()), codes.pack(seen.numpy())).min(axis=1)
    decided = 40 * asked.sign()
    scores = Code().fit(_evidence(seen)).score(_evidence(decided))
    np.testing.assert_allclose(scores, expected, atol=1e-9)


def test_the_score_is_the_expected_distance_of_bits_as_uncertain_as_they_are() -> None:
    # All 256 codes, each with the product of its bits' probabilities (1 +- tanh h) / 2.
    asked = _random(1, 8, seed=2)
    high = (1 + asked[0].double().tanh().numpy()) / 2
    outcomes = np.array(list(itertools.product([-1.0, 1.0], repeat=8)))
    probability = np.where(outcomes > 0, high, 1 - high).prod(axis=1)
    seen = _random(5, 8)
    distances = codes.hamming(codes.pack(outcomes), codes.pack(seen.numpy()))
    expected = (probability @ distances).min()
    assert float(Code().fit(_evidence(seen)).score(_evidence(asked))) == pytest.approx(expected)


def test_agreeing_bits_add_half_their_loss_and_others_one_less_half_of_it() -> None:
    # Losses 1 - |tanh| of 0.5 each; six bits agree: 6 x 0.25 + 2 x 0.75 = 3.
    asked = torch.full((1, 8), math.atanh(0.5))
    asked[0, :2] *= -1
    detector = Code().fit(_evidence(torch.ones(3, 8)))
    assert float(detector.score(_evidence(asked))) == pytest.approx(3, abs=1e-6)


def test_an_undecided_bit_costs_half_a_bit_on_both_sides_of_zero() -> None:
    asked = torch.full((2, 8), 40.0)
    asked[:, 3] = torch.tensor([1e-9, -1e-9])
    scores = Code().fit(_evidence(torch.ones(1, 8))).score(_evidence(asked))
    np.testing.assert_allclose(scores, 0.5, atol=1e-8)


def test_each_code_is_kept_once_and_packed() -> None:
    state = Code().fit(_evidence(torch.cat([_random(4, 16)] * 3))).state()
    assert state["codes"].dtype == torch.uint8
    assert state["codes"].shape == (4, 2)


def test_one_training_picture_is_distance_zero_from_itself() -> None:
    seen = 40 * _random(1, 8).sign()
    assert float(Code().fit(_evidence(seen)).score(_evidence(seen))) == 0


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_single_logit_that_is_no_number_scores_infinity(value: float) -> None:
    asked = torch.ones(1, 8)
    asked[0, 5] = value
    assert Code().fit(_evidence(torch.ones(2, 8))).score(_evidence(asked)) == math.inf
