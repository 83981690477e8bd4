"""The numbers of a stress test, and its JSON object.

A kind is a corruption or an unknown set. Where a number is a mean over kinds, each kind counts
once, whatever its number of severities or pictures.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from acir.evaluation.proportion import Proportion
from acir.evaluation.stress import GATE, Stress, Trial, pictures
from acir.metrics import ood, selective

RATES = (0.03, 0.01)
WITHOUT_THRESHOLD = ("auroc", "recall_at_3pct", "recall_at_1pct", "worst_type", "worst_recall")


@dataclass(frozen=True)
class Summary:
    """How well one method does.

    Attributes:
        auroc: Mean over the kinds that must be rejected.
        recall: Share of these that is refused at the method's calibration, mean over kinds.
        recall_at_3pct: The same where 3 % of these very clean pictures are refused at most.
        recall_at_1pct: The same for 1 %.
        false_alarm_rate: Share of the clean pictures that is refused at the calibration.
        worst_type: The kind with the lowest `recall_at_3pct`.
        worst_recall: Its recall.
        must_accept_far: Share of the must-accept pictures that is refused at the calibration, mean
            over kinds; None where there are none.
        silent_error_rate: Share of queries that are answered wrongly at the calibration where 16
            clean ones come to one that must be rejected.
        aurc: Area under risk over coverage for the same mix.
    """

    auroc: float
    recall: float
    recall_at_3pct: float
    recall_at_1pct: float
    false_alarm_rate: float
    worst_type: str
    worst_recall: float
    must_accept_far: float | None
    silent_error_rate: float
    aurc: float


def summary(found: Stress, method: str) -> Summary:
    """Return how well a method does."""
    clean = found.clean.judged.scores[method]

    def at(rate: float) -> Callable[[Trial], float]:
        return lambda trial: ood.detected_at(clean, trial.judged.scores[method], rate)

    def refused(trial: Trial) -> float:
        return float(found.refused(method, trial.judged).mean())

    at_3pct, recall = by_kind(found, at(RATES[0])), mean(by_kind(found, refused))
    worst = min(at_3pct, key=lambda kind: at_3pct[kind])
    accepted = [mean_of(trials, refused) for trials in found.of("accept").values()]
    alarms = found.refused(method, found.clean.judged)
    return Summary(
        auroc=mean(by_kind(found, lambda t: ood.auroc(clean, t.judged.scores[method]))),
        recall=recall,
        recall_at_3pct=mean(at_3pct),
        recall_at_1pct=mean(by_kind(found, at(RATES[1]))),
        false_alarm_rate=float(alarms.mean()),
        worst_type=worst,
        worst_recall=at_3pct[worst],
        must_accept_far=float(np.mean(accepted)) if accepted else None,
        silent_error_rate=selective.silent_error_rate(
            float((found.clean.wrong & ~alarms).mean()), 1 - recall
        ),
        aurc=selective.aurc(*mixed(found, method)),
    )


def by_kind(found: Stress, value: Callable[[Trial], float]) -> dict[str, float]:
    """Return a value of each kind that must be rejected: the mean over its severities."""
    return {kind: mean_of(trials, value) for kind, trials in found.of("reject").items()}


def mean_of(trials: list[Trial], value: Callable[[Trial], float]) -> float:
    """Return the mean of a value over trials."""
    return float(np.mean([value(trial) for trial in trials]))


def mean(values: dict[str, float]) -> float:
    """Return the mean over kinds."""
    return float(np.mean(list(values.values())))


def mixed(
    found: Stress, method: str
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Return scores, losses and weights of the mix of 16 clean queries to one to be rejected."""
    clean, kinds = found.clean, found.of("reject")
    scores, losses = [clean.judged.scores[method]], [clean.wrong.astype(np.float64)]
    weights = [np.full(len(clean.wrong), selective.MIX / len(clean.wrong))]
    for trials in kinds.values():
        for trial in trials:
            n = len(trial.judged)
            scores.append(trial.judged.scores[method])
            losses.append(np.ones(n))
            weights.append(np.full(n, 1 / (len(kinds) * len(trials) * n)))
    return np.concatenate(scores), np.concatenate(losses), np.concatenate(weights)


