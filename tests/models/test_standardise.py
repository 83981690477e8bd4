"""Standardisation over a batch, and of one picture alone."""

import torch

from acir.models.standardise import Standardise


def test_a_batch_is_centred_and_scaled_feature_by_feature() -> None:
    torch.manual_seed(0)
    found = Standardise(3).train()(torch.randn(50, 3) * torch.tensor([1.0, 20, 300]) + 7)
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.var(dim=0, correction=0), torch.ones(3), atol=1e-3, rtol=0)


def test_a_batch_of_one_is_standardised_by_the_running_moments() -> None:
    balance = Standardise(2).train()
    assert balance.running_mean is not None
    balance.running_mean.copy_(torch.tensor([1.0, -2.0]))
    # (3 - 1) / sqrt(1 + 1e-5) and (0 + 2) / sqrt(1 + 1e-5)
    torch.testing.assert_close(
        balance(torch.tensor([[3.0, 0.0]])), torch.tensor([[2.0, 2.0]]), atol=1e-4, rtol=0
    )
    assert balance.running_mean.tolist() == [1.0, -2.0]
