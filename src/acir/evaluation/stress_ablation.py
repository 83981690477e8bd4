"""What each detector is worth: the sum without it, and it alone, on the same evidence.

The gate makes the sum of all a surprise within the predicted class; the plain sum stands beside it.
Only the order of pictures is compared, at thresholds set on the clean ones: a set of detectors
would be calibrated anew, and its rate would then be as promised. The pre-flight stays before all.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from acir.conformal import combined
from acir.evaluation.document import Section, Table
from acir.evaluation.stress import GATE, Judged, Stress, Trial
from acir.evaluation.stress_scores import RATES, by_kind, mean, mean_of
from acir.metrics import ood

Score = Callable[[Judged], Float64[np.ndarray, " n"]]


@dataclass(frozen=True)
class Reduced:
    """How well some of the detectors do together.

    Attributes:
        name: What is left out or alone.
        detectors: Whose surprises are added.
        auroc: Mean over the kinds that must be rejected.
        recall_at_3pct: Share of these that is refused where 3 % of the clean pictures are at most.
        recall_at_1pct: The same for 1 %.
        worst_type: The kind with the lowest `recall_at_3pct`.
        worst_recall: Its recall.
        accept_at_3pct: Share of the must-accept pictures that is refused where 3 % of the clean
            ones are; None where there are none.
    """

    name: str
    detectors: tuple[str, ...]
    auroc: float
    recall_at_3pct: float
    recall_at_1pct: float
    worst_type: str
    worst_recall: float
    accept_at_3pct: float | None


def ablation(found: Stress) -> tuple[Reduced, ...]:
    """Return the numbers of the gate, of the plain sum, of all but one, and of each alone."""
    names = tuple(found.clean.judged.surprises)
    sets = {"sum of all": names}
    if len(names) > 1:
        sets |= {f"without {name}": tuple(n for n in names if n != name) for name in names}
        sets |= {f"{name} alone": (name,) for name in names}
    gate = _reduced(found, GATE, names, lambda judged: judged.scores[GATE])
    return (gate, *(_reduced(found, name, kept, _sum_of(kept)) for name, kept in sets.items()))


def _sum_of(detectors: tuple[str, ...]) -> Score:
    return lambda judged: combined(np.array([judged.surprises[name] for name in detectors]))


def _reduced(found: Stress, name: str, detectors: tuple[str, ...], scores: Score) -> Reduced:
    clean = scores(found.clean.judged)

    def at(rate: float) -> Callable[[Trial], float]:
        return lambda trial: ood.detected_at(clean, scores(trial.judged), rate)

    at_3pct = by_kind(found, at(RATES[0]))
    worst = min(at_3pct, key=lambda kind: at_3pct[kind])
    accepted = [mean_of(trials, at(RATES[0])) for trials in found.of("accept").values()]
    return Reduced(
        name=name,
        detectors=detectors,
        auroc=mean(by_kind(found, lambda trial: ood.auroc(clean, scores(trial.judged)))),
        recall_at_3pct=mean(at_3pct),
        recall_at_1pct=mean(by_kind(found, at(RATES[1]))),
        worst_type=worst,
        worst_recall=at_3pct[worst],
        accept_at_3pct=float(np.mean(accepted)) if accepted else None,
    )


def to_rows(found: Stress) -> list[dict[str, Any]]:
    """Return the plain values of an ablation."""
    return [asdict(one) for one in ablation(found)]


def section(found: Stress) -> Section:
    """Put the numbers into a table."""
    rows = ablation(found)
    return Section(
        "What each detector is worth",
        tables=(
            Table(
                caption="Recall of what must be rejected, mean over kinds, where 3 % or 1 % of the "
                "clean pictures are refused; pre-flight included",
                columns=(
                    *("detectors", "recall at 3 %", "at 1 %", "AUROC", "worst kind at 3 %"),
                    *("its recall", "must accept, refused at 3 %"),
                ),
                rows=tuple(tuple(_cells(one)) for one in rows),
                heavy=frozenset({0}),
            ),
        ),
    )


def _cells(one: Reduced) -> Iterator[str]:
    yield "this gate" if one.name == GATE else one.name.replace("_", " ")
    yield f"{100 * one.recall_at_3pct:.1f} %"
    yield f"{100 * one.recall_at_1pct:.1f} %"
    yield f"{one.auroc:.3f}"
    yield one.worst_type.replace("_", " ")
    yield f"{100 * one.worst_recall:.1f} %"
    yield "none" if one.accept_at_3pct is None else f"{100 * one.accept_at_3pct:.1f} %"