def roc(
    found: Stress, method: str
) -> tuple[Float64[np.ndarray, " steps"], Float64[np.ndarray, " steps"]]:
    """Return false-alarm rates, ascending to 1, and the mean over kinds of what is detected there.

    A step is a clean picture's score as threshold; what lies strictly above it is flagged.
    """
    clean = np.sort(found.clean.judged.scores[method])
    thresholds = np.append(np.unique(clean)[::-1], -np.inf)

    def above(scores: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " steps"]:
        return 1 - np.searchsorted(np.sort(scores), thresholds, side="right") / len(scores)

    kinds = [
        np.mean([above(trial.judged.scores[method]) for trial in trials], axis=0)
        for trials in found.of("reject").values()
    ]
    return above(clean), np.mean(kinds, axis=0)


def alarms_by_class(found: Stress) -> dict[str, Proportion]:
    """Return the false alarms of the gate on the clean pictures of each class."""
    names = sorted({name for labels in found.clean.labels for name in labels})
    rows = list(zip(found.clean.labels, found.clean.judged.refused, strict=True))
    return {
        name: Proportion.of([bool(alarm) for labels, alarm in rows if name in labels])
        for name in names
    }


def equalised(found: Stress, method: str) -> dict[str, float | str]:
    """Return what can be said of copies of equal colour, size and sharpness."""
    numbers = asdict(summary(found.equalised, method))
    return {key: numbers[key] for key in WITHOUT_THRESHOLD}


def to_dict(found: Stress) -> dict[str, Any]:
    """Return the JSON object of `acir stress`; the keys are a contract."""
    clean = found.clean
    return {
        "summary": asdict(summary(found, GATE)),
        "baselines": {m: asdict(summary(found, m)) for m in found.methods[1:]},
        "equalised": {m: equalised(found, m) for m in found.methods},
        "protocol": {**asdict(found.protocol), "mix": selective.MIX},
        "clean": {
            **_said(found.clean.judged.states, clean.judged.reason_codes),
            "refused": Proportion.of(clean.judged.refused.tolist()).to_dict(),
            "first_hit_wrong": Proportion.of(clean.wrong.tolist()).to_dict(),
            "answered_wrong": Proportion.of(
                (clean.wrong & ~clean.judged.refused).tolist()
            ).to_dict(),
            "refused_by_class": {n: p.to_dict() for n, p in alarms_by_class(found).items()},
            "pictures": list(pictures(clean)),
        },
        "rows": list(_rows(found)),
    }


def _rows(found: Stress) -> Iterator[dict[str, Any]]:
    alike = found.equalised
    for trial, copies in zip(found.trials, alike.trials, strict=True):
        judged = trial.judged
        same = _separation(alike, copies, GATE)
        methods = {method: _separation(found, trial, method) for method in found.methods}
        yield {
            "type": trial.kind,
            "group": trial.group,
            "severity": trial.severity,
            "tier": trial.tier,
            "tuned": trial.tuned,
            "about": trial.about,
            **_said(judged.states, judged.reason_codes),
            **methods.pop(GATE),
            "equalised": {key: same[key] for key in ("auroc", "recall_at_3pct", "recall_at_1pct")},
            "baselines": methods,
        }


def _separation(found: Stress, trial: Trial, method: str) -> dict[str, Any]:
    clean, scores = found.clean.judged.scores[method], trial.judged.scores[method]
    at = {
        f"recall_at_{100 * rate:.0f}pct": Proportion.of(
            (scores > ood.threshold_at(clean, rate)).tolist()
        ).to_dict()
        for rate in RATES
    }
    refused = found.refused(method, trial.judged)
    return {
        "refused": Proportion.of(refused.tolist()).to_dict(),
        **at,
        "auroc": ood.auroc(clean, scores),
        "aupr": ood.aupr(clean, scores),
        "fpr_at_95_tpr": ood.fpr_at_95_tpr(clean, scores),
    }


def _said(states: tuple[str, ...], reason_codes: tuple[str, ...]) -> dict[str, Any]:
    counts = Counter(states)
    return {
        "n": len(states),
        "verdicts": {state: counts[state] for state in ("known", "caution", "unknown")},
        "reason_codes": dict(Counter(reason_codes).most_common()),
    }
