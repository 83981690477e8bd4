"""Projected gradient descent (PGD) towards a goal code.

Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018,
https://arxiv.org/abs/1706.06083, on codes: HAG, DHTA and SAAT differ by their goal.

A too weak attack makes every model look robust. So each step size and restart is a search of its
own, all pictures on the way count, and of each picture the worst is kept. On one bit, where their
losses have slopes of one sign, it finds the same pixels as torchattacks 3.5.1.
"""

from dataclasses import dataclass
from math import inf

from jaxtyping import Float
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks.ball import Images, check_eps, check_seed, projected, random_start
from acir.robustness.attacks.objective import ALPHAS, Best, Logits, Objective, Penalty


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How far an attack goes and how hard it tries.

    Every step is a pass forward and back; in all there are `steps` for each restart with each of
    the step sizes.

    Attributes:
        eps: The largest change of a pixel, in (0, 1].
        step_sizes: The change of a pixel in a step, each tried in turn; above 0.
        steps: Of one search.
        restarts: Searches from different starts with each step size.
        random_start: Whether a search starts anywhere within eps, else at the picture.
        seed: At least 0; the same one gives the same attack.

    Raises:
        UsageError: A number out of range, or several restarts from the same start.

    Example:
        >>> Plan(eps=8 / 255, step_sizes=(1 / 255, 2 / 255)).searches
        6
    """

    eps: float
    step_sizes: tuple[float, ...]
    steps: int = 100
    restarts: int = 3
    random_start: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a plan that would do nothing, or the same thing twice."""
        check_eps(self.eps)
        check_seed(self.seed)
        if not self.step_sizes:
            raise UsageError("there are 0 step sizes, expected at least 1, such as (1 / 255,)")
        for size in self.step_sizes:
            if not 0 < size < inf:
                raise UsageError(f"a step size is {size:g}, expected more than 0")
        if self.steps < 1:
            raise UsageError(f"the number of steps is {self.steps}, expected at least 1")
        if self.restarts < 1:
            raise UsageError(f"the number of restarts is {self.restarts}, expected at least 1")
        if self.restarts > 1 and not self.random_start:
            raise UsageError(
                f"there are {self.restarts} restarts without a random start, expected 1; they "
                "would all be the same"
            )

    @property
    def searches(self) -> int:
        """How many searches there are."""
        return len(self.step_sizes) * self.restarts

    def alpha(self, step: int) -> float:
        """Return the steepness of the relaxed code at a step, counted from 0."""
        return ALPHAS[len(ALPHAS) * step // self.steps]


def pgd(
    logits: Logits,
    images: Images,
    goals: Float[Tensor, "goals bits"],
    plan: Plan,
    penalty: Penalty | None = None,
) -> Images:
    """Return pictures within eps whose codes are as near to the goals as was found.

    A picture is returned as it was where nothing better was found.

    Args:
        logits: What is attacked.
        images: In [0, 1].
        goals: A code for each picture, from `goals`.
        plan: How far and how hard.
        penalty: Makes the attack adaptive: what it is to keep low besides.

    Raises:
        UsageError: Pictures beyond [0, 1], goals that are no codes of `logits`, or a callable
            without a derivative.
    """
    objective = Objective(logits=logits, images=images, goals=goals, penalty=penalty)
    best = objective.clean
    for restart in range(plan.restarts):
        start = images
        if plan.random_start:
            start = random_start(images, plan.eps, plan.seed, restart)
        for size in plan.step_sizes:
            found = _descended(objective, start, plan, size)
            best = best.better(found.images, found.costs)
    return best.images


def _descended(objective: Objective, start: Images, plan: Plan, size: float) -> Best:
    """Follow the signs of the gradient, and return the best of all points on the way."""
    point, best = start, objective.clean
    for step in range(plan.steps):
        slope, costs = objective.slope(point, plan.alpha(step))
        best = best.better(point, costs)
        point = projected(point - size * slope.sign(), objective.clean.images, plan.eps)
    return best.better(point, objective.costs(point))
