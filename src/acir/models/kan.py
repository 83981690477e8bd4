"""Hash heads: from blended features to hash logits and class logits.

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

from acir.recipe import HeadRecipe

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


class BitBalance(nn.BatchNorm1d):
    """Centre and scale every hash logit over the batch, so that each bit splits the pictures.

    The contrast of codes does not see an offset of a logit, but the bit is its sign: without
    centring, bits stay the same for most pictures. The idea is OrthoHash's (Hoe et al., NeurIPS
    2021, https://arxiv.org/abs/2109.14449). Nothing is learned.

    Args:
        bits: Hash logits.
    """

    def __init__(self, bits: int) -> None:
        super().__init__(bits, affine=False)

    def forward(self, logits: Float[Tensor, "batch bits"]) -> Float[Tensor, "batch bits"]:
        """Return standardised logits; a batch of one picture by the running moments."""
        if self.training and len(logits) > 1:
            return super().forward(logits)
        return F.batch_norm(logits, self.running_mean, self.running_var, eps=self.eps)


class KanHead(nn.Module):
    """Two Kolmogorov-Arnold layers to the bits; the classes are read between them.

    Args:
        dim: Length of the blended features.
        bits: Hash logits.
        classes: Class logits.
        recipe: Width between the layers and grid.
    """

    def __init__(self, dim: int, bits: int, classes: int, recipe: HeadRecipe) -> None:
        super().__init__()
        self.first = KanLayer(dim, recipe.hidden, recipe.grid)
        self.second = KanLayer(recipe.hidden, bits, recipe.grid)
        self.balance = BitBalance(bits)
        self.classes = nn.Linear(recipe.hidden, classes)

    def forward(
        self, blended: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch bits"], Float[Tensor, "batch classes"]]:
        """Return hash logits and class logits."""
        middle = self.first(_standardised(blended))
        return self.balance(self.second(_standardised(middle))), self.classes(middle)


class LinearHead(nn.Module):
    """The plain alternative to `KanHead`: linear, layer norm, GELU, linear.

    Layer norm, not batch norm, so that a batch of one picture can be trained on.

    Args:
        dim: Length of the blended features.
        bits: Hash logits.
        classes: Class logits.
        recipe: Width between the layers.
    """

    def __init__(self, dim: int, bits: int, classes: int, recipe: HeadRecipe) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Linear(dim, recipe.hidden), nn.LayerNorm(recipe.hidden), nn.GELU()
        )
        self.second = nn.Linear(recipe.hidden, bits)
        self.balance = BitBalance(bits)
        self.classes = nn.Linear(recipe.hidden, classes)

    def forward(
        self, blended: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch bits"], Float[Tensor, "batch classes"]]:
        """Return hash logits and class logits."""
        middle = self.first(blended)
        return self.balance(self.second(middle)), self.classes(middle)


def _standardised(x: Float[Tensor, "batch n"]) -> Float[Tensor, "batch n"]:
    return F.layer_norm(x, x.shape[-1:])
