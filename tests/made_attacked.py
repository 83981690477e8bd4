"""Something to attack: a small smooth network of random weights, and random pictures."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def network(bits: int = 16) -> nn.Module:
    """Return a network in float64, so that the size of a batch does not turn a gradient's sign."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = nn.Conv2d(3, 6, 3, padding=1)
        first.weight.data *= 8  # far from linear, so that searches end in different places
        return nn.Sequential(
            first,
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(6 * 6 * 6, bits),
        ).double()


def pictures(count: int, seed: int = 0) -> Float[Tensor, "batch 3 12 12"]:
    """Draw pictures in which about a fifth of the pixels are black and as many white."""
    random = torch.Generator().manual_seed(seed)
    drawn = torch.rand(count, 3, 12, 12, generator=random, dtype=torch.float64)
    return (drawn * 1.6 - 0.3).clamp(0, 1)


def signs(*shape: int, seed: int = 0) -> Float[Tensor, "..."]:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(2, shape, generator=random).double() * 2 - 1


def distance(
    logits: Float[Tensor, "batch bits"], codes: Float[Tensor, "batch bits"]
) -> Float[Tensor, " batch"]:
    """Count differing bits."""
    return ((logits >= 0) != (codes > 0)).sum(dim=1).double()
