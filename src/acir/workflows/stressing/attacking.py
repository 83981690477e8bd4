"""`acir stress --attacks`: attack the test pictures, one attack after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int
from torch import Tensor

from acir.codes import unpack
from acir.evaluation.attack_scores import unsafe
from acir.evaluation.attacked import Budget, Result, Seen
from acir.robustness.attacks.goals import Gallery, away_from_class, away_from_own, towards_class
from acir.robustness.attacks.objective import Penalty
from acir.robustness.attacks.pgd import Plan, pgd
from acir.robustness.attacks.square import Budget as SquareBudget
from acir.robustness.attacks.square import square
from acir.robustness.attacks.universal import perturbed, universal
from acir.workflows.stressing.victim import Labels, Victim, other_classes

WHITE = 255
BATCH = 64
AT_BEST = 0.01  # an average precision this near to its limit can hardly be moved further
SHOWN = 3
PLAIN = ("own", "class", "target", "square", "universal")

Images = Float[Tensor, "batch channels height width"]
Goals = Float[Tensor, "batch bits"]
Rows = Int[np.ndarray, " some"]
Tick = Callable[[int], None]


@dataclass(frozen=True)
class Case:
    """One attack of one size.

    Attributes:
        attack: Key of `TITLES`.
        grey_levels: The largest change of a pixel, of 255.
        weight: Of the gate's scores; 0 where the attack does not know the gate.
    """

    attack: str
    grey_levels: int
    weight: float = 0.0

    @property
    def eps(self) -> float:
        """The largest change of a pixel, in (0, 1]."""
        return self.grey_levels / WHITE

    @property
    def title(self) -> str:
        """What progress shows."""
        known = f", lambda {self.weight:g}" if self.weight else ""
        return f"attack {self.attack}, {self.grey_levels} of 255{known}"


@dataclass(frozen=True)
class Found:
    """The attacked pictures beside what they did."""

    result: Result
    rows: Int[np.ndarray, " shown"]
    images: Float32[np.ndarray, "shown channels height width"]


@dataclass(frozen=True)
class Attacker:
    """Everything that attacks share.

    Attributes:
        victim: The model.
        images: The pictures, prepared.
        labels: Which class each of them has.
        floors: The least average precision of each.
        budget: How hard the attacks try.
        learned: Some training pictures, prepared.
    """

    victim: Victim
    images: Images
    labels: Labels
    floors: Float64[np.ndarray, " n"]
    budget: Budget
    learned: Float[Tensor, "learned channels height width"]

    @cached_property
    def clean(self) -> Seen:
        """What the model makes of the pictures as they are."""
        return self.victim.seen(self.images, self.labels)

    @cached_property
    def gallery(self) -> Gallery:
        """What an attacker knows of the pictures that are searched."""
        held = self.victim.gallery
        labels = torch.from_numpy(held.labels).float()
        return Gallery(torch.from_numpy(unpack(held.codes)).to(self.images), labels.to(self.images))

    @cached_property
    def targets(self) -> Int[Tensor, " n"]:
        """The class that each picture is to be taken for."""
        return other_classes(self.labels, self.victim.gallery.labels)

    @cached_property
    def stand_in(self) -> Callable[[Images], Float[Tensor, " batch"]]:
        """What adaptive attacks take for the gate."""
        return self.victim.penalty(self.learned)

    def goals(self, attack: str) -> Goals:
        """Return the code that an attack steers each picture to."""
        if attack == "own":
            return away_from_own(self.victim.logits, self.images)
        if attack == "target":
            return towards_class(self.targets, self.gallery)
        return away_from_class(torch.from_numpy(self.labels).to(self.images), self.gallery)

    def target_labels(self) -> Labels:
        """Return the labels that the targets have."""
        found: Labels = np.eye(self.labels.shape[1], dtype=np.bool_)[self.targets.numpy()]
        return found


@dataclass(frozen=True)
class Harm:
    """What an attack is after.

    Attributes:
        of: How harmful changed pictures are; which rows they are of.
        enough: So much that another search is not worth while, one number a row.
    """

    of: Callable[[Images, Rows], Float64[np.ndarray, " some"]]
    enough: Float64[np.ndarray, " n"]


def cases(budget: Budget) -> list[Case]:
    """List all attacks: for each size those that do not know the gate, then those that do."""
    return [
        case
        for levels in budget.grey_levels
        for case in (
            *(Case(attack, levels) for attack in PLAIN),
            *(Case("adaptive", levels, weight) for weight in budget.weights),
        )
    ]


def work(case: Case, attacker: Attacker) -> int:
    """Return how much progress there will be: pictures, once for each search."""
    searches = attacker.budget.restarts * len(attacker.budget.step_shares)
    return len(attacker.images) * (1 if case.attack in ("square", "universal") else searches)


def attack(case: Case, attacker: Attacker, tick: Tick) -> Found:
    """Attack all pictures in one way and say what comes of it.

    Args:
        case: Which attack.
        attacker: What all attacks share.
        tick: Told how many pictures have been searched.
    """
    images = {"square": _squared, "universal": _universal}.get(case.attack, _searched)(
        case, attacker, tick
    )
    seen = attacker.victim.seen(images, attacker.labels)
    towards = np.zeros(0)
    if case.attack == "target":
        towards = attacker.victim.precision(images, attacker.target_labels())
    bad = unsafe(attacker.clean, seen)
    result = Result(case.attack, case.grey_levels, case.weight, seen, bad, towards)
    drops = attacker.clean.precision - seen.precision
    rows = np.argsort(-drops, kind="stable")[:SHOWN]
    return Found(result, rows, images[rows].cpu().numpy())


def _searched(case: Case, attacker: Attacker, tick: Tick) -> Images:
    """Search with each step size from each start, while it can still do more harm to a picture."""
    budget, harm, goals = attacker.budget, _harm(case, attacker), attacker.goals(case.attack)
    penalty = Penalty(scores=attacker.stand_in, weight=case.weight) if case.weight else None
    worst = attacker.images.clone()
    done = np.full(len(worst), -np.inf)
    for seed, share in product(range(budget.restarts), budget.step_shares):
        sizes = (share * case.eps,)
        plan = Plan(eps=case.eps, step_sizes=sizes, steps=budget.steps, restarts=1, seed=seed)
        left = np.flatnonzero(done < harm.enough)
        tick(len(worst) - len(left))
        for rows in _parts(left):
            changed = pgd(attacker.victim.logits, attacker.images[rows], goals[rows], plan, penalty)
            found = harm.of(changed, rows)
            better = rows[found > done[rows]]
            worst[better] = changed[np.flatnonzero(found > done[rows])]
            done[rows] = np.maximum(done[rows], found)
            tick(len(rows))
    return worst


def _harm(case: Case, attacker: Attacker) -> Harm:
    victim, labels, count = attacker.victim, attacker.labels, len(attacker.labels)
    if case.attack == "target":
        wanted = attacker.target_labels()
        return Harm(
            lambda images, rows: victim.precision(images, wanted[rows]),
            np.full(count, 1 - AT_BEST),
        )
    if case.weight:

        def exposed(images: Images, rows: Rows) -> Float64[np.ndarray, " some"]:
            seen = victim.seen(images, labels[rows])
            return unsafe(attacker.clean[rows], seen) - seen.precision / 2

        return Harm(exposed, np.full(count, 0.5))
    return Harm(
        lambda images, rows: -victim.precision(images, labels[rows]),
        -(attacker.floors + AT_BEST),
    )


def _squared(case: Case, attacker: Attacker, tick: Tick) -> Images:
    budget = SquareBudget(eps=case.eps, queries=attacker.budget.queries)
    goals, found = attacker.goals(case.attack), []
    for rows in _parts(np.arange(len(attacker.images))):
        found.append(square(attacker.victim.logits, attacker.images[rows], goals[rows], budget))
        tick(len(rows))
    return torch.cat(found)


def _universal(case: Case, attacker: Attacker, tick: Tick) -> Images:
    """Learn one perturbation from every second picture and harm the others; and the reverse.

    It steers all towards one class, the rarest among those that it learns from.
    """
    budget, worst = attacker.budget, attacker.images.clone()
    sizes = tuple(share * case.eps for share in budget.step_shares)
    plan = Plan(eps=case.eps, step_sizes=sizes, steps=budget.steps, restarts=budget.restarts)
    held = attacker.victim.gallery.labels.any(axis=0)
    even, odd = slice(0, None, 2), slice(1, None, 2)
    for learned, harmed in ((even, odd), (odd, even)):
        counts = np.where(held, attacker.labels[learned].sum(axis=0), len(worst) + 1)
        targets = torch.full((len(worst[learned]),), int(counts.argmin()))
        goals = towards_class(targets, attacker.gallery)
        change = universal(attacker.victim.logits, attacker.images[learned], goals, plan)
        worst[harmed] = perturbed(attacker.images[harmed], change)
        tick(len(worst[harmed]))
    return worst


def _parts(rows: Rows) -> Sequence[Rows]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
