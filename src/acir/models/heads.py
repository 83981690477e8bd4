"""Hash heads: from blended features to hash logits and class logits."""

from collections.abc import Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from acir.codes import nested_lengths
from acir.models.kan import KanLayer
from acir.models.standardise import Standardise
from acir.recipe import HeadRecipe
from acir.tensors import binarised


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


class Beginning(nn.Module):
    """Show the beginning of a code alone while it is learned: 0 for the other bits.

    How many bits that are is drawn for each picture from the nested lengths, so that the classes
    are in the first bits already. The idea is nested dropout (Rippel, Gelbart and Adams, "Learning
    Ordered Representations with Nested Dropout", ICML 2014, https://arxiv.org/abs/1402.0915).

    Args:
        bits: Length of the code.
    """

    shown: Bool[Tensor, "lengths bits"]

    def __init__(self, bits: int) -> None:
        super().__init__()
        lengths = torch.tensor(nested_lengths(bits))
        shown = torch.arange(bits) < rearrange(lengths, "n -> n 1")
        self.register_buffer("shown", shown, persistent=False)

    def forward(self, code: Float[Tensor, "batch bits"]) -> Float[Tensor, "batch bits"]:
        """Return the beginnings in training, and else the codes as they are."""
        if not self.training:
            return code
        return code * self.shown[torch.randint(len(self.shown), (len(code),))]


class LinearHead(nn.Module):
    """One linear layer to the bits; the classes are read from the hash logits.

    So the classes teach the code itself, and no weight lies between the two.

    Args:
        dim: Length of the blended features.
        bits: Hash logits.
        classes: Class logits.
        recipe: Balance, nested codes.
    """

    def __init__(self, dim: int, bits: int, classes: int, recipe: HeadRecipe) -> None:
        super().__init__()
        self.bits = nn.Linear(dim, bits)
        self.balance = _balance(bits, recipe)
        self.beginning = Beginning(bits) if recipe.nested else nn.Identity()
        self.classes = nn.Linear(bits, classes)

    def forward(
        self, blended: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch bits"], Float[Tensor, "batch classes"]]:
        """Return hash logits and class logits."""
        logits = self.balance(self.bits(blended))
        return logits, self.classes(self.beginning(logits))


class SignHead(LinearHead):
    """As the linear head, but the classes are read from the code: the signs, not the logits.

    So a class is learned from nothing that the code does not hold. The idea is GreedyHash's (Su et
    al., NeurIPS 2018, https://papers.nips.cc/paper/7360).
    """

    def forward(
        self, blended: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch bits"], Float[Tensor, "batch classes"]]:
        """Return hash logits and class logits."""
        logits = self.balance(self.bits(blended))
        return logits, self.classes(self.beginning(binarised(logits)))


Head = KanHead | MlpHead | LinearHead
HEADS: Mapping[str, type[Head]] = MappingProxyType(
    {"kan": KanHead, "mlp": MlpHead, "linear": LinearHead, "sign": SignHead}
)


def _balance(bits: int, recipe: HeadRecipe) -> nn.Module:
    """Let each bit split the pictures.

    The contrast of codes does not see an offset of a logit, but the bit is its sign: without
    centring, bits stay the same for most pictures. The idea is OrthoHash's (Hoe et al., NeurIPS
    2021, https://arxiv.org/abs/2109.14449).
    """
    return Standardise(bits) if recipe.balance else nn.Identity()


def _standardised(x: Float[Tensor, "batch n"]) -> Float[Tensor, "batch n"]:
    return F.layer_norm(x, x.shape[-1:])
