"""The square attack: a random search that asks for logits and never for gradients.

Andriushchenko et al., "Square Attack: a query-efficient black-box adversarial attack via random
search", ECCV 2020, https://arxiv.org/abs/1912.00049, algorithms 1 and 2, on codes. Unlike a
gradient, it cannot be fooled by a network that is flat where pictures lie.

It starts with vertical stripes of eps and -eps. Each further query sets a square, at a random place
and for each channel alike all over it, to eps or -eps, and is kept where it costs less. The
squares shrink. The first covers a share of 0.8, as in AutoAttack (Croce and Hein, ICML 2020).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks.ball import Images, check_eps, check_seed, generator, projected
from acir.robustness.attacks.objective import Best, Logits, Objective

FIRST_SHARE = 0.8
HALVINGS = (10, 50, 200, 1000, 2000, 4000, 6000, 8000)  # queries of each 10,000; section 4.1
QUERIES_OF_HALVINGS = 10_000


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How far a black-box attack goes and how often it may ask.

    Attributes:
        eps: The largest change of a pixel, in (0, 1].
        queries: How many changed pictures it may ask about, for each picture.
        seed: At least 0; the same one gives the same attack.

    Raises:
        UsageError: A number out of range.
    """

    eps: float
    queries: int
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a budget that allows nothing."""
        check_eps(self.eps)
        check_seed(self.seed)
        if self.queries < 1:
            raise UsageError(f"the number of queries is {self.queries}, expected at least 1")

    def side(self, query: int, height: int, width: int) -> int:
        """Return the side of the square of a query, counted from 0, in pixels.

        Example:
            >>> budget = Budget(eps=8 / 255, queries=10_000)
            >>> [budget.side(query, 64, 64) for query in (0, 11, 9_999)]
            [57, 40, 4]
        """
        passed = sum(query * QUERIES_OF_HALVINGS > h * self.queries for h in HALVINGS)
        side = round(sqrt(FIRST_SHARE / 2**passed * height * width))
        return min(max(side, 1), height, width)


@dataclass(frozen=True)
class _Chances:
    """What was drawn for all queries: stripes, places in [0, 1), and signs."""

    stripes: Float[Tensor, "batch channels 1 width"]
    places: Float[Tensor, "batch queries 2"]
    signs: Float[Tensor, "batch queries channels 1 1"]


def square(
    logits: Logits, images: Images, goals: Float[Tensor, "goals bits"], budget: Budget
) -> Images:
    """Return pictures within eps whose codes are as near to the goals as was found.

    A picture is returned as it was where nothing better was found. `logits` is called without
    gradients, once for the clean pictures and then once a query.

    Args:
        logits: What is attacked.
        images: In [0, 1].
        goals: A code for each picture, from `goals`.
        budget: How far and how often.

    Raises:
        UsageError: Pictures beyond [0, 1], or goals that are no codes of `logits`.
    """
    objective = Objective(logits=logits, images=images, goals=goals)
    chances = _drawn(images, budget)
    start = projected(images + budget.eps * chances.stripes, images, budget.eps)
    found = Best(start, objective.costs(start))
    for query in range(1, budget.queries):
        side = budget.side(query, *images.shape[2:])
        inside = _square(images, chances.places[:, query], side)
        marked = images + budget.eps * chances.signs[:, query]
        point = projected(torch.where(inside, marked, found.images), images, budget.eps)
        found = found.better(point, objective.costs(point))
    return objective.clean.better(found.images, found.costs).images


def _drawn(images: Images, budget: Budget) -> _Chances:
    _, channels, _, width = images.shape
    stripes, places, signs = [], [], []
    for random in (generator(picture, budget.seed) for picture in images):
        stripes.append(random.choice([-1.0, 1.0], (channels, 1, width)))
        places.append(random.random((budget.queries, 2)))
        signs.append(random.choice([-1.0, 1.0], (budget.queries, channels, 1, 1)))
    return _Chances(*(torch.from_numpy(np.stack(d)).to(images) for d in (stripes, places, signs)))


def _square(
    images: Images, places: Float[Tensor, "batch 2"], side: int
) -> Bool[Tensor, "batch 1 height width"]:
    """Mark a square in each picture; all its places within the picture are as likely."""
    height, width = images.shape[2:]
    top = rearrange((places[:, 0] * (height - side + 1)).floor(), "b -> b 1 1 1")
    left = rearrange((places[:, 1] * (width - side + 1)).floor(), "b -> b 1 1 1")
    rows = rearrange(torch.arange(height, device=images.device), "h -> 1 1 h 1")
    columns = rearrange(torch.arange(width, device=images.device), "w -> 1 1 1 w")
    return (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
