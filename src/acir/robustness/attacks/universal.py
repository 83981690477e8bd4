"""One perturbation that harms most pictures, those never seen included.

Moosavi-Dezfooli et al., "Universal adversarial perturbations", CVPR 2017,
https://arxiv.org/abs/1610.08401. Theirs adds up smallest perturbations of one picture after the
other; ours, as Shafahi et al., AAAI 2020, https://arxiv.org/abs/1811.11304, follows the signs of
the gradient of the mean over all of them, which needs neither classes nor an order of pictures.
"""

from collections.abc import Iterator
from itertools import chain
from operator import itemgetter

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks.ball import Images, Picture, check_images
from acir.robustness.attacks.objective import Logits, Objective
from acir.robustness.attacks.pgd import Plan

AT_ONCE = 64  # pictures: a whole set may not fit


def universal(
    logits: Logits,
    images: Images,
    goals: Float[Tensor, "goals bits"],
    plan: Plan,
) -> Picture:
    """Return the perturbation within eps that brings the codes nearest to their goals on average.

    It is 0 where nothing better was found. Add it with `perturbed`. Goals that differ from picture
    to picture pull against each other: one target class for all does most harm to the others.

    Args:
        logits: What is attacked.
        images: In [0, 1]; measure the harm on others.
        goals: A code for each picture, from `goals`.
        plan: How far and how hard; a step is a pass over all pictures.

    Raises:
        UsageError: Pictures beyond [0, 1], goals that are no codes of `logits`, or a callable
            without a derivative.
    """
    check_images(images)
    if len(goals) != len(images):
        raise UsageError(
            f"there are {len(goals)} goals for {len(images)} pictures, expected as many"
        )
    parts = [
        Objective(logits=logits, images=images[some], goals=goals[some])
        for some in (slice(n, n + AT_ONCE) for n in range(0, len(images), AT_ONCE))
    ]
    nothing = torch.zeros_like(images[0])
    tried = chain(
        [(nothing, sum(part.clean.costs.sum().item() for part in parts))],
        *(
            _descended(parts, _start(nothing, plan, restart), plan, size)
            for restart in range(plan.restarts)
            for size in plan.step_sizes
        ),
    )
    best, _ = min(tried, key=itemgetter(1))
    return best


def perturbed(images: Images, change: Picture) -> Images:
    """Add one perturbation to all pictures; what leaves [0, 1] saturates."""
    return (images + change).clamp(0, 1)


def _start(like: Picture, plan: Plan, restart: int) -> Picture:
    if not plan.random_start:
        return torch.zeros_like(like)
    drawn = np.random.default_rng([plan.seed, restart]).uniform(-1, 1, like.shape)
    return plan.eps * torch.from_numpy(drawn).to(like)


def _descended(
    parts: list[Objective], start: Picture, plan: Plan, size: float
) -> Iterator[tuple[Picture, float]]:
    """Follow the signs of the gradient, and yield all points on the way with their costs."""
    change = start
    for step in range(plan.steps):
        slope, cost = _slope(parts, change, plan.alpha(step))
        yield change, cost
        change = (change - size * slope.sign()).clamp(-plan.eps, plan.eps)
    costs = (part.costs(perturbed(part.clean.images, change)).sum().item() for part in parts)
    yield change, sum(costs)


def _slope(parts: list[Objective], change: Picture, alpha: float) -> tuple[Picture, float]:
    """Return the sums over all pictures; a pixel that saturates has no say."""
    total, cost = torch.zeros_like(change), 0.0
    for part in parts:
        shifted = part.clean.images + change
        slope, costs = part.slope(shifted.clamp(0, 1), alpha)
        total += torch.where((shifted >= 0) & (shifted <= 1), slope, 0).sum(dim=0)
        cost += costs.sum().item()
    return total, cost
