"""Kolmogorov-Arnold layers.

Liu et al., "KAN: Kolmogorov-Arnold Networks" (arXiv 2404.19756), eq. 2.10: an edge carries
w_b silu(x) + w_s spline(x) instead of a number. Their grid follows the data; ours is fixed, and
the data are brought to it: each layer's input is normalised to mean 0 and variance 1 over the
picture's own values, of which all but a few in a thousand then fall inside [-3, 3].
"""

from math import sqrt

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

DEGREE = 3
LIMIT = 3.0
NOISE = 0.1


def splines(x: Float[Tensor, "*shape"], grid: int) -> Float[Tensor, "*shape bases"]:
    """Evaluate the grid + 3 cubic B-splines over [-LIMIT, LIMIT] cut into `grid` intervals.

    On uniform knots they are one bell, shifted: (max(2 - |u|, 0)^3 - 4 max(1 - |u|, 0)^3) / 6,
    with u counted in intervals from its centre. Inside the limits they sum to 1; beyond, they
    fade to 0 within three intervals.
    """
    step = 2 * LIMIT / grid
    centres = torch.arange(-1, grid + 2, device=x.device, dtype=x.dtype)
    distance = ((x[..., None] + LIMIT) / step - centres).abs()
    outer, inner = F.relu(2 - distance), F.relu(1 - distance)
    return (outer * outer * outer - 4 * inner * inner * inner) / 6


class KanLayer(nn.Module):
    """Sum over inputs of a learned function on each edge: w_b silu(x) + w_s spline(x).

    Args:
        inputs: Number of inputs.
        outputs: Number of outputs.
        grid: Intervals of the grid; an edge has grid + 3 coefficients.
    """

    def __init__(self, inputs: int, outputs: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        width = 1 / sqrt(inputs)
        self.base = nn.Parameter(torch.randn(outputs, inputs) * width)
        self.coefficients = nn.Parameter(torch.randn(outputs, inputs, grid + DEGREE) * NOISE)
        self.scale = nn.Parameter(torch.full((outputs, inputs), width))

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        """Return the sums; defined for every real input."""
        bases = rearrange(splines(x, self.grid), "b inputs bases -> b (inputs bases)")
        weights = self.coefficients * self.scale[..., None]
        curves = F.linear(bases, rearrange(weights, "out inputs bases -> out (inputs bases)"))
        return F.linear(F.silu(x), self.base) + curves
