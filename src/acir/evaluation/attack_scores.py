"""The numbers that say how well a model withstands attacks.

Where several attacks are joined, a picture is as badly off as under the worst of them: an attacker
would choose it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int

from acir.evaluation.attacked import Attacked, Result, Seen
from acir.evaluation.proportion import Proportion
from acir.metrics import ood

RATE = 0.03
NEAR = 0.1  # an answer whose average precision fell by no more is as good as before
MOST_KEPT = 0.3  # an undefended model that keeps more of its mAP was not attacked hard enough
ABOVE_FLOOR = 0.1  # the same, as a share of the way down to the floor, where that is near


@dataclass(frozen=True)
class AtSize:
    """How a model fares under the worst of all attacks of one size.

    Attributes:
        mAP: Mean over pictures of the lowest average precision under any attack.
        kept: The same as a share of the mAP without attack.
        worst_attack: The attack with the lowest mAP by itself.
        t_mAP: mAP of the targeted attack as if the target class had been asked for; None where
            there is but one class.
        detected: Share of the attacked pictures called unknown at the gate's calibration, the mean
            over attacks that do not know the gate.
        detected_at_3pct: The same where at most 3 % of the clean pictures are refused.
        safe: Share of the pictures that are refused or answered nearly as before, under each
            attack that does not know the gate.
        safe_black_box: The same under the square attack alone.
        safe_adaptive: The same under all attacks, those that know the gate included.
    """

    mAP: float
    kept: float
    worst_attack: str
    t_mAP: float | None
    detected: float
    detected_at_3pct: float
    safe: float
    safe_black_box: float
    safe_adaptive: float


def floors(relevant: Int[np.ndarray, " n"], gallery: int) -> Float64[np.ndarray, " n"]:
    r"""Return the least average precision of queries: their relevant pictures come last.

    $\frac{1}{R} \sum_{i=1}^{R} i / (N - R + i)$ for R relevant pictures of N. For two classes of
    equal size it is near $1 - \ln 2 = 0.31$; no attack can get lower.

    Args:
        relevant: Pictures with a class of each query, at least 1.
        gallery: Pictures that are searched.

    Example:
        >>> floors(np.array([1, 2]), 4)  # 1/4; (1/3 + 2/4) / 2
        array([0.25      , 0.41666667])
    """
    found = {
        count: float(np.mean(np.arange(1, count + 1) / np.arange(gallery - count + 1, gallery + 1)))
        for count in np.unique(relevant).tolist()
    }
    return np.array([found[count] for count in relevant.tolist()])


def unsafe(clean: Seen, seen: Seen) -> Bool[np.ndarray, " n"]:
    """Return which pictures are answered, and worse than before by more than `NEAR`."""
    worse = seen.precision < clean.precision - NEAR
    answered_worse: Bool[np.ndarray, " n"] = worse & ~seen.refused
    return answered_worse


def at_size(found: Attacked, grey_levels: int) -> AtSize:
    """Join the attacks of one size."""
    results, every = found.of(grey_levels), found.of(grey_levels, adaptive=True)
    means = {r.attack: float(r.seen.precision.mean()) for r in results}
    worst = float(worst_precision(results).mean())
    threshold = ood.threshold_at(found.clean.scores, RATE)
    targeted = [r for r in results if r.attack == "target"]
    return AtSize(
        mAP=worst,
        kept=worst / float(found.clean.precision.mean()),
        worst_attack=min(means, key=lambda name: means[name]),
        t_mAP=float(targeted[0].towards.mean()) if targeted else None,
        detected=float(np.mean([r.seen.refused.mean() for r in results])),
        detected_at_3pct=float(np.mean([(r.seen.scores > threshold).mean() for r in results])),
        safe=_safe(results),
        safe_black_box=_safe([r for r in results if r.attack == "square"]),
        safe_adaptive=_safe(every),
    )


def worst_precision(results: Sequence[Result]) -> Float64[np.ndarray, " n"]:
    """Return the lowest average precision of each picture under any of the attacks."""
    lowest: Float64[np.ndarray, " n"] = np.min([r.seen.precision for r in results], axis=0)
    return lowest


def bound(found: Attacked) -> float:
    """Return the mAP that an undefended model must fall to for the attack to count.

    30 % of its mAP; where few classes keep the floor up, a tenth of the way from floor to mAP.
    """
    clean, floor = float(found.clean.precision.mean()), float(found.floors.mean())
    return max(MOST_KEPT * clean, floor + ABOVE_FLOOR * (clean - floor))


def too_weak(found: Attacked) -> bool | None:
    """Say whether the attack at the largest change is too weak to report.

    None for a robust model, which is meant to withstand: there, only the same budget against an
    undefended model can tell.
    """
    if found.robust:
        return None
    return at_size(found, max(found.budget.grey_levels)).mAP > bound(found)


def attack_summary(found: Attacked) -> dict[str, Any]:
    """Return the numbers of all attacks as plain values; the first ones are of the largest size."""
    sizes = {str(levels): asdict(at_size(found, levels)) for levels in found.budget.grey_levels}
    return {
        "grey_levels": max(found.budget.grey_levels),
        "clean_mAP": float(found.clean.precision.mean()),
        "floor": float(found.floors.mean()),
        **sizes[str(max(found.budget.grey_levels))],
        "too_weak": too_weak(found),
        "must_fall_to": bound(found),
        "robust": found.robust,
        "by_grey_levels": sizes,
    }


def attack_dict(found: Attacked) -> dict[str, Any]:
    """Return budget, rows and pictures as plain values; the keys are a contract."""
    return {
        "budget": {
            **asdict(found.budget),
            "queries": found.budget.queries,
            "reduced": found.budget.reduced,
        },
        "rows": [*_rows(found)],
        "pictures": list(found.ids),
    }


def _rows(found: Attacked) -> Iterator[Mapping[str, Any]]:
    clean = float(found.clean.precision.mean())
    threshold = ood.threshold_at(found.clean.scores, RATE)
    for result in found.results:
        attacked = float(result.seen.precision.mean())
        towards = float(result.towards.mean()) if len(result.towards) else float("nan")
        yield {
            "attack": result.attack,
            "grey_levels": result.grey_levels,
            "lambda": result.weight,
            "mAP": attacked,
            "kept": attacked / clean,
            "t_mAP": None if isnan(towards) else towards,
            "detected": Proportion.of(result.seen.refused.tolist()).to_dict(),
            "detected_at_3pct": Proportion.of((result.seen.scores > threshold).tolist()).to_dict(),
            "safe": Proportion.of((~result.unsafe).tolist()).to_dict(),
        }


def _safe(results: Sequence[Result]) -> float:
    """Return the share of the pictures that are safe under each of the attacks."""
    return float(1 - np.any([r.unsafe for r in results], axis=0).mean())
