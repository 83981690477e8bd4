"""What an attack lowers: the distance of a picture's code to its goal, and what a gate sees.

A code's bits have no derivative. The searches follow tanh(alpha u) in their place, with an alpha
that grows as the search goes on, as HAG does; and they keep the picture whose real bits are best.

Ours differs in one thing: u are the logits divided by their mean size on the clean picture. A code
does not change when a network's logits are all multiplied by 1000, but tanh would be flat and
every attack would stand still: a defence only on paper.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks.ball import Images, check_images

Logits: TypeAlias = Callable[[Images], Float[Tensor, "batch bits"]]
ALPHAS = (0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""For each tenth of a search, as in HAG."""


@dataclass(frozen=True, kw_only=True)
class Penalty:
    """What an adaptive attack keeps low besides, such as the scores of a gate.

    Attributes:
        scores: One number a picture, differentiable, higher = easier to notice.
        weight: Their weight, 0 or more, beside the distance to the goal as a share of the bits in
            [0, 1]; lambda in the literature. At 0 the scores are not asked for.

    Raises:
        UsageError: The weight is below 0 or not finite.
    """

    scores: Callable[[Images], Float[Tensor, " batch"]]
    weight: float

    def __post_init__(self) -> None:
        """Refuse a weight that would reward being noticed."""
        if not 0 <= self.weight < inf:
            raise UsageError(f"the penalty's weight is {self.weight:g}, expected 0 or more")


@dataclass(frozen=True)
class Best:
    """The best pictures found so far, with their costs."""

    images: Images
    costs: Float[Tensor, " batch"]

    def better(self, images: Images, costs: Float[Tensor, " batch"]) -> "Best":
        """Take each picture of lower cost in place of the one held."""
        wins = costs < self.costs
        chosen = torch.where(rearrange(wins, "b -> b 1 1 1"), images, self.images)
        return Best(chosen, torch.where(wins, costs, self.costs))


class Objective:
    """The cost of pictures, and its slope.

    Args:
        logits: What is attacked.
        images: The clean pictures.
        goals: A code for each of them, of -1 and +1.
        penalty: What is kept low besides.

    Attributes:
        clean: The clean pictures with their costs.

    Raises:
        UsageError: Pictures beyond [0, 1], or goals that are no codes of `logits`.
    """

    def __init__(
        self,
        *,
        logits: Logits,
        images: Images,
        goals: Float[Tensor, "goals bits"],
        penalty: Penalty | None = None,
    ) -> None:
        check_images(images)
        check_codes(goals)
        with torch.no_grad():
            found = logits(images)
        if found.shape != goals.shape:
            raise UsageError(
                f"there are {len(goals)} goals of {goals.shape[1]} bits for {len(found)} pictures "
                f"with codes of {found.shape[1]}, expected one goal a picture and as many bits"
            )
        self.logits, self.goals = logits, goals
        self.penalty = penalty if penalty and penalty.weight else None
        smallest = torch.finfo(found.dtype).tiny  # where all logits are 0
        self.scales = found.abs().mean(dim=1, keepdim=True).clamp(min=smallest)
        with torch.no_grad():
            self.clean = Best(images, self._cost(found, self._noticed(images)))

    def costs(self, images: Images) -> Float[Tensor, " batch"]:
        """Return the distance to the goal as a share of the bits, and the weighted penalty.

        Of pictures with as many bits to go, that with the relaxed code nearer to the goal costs
        less, always by less than one bit.
        """
        with torch.no_grad():
            return self._cost(self.logits(images), self._noticed(images))

    def slope(self, images: Images, alpha: float) -> tuple[Images, Float[Tensor, " batch"]]:
        """Return where the relaxed cost rises, and the cost itself, in one pass.

        Raises:
            UsageError: `logits` cannot be differentiated, or its derivative is not a number.
        """
        with torch.enable_grad():
            point = images.detach().requires_grad_()
            found, noticed = self.logits(point), self._noticed(point)
            total = (self._relaxed(found, alpha) + noticed).sum()
        if not total.requires_grad:
            raise UsageError(
                "`logits` gives nothing to differentiate, expected a differentiable callable; take "
                "it out of no_grad or use the square attack"
            )
        (slope,) = torch.autograd.grad(total, [point])
        if slope.isnan().any():
            raise UsageError(
                "the derivative of `logits` or of the penalty is not a number, expected a finite "
                "one; look for roots and logarithms at 0"
            )
        return slope, self._cost(found.detach(), noticed.detach())

    def _relaxed(self, found: Float[Tensor, "batch bits"], alpha: float) -> Float[Tensor, " batch"]:
        """(1 - mean_k g_k tanh(alpha u_k)) / 2: the distance, in [0, 1], for a large alpha."""
        return (1 - (self.goals * torch.tanh(alpha * found / self.scales)).mean(dim=1)) / 2

    def _cost(
        self, found: Float[Tensor, "batch bits"], noticed: Float[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        missing = ((found >= 0) != (self.goals > 0)).to(found).mean(dim=1)
        return missing + self._relaxed(found, ALPHAS[-1]) / self.goals.shape[1] + noticed

    def _noticed(self, images: Images) -> Float[Tensor, " batch"]:
        if self.penalty is None:
            return images.new_zeros(len(images))
        return self.penalty.weight * self.penalty.scores(images)


def check_codes(codes: Float[Tensor, "codes bits"]) -> None:
    """Refuse what is no code.

    Raises:
        UsageError: A number is neither -1 nor +1.
    """
    if not (codes.abs() == 1).all():
        raise UsageError(
            "a code has numbers other than -1 and +1, expected signs; binarise the logits first"
        )
