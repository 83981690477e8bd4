"""What the tests of several blocks share."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

Learns = Callable[..., None]


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Give every test the same random weights and maps."""
    torch.manual_seed(0)


@pytest.fixture
def every_weight_learns() -> Learns:
    """Check that a random projection of the outputs sends a gradient to every parameter."""

    def check(module: nn.Module, *outputs: Tensor) -> None:
        torch.autograd.backward([(out * torch.randn_like(out)).sum() for out in outputs])
        silent = [
            name
            for name, parameter in module.named_parameters()
            if parameter.grad is None or not parameter.grad.abs().sum() > 0
        ]
        assert silent == []

    return check
