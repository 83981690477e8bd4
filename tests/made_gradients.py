"""Numbers to differentiate at, and what comes out."""

import torch
from jaxtyping import Float
from torch import Tensor


def doubles(*shape: int, seed: int = 0) -> Float[Tensor, "..."]:
    """Draw differentiable numbers in float64, as finite differences need them."""
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64).requires_grad_()


def gradient(value: Float[Tensor, ""], at: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return the derivative of one number."""
    (found,) = torch.autograd.grad(value, [at])
    return found
