"""Hash heads: from blended features to hash logits and class logits."""

from collections.abc import Mapping
from types import MappingProxyType

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acir.models.kan import KanLayer
from acir.recipe import HeadRecipe


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
        recipe: Width between the layers, grid, balance.
    """

    def __init__(self, dim: int, bits: int, classes: int, recipe: HeadRecipe) -> None:
        super().__init__()
        self.first = KanLayer(dim, recipe.hidden, recipe.grid)
        self.second = KanLayer(recipe.hidden, bits, recipe.grid)
        self.balance = _balance(bits, recipe)
        self.classes = nn.Linear(recipe.hidden, classes)

    def forward(
        self, blended: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch bits"], Float[Tensor, "batch classes"]]:
        """Return hash logits and class logits."""
        middle = self.first(_standardised(blended))
        return self.balance(self.second(_standardised(middle))), self.classes(middle)


class MlpHead(nn.Module):
    """Linear, layer norm, GELU, linear; the classes are read between the two.

    Layer norm, not batch norm, so that a batch of one picture can be trained on.

    Args:
        dim: Length of the blended features.
        bits: Hash logits.
        classes: Class logits.
        recipe: Width between the layers, balance.
    """

    def __init__(self, dim: int, bits: int, classes: int, recipe: HeadRecipe) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Linear(dim, recipe.hidden), nn.LayerNorm(recipe.hidden), nn.GELU()
        )
        self.second = nn.Linear(recipe.hidden, bits)
        self.balance = _balance(bits, recipe)
        self.classes = nn.Linear(recipe.hidden, classes)

    def forward(
        self, blended: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch bits"], Float[Tensor, "batch classes"]]:
        """Return hash logits and class logits."""
        middle = self.first(blended)
        return self.balance(self.second(middle)), self.classes(middle)


class LinearHead(nn.Module):
    """One linear layer to the bits; the classes are read from the hash logits.

    So the classes teach the code itself, and no weight lies between the two.

    Args:
        dim: Length of the blended features.
        bits: Hash logits.
        classes: Class logits.
        recipe: Balance.
    """

    def __init__(self, dim: int, bits: int, classes: int, recipe: HeadRecipe) -> None:
        super().__init__()
        self.bits = nn.Linear(dim, bits)
        self.balance = _balance(bits, recipe)
        self.classes = nn.Linear(bits, classes)

    def forward(
        self, blended: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch bits"], Float[Tensor, "batch classes"]]:
        """Return hash logits and class logits."""
        logits = self.balance(self.bits(blended))
        return logits, self.classes(logits)


Head = KanHead | MlpHead | LinearHead
HEADS: Mapping[str, type[Head]] = MappingProxyType(
    {"kan": KanHead, "mlp": MlpHead, "linear": LinearHead}
)


def _balance(bits: int, recipe: HeadRecipe) -> nn.Module:
    return BitBalance(bits) if recipe.balance else nn.Identity()


def _standardised(x: Float[Tensor, "batch n"]) -> Float[Tensor, "batch n"]:
    return F.layer_norm(x, x.shape[-1:])
