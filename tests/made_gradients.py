"""Numbers to differentiate at, what comes out, and the weights that nothing reaches."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def doubles(*shape: int, seed: int = 0) -> Float[Tensor, "..."]:
    """Draw differentiable numbers in float64, as finite differences need them."""
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64).requires_grad_()


def gradient(value: Float[Tensor, ""], at: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return the derivative of one number."""
    (found,) = torch.autograd.grad(value, [at])
    return found


def silent_weights(module: nn.Module, *outputs: Float[Tensor, "..."]) -> list[str]:
    """Name the parameters that a random projection of the outputs sends no gradient."""
    torch.autograd.backward([(out * torch.randn_like(out)).sum() for out in outputs])
    return [
        name
        for name, parameter in module.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
