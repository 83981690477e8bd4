"""What a stress test finds: clean pictures, and trials that a gate should or should not refuse."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float64

from acir.evaluation.stress_baselines import TITLES
from acir.types import Calibration, State

GATE = "gate"
UNKNOWN_SET = "unknown set"
TUNED_GROUPS = frozenset({"noise", "geometry"})
TUNED_KINDS = frozenset({"inverted"})
TUNED = "†"
Tier = Literal["reject", "warn", "accept"]
Scores = Mapping[str, Float64[np.ndarray, " n"]]


@dataclass(frozen=True)
class Judged:
    """What gate and baselines say of some pictures.

    Attributes:
        states: The verdict on each picture.
        reason_codes: Why, as one stable word each.
        p_values: Share of ordinary pictures that look at least as unusual.
        scores: By method, `GATE` first: higher is more outlying; the gate's is +inf where the
            pre-flight refused the picture.
        surprises: How surprised each detector is, by its name.
    """

    states: tuple[State, ...]
    reason_codes: tuple[str, ...]
    p_values: Float64[np.ndarray, " n"]
    scores: Scores
    surprises: Scores

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.states)

    @cached_property
    def refused(self) -> Bool[np.ndarray, " n"]:
        """Whether each picture is called unknown, so that its query is not answered."""
        return np.array([state == "unknown" for state in self.states], dtype=np.bool_)


@dataclass(frozen=True)
class Clean:
    """The ordinary pictures that everything is compared with.

    Attributes:
        ids: One a picture.
        seeds: What each picture is corrupted with; None where it is not.
        labels: The class names of each picture.
        wrong: Whether its first hit is of another class.
        judged: What is said of them as they are.
        equalised: What is said of their grey, blurred copies.
    """

    ids: tuple[str, ...]
    seeds: tuple[int | None, ...]
    labels: tuple[tuple[str, ...], ...]
    wrong: Bool[np.ndarray, " n"]
    judged: Judged
    equalised: Judged


@dataclass(frozen=True)
class Specimen:
    """One picture that was judged worst.

    Attributes:
        id: Of the picture, or of the one that was corrupted.
        picture: As the network sees it, PNG.
        state: The verdict on it.
    """

    id: str
    picture: bytes
    state: State


@dataclass(frozen=True)
class Trial:
    """Pictures of one kind: a corruption at one severity, or a set of an unknown kind.

    Attributes:
        kind: Name of the corruption, or the SOURCE.
        group: Of the corruption, or `UNKNOWN_SET`.
        severity: 1 to 3; None for an unknown set.
        tier: What the gate should do.
        about: What is wrong with them, in words.
        judged: What is said of them.
        equalised: What is said of their grey, blurred copies.
        specimen: The picture furthest on the wrong side.
    """

    kind: str
    group: str
    severity: int | None
    tier: Tier
    about: str
    judged: Judged
    equalised: Judged
    specimen: Specimen

    @property
    def tuned(self) -> bool:
        """Whether the default detectors were chosen by what they make of this kind."""
        return self.group in TUNED_GROUPS or self.kind in TUNED_KINDS

    @property
    def title(self) -> str:
        """Kind and severity in words, marked where the default detectors were chosen by it."""
        name = self.kind if self.group == UNKNOWN_SET else self.kind.replace("_", " ")
        name += TUNED * self.tuned
        return name if self.severity is None else f"{name}, severity {self.severity}"


@dataclass(frozen=True)
class Protocol:
    """Under which conditions a stress test ran.

    Attributes:
        bundle: Id of the bundle.
        data: SOURCE of the pictures.
        ood: SOURCEs of unknown kinds.
        oriented: Whether turned and mirrored pictures must be refused.
        limit: Most test pictures that are corrupted, and most of each unknown source.
        detectors: Whose evidence the gate combines.
        training: Training pictures that the answers come from and the baselines learned from.
        calibration: What stands behind the gate's threshold.
        promise: The same in words.
        thresholds: By baseline, the score above which a picture is refused.
        calibration_pictures: How many set these thresholds.
    """

    bundle: str
    data: str
    ood: tuple[str, ...]
    oriented: bool
    limit: int
    detectors: tuple[str, ...]
    training: int
    calibration: Calibration
    promise: str
    thresholds: Mapping[str, float]
    calibration_pictures: int


@dataclass(frozen=True)
class Stress:
    """A whole stress test."""

    protocol: Protocol
    clean: Clean
    trials: tuple[Trial, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """The gate, then the baselines."""
        return (GATE, *self.protocol.thresholds)

    @property
    def equalised(self) -> "Stress":
        """The same test on copies without colour, of one size and one sharpness.

        Gate and baselines have learned anew from such copies. Only what needs no calibration can
        be read off it: the thresholds here are those for pictures as they are.
        """
        clean = replace(self.clean, judged=self.clean.equalised)
        trials = tuple(replace(trial, judged=trial.equalised) for trial in self.trials)
        return replace(self, clean=clean, trials=trials)

    def of(self, tier: Tier) -> dict[str, list[Trial]]:
        """Return the trials of a tier by kind: severities of one kind stand together."""
        found: dict[str, list[Trial]] = {}
        for trial in self.trials:
            if trial.tier == tier:
                found.setdefault(trial.kind, []).append(trial)
        return found

    def refused(self, method: str, judged: Judged) -> Bool[np.ndarray, " n"]:
        """Return which pictures a method refuses at its calibration."""
        if method == GATE:
            return judged.refused
        return judged.scores[method] > self.protocol.thresholds[method]


def title(method: str) -> str:
    """Return what a method is called.

    Example:
        >>> title("gate")
        'this gate'
    """
    return "this gate" if method == GATE else TITLES[method]


def pictures(clean: Clean) -> Iterator[dict[str, Any]]:
    """Yield what was found about each clean picture, as plain values."""
    for row, name in enumerate(clean.ids):
        yield {
            "id": name,
            "seed": clean.seeds[row],
            "label": "|".join(clean.labels[row]),
            "verdict": clean.judged.states[row],
            "p_value": float(clean.judged.p_values[row]),
            "reason_code": clean.judged.reason_codes[row],
            "first_hit_wrong": bool(clean.wrong[row]),
        }
