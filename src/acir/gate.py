"""Detectors to calibrated p-values to one verdict with its reason, at a stated false-alarm rate.

Three sets of pictures, none in two of them: references fit the detectors; calibration A turns
each detector's score into a surprise; calibration B says how surprised the gate is by ordinary
pictures. One set for both would double the false alarms.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Shaped
from torch import Tensor

from acir import registry
from acir.conformal import (
    largest_rank,
    p_values,
    pictures_needed,
    surprise,
    surprise_in_class,
    weakest_rate,
)
from acir.ood.base import Detector
from acir.prep.preflight import Finding
from acir.recipe import GateRecipe
from acir.tensors import Encode, Evidence
from acir.types import Calibration, Scored, State, Verdict

FAMILY = "acir.ood"
ORDINARY = "ordinary"
USUAL = (0.05, 0.95)
COMMON = 0.1


@dataclass(frozen=True)
class Place:
    """How unusual a picture is beside those of calibration, as totals of surprise.

    Attributes:
        total: Of the picture.
        low: Below it lie 5 % of the calibration pictures.
        high: Above it lie 5 %.
        limit: Above it a picture is called unknown.
    """

    total: float
    low: float
    high: float
    limit: float


class Gate:
    """Say whether a picture is of a kind that the model knows.

    The surprises -log p of all detectors are added (Fisher's statistic). A class whose ordinary
    pictures vary more has larger sums, so the sum is made a surprise again, among those of A that
    the model takes for the same class; few of a class are helped out by all (see
    `acir.conformal.surprise_in_class`). The result is calibrated on B, so neither dependence
    between detectors nor a wrong class costs validity. A picture is flagged when its total is
    strictly above the r-th largest of B, that is when its p-value is at most r / (n + 1).

    Args:
        detectors: Fitted detectors by name; their order is kept.
        recipe: The two false-alarm rates and their confidence.
        promise: Whether A and B were kept for calibration alone.
        scored: What the detectors say of A.
        totals: The totals of B.
    """

    def __init__(
        self,
        detectors: Mapping[str, Detector],
        recipe: GateRecipe,
        *,
        promise: bool,
        scored: Scored,
        totals: Float64[np.ndarray, " b"],
    ) -> None:
        self._detectors = MappingProxyType(dict(detectors))
        self._recipe = replace(recipe, detectors=tuple(detectors))
        self._promise = promise
        self._scored = scored
        self._totals = totals
        self.calibration = self._calibration(recipe.unknown)
        self._caution = self._calibration(recipe.caution)

    @classmethod
    def fit(
        cls,
        detectors: Mapping[str, Detector],
        recipe: GateRecipe,
        *,
        references: Evidence,
        calibration: tuple[Evidence, Evidence],
        promise: bool = True,
    ) -> "Gate":
        """Fit the detectors and calibrate them.

        Args:
            detectors: By name, not fitted; see `fresh_detectors`.
            recipe: The two false-alarm rates and their confidence.
            references: At most `recipe.references` training pictures.
            calibration: The sets A and B. The promise is about pictures like these that the
                pre-flight lets through.
            promise: False where A and B serve another purpose too, as validation pictures do.
        """
        for detector in detectors.values():
            detector.fit(references)
        first, second = (_scored(detectors, part) for part in calibration)
        totals = _totals(second, first)
        return cls(detectors, recipe, promise=promise, scored=first, totals=totals)

    def recalibrated(self, first: Scored, second: Scored) -> "Gate":
        """Return this gate with the promise made anew; what the detectors learned stays.

        Args:
            first: What the detectors say of the new set A; see `scored`.
            second: The same of the new set B. No picture of either may have taught the model.
        """
        totals = _totals(second, first)
        return Gate(self._detectors, self._recipe, promise=True, scored=first, totals=totals)

    def scored(self, evidence: Evidence) -> Scored:
        """Return what each detector says of each picture, asking it once."""
        return _scored(self._detectors, evidence)

    def false_alarms(self) -> Bool[np.ndarray, " b"]:
        """Say which pictures of B, in its order, the others of B would call unknown.

        Each is judged as if it were new: by itself, it would look more ordinary than it is.
        """
        totals = self._totals
        among_others = len(totals) - 1 - np.searchsorted(np.sort(totals), totals)
        flagged: Bool[np.ndarray, " b"] = among_others < self.calibration.r
        return flagged

    @property
    def detectors(self) -> Mapping[str, Detector]:
        """The detectors that are asked, by name and in order."""
        return self._detectors

    @property
    def needs_decoder(self) -> bool:
        """Whether any detector reads the reconstruction."""
        return any(d.needs_decoder for d in self._detectors.values())

    def score(self, evidence: Evidence) -> Float64[np.ndarray, " batch"]:
        """Return the total of each picture; higher is more outlying, unlimited."""
        return self.totals(self.scored(evidence))

    def place(self, scored: Scored) -> Place | None:
        """Say where one picture lies among the calibration pictures, or None without any."""
        total, n = float(self.totals(scored)[0]), len(self._totals)
        if not n or not math.isfinite(total):
            return None
        low, high = np.quantile(self._totals, USUAL)
        limit = np.sort(self._totals)[n - min(self.calibration.r, n)]
        return Place(total, float(low), float(high), float(limit))

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """Return a verdict on each picture, the same alone or among others."""
        return self.judge_scored(self.scored(evidence))

    def judge_scored(self, scored: Scored) -> tuple[Verdict, ...]:
        """Return the verdicts that follow from what the detectors said."""
        p = p_values(self.totals(scored), self._totals)
        columns = scored.by_detector
        return tuple(
            self._verdict({name: column[[row]] for name, column in columns.items()}, float(p[row]))
            for row in range(len(p))
        )

    def totals(self, scored: Scored) -> Float64[np.ndarray, " n"]:
        """Return the totals that follow from what the detectors said."""
        return _totals(scored, self._scored)

    def surprises(self, scored: Scored) -> dict[str, Float64[np.ndarray, " n"]]:
        """Return how surprising each detector finds each picture, by its name."""
        return _surprises(scored, self._scored)

    def refuse(self, finding: Finding) -> Verdict:
        """Return the verdict on what is no usable picture: unknown, without asking detectors."""
        p = 1 / (self.calibration.n + 1)
        return Verdict("unknown", p, finding.reason, finding.reason_code, {}, self.calibration)

    def heat_map(self, evidence: Evidence) -> Float[Tensor, "batch height width"] | None:
        """Return the first heat map that a detector draws, or None; see `Detector.heat_map`."""
        maps = (d.heat_map(evidence) for d in self._detectors.values())
        return next((m for m in maps if m is not None), None)

    def promise_in_words(self) -> str:
        """Say what is promised, or why nothing is and how many pictures it would take."""
        found, confidence = self.calibration, self._recipe.confidence
        if found.promised is not None:
            return (
                f"at most {found.alpha:.3g} of ordinary pictures are called unknown, with "
                f"confidence {confidence:.3g}, from {found.n} calibration pictures"
            )
        if not self._promise:
            return "no guarantee possible: no pictures were kept for calibration alone"
        needed = pictures_needed(found.alpha, confidence)
        return (
            f"no guarantee possible: {found.n} calibration pictures, "
            f"{needed if needed else 'no finite number'} needed{self._weaker()}"
        )

    def state(self) -> tuple[dict[str, Shaped[Tensor, "..."]], dict[str, Any]]:
        """Return the arrays and the plain values that `load` needs; no picture, no name."""
        arrays = {
            "totals": torch.from_numpy(self._totals),
            "predicted": torch.from_numpy(self._scored.predicted),
        }
        for name, detector in self._detectors.items():
            arrays[f"{name}.scores"] = torch.from_numpy(self._scored.by_detector[name])
            arrays |= {f"{name}.state.{key}": a for key, a in detector.state().items()}
        config = asdict(self._recipe)
        return arrays, {**config, "detectors": list(self._detectors), "promise": self._promise}

    @classmethod
    def load(
        cls,
        arrays: Mapping[str, Shaped[Tensor, "..."]],
        config: Mapping[str, Any],
        encode: Encode,
    ) -> "Gate":
        """Rebuild a gate from `state`.

        Args:
            arrays: As `state` returned them.
            config: As `state` returned it.
            encode: For detectors that must encode again.

        Raises:
            ComponentError: A detector is not installed here.
        """
        plain = {**config, "detectors": tuple(config["detectors"])}
        promise = plain.pop("promise")
        detectors = fresh_detectors(plain["detectors"], encode)
        for name, detector in detectors.items():
            start = f"{name}.state."
            detector.load_state(
                {key.removeprefix(start): a for key, a in arrays.items() if key.startswith(start)}
            )
        return cls(
            detectors,
            GateRecipe(**plain),
            promise=promise,
            scored=Scored(
                {name: arrays[f"{name}.scores"].numpy() for name in detectors},
                arrays["predicted"].numpy(),
            ),
            totals=arrays["totals"].numpy(),
        )

    def _weaker(self) -> str:
        """Say which rate higher than the one asked for can be promised, rounded up."""
        n, confidence = self.calibration.n, self._recipe.confidence
        rate = math.ceil(1000 * weakest_rate(n, confidence)) / 1000
        if rate == 1:
            return ""
        return (
            f" for a rate of {self.calibration.alpha:.3g}; only that at most {rate:.3g} of "
            "ordinary pictures are called unknown can be promised, with confidence "
            f"{confidence:.3g}"
        )

    def _calibration(self, alpha: float) -> Calibration:
        n = len(self._totals)
        r = largest_rank(n, alpha, self._recipe.confidence)
        kept = self._promise and r > 0
        # Too few for a promise: only what exceeds every calibration picture is flagged.
        return Calibration(n, max(r, min(n, 1)), alpha, alpha if kept else None)

    def _verdict(self, scores: Mapping[str, Float64[np.ndarray, " 1"]], p: float) -> Verdict:
        state = self._state(p)
        code, reason = ORDINARY, _share_in_words(p, self.calibration.n)
        ordinary = self._scored.by_detector
        if state != "known":
            name = max(scores, key=lambda n: float(surprise(scores[n], ordinary[n])[0]))
            code = self._detectors[name].reason_code
            reason += f": {self._evidence_in_words(name, float(scores[name][0]))}"
        each = {n: float(p_values(s, ordinary[n])[0]) for n, s in scores.items()}
        return Verdict(state, p, reason, code, each, self.calibration)

    def _state(self, p: float) -> State:
        if self._flagged(p, self.calibration):
            return "unknown"
        return "caution" if self._flagged(p, self._caution) else "known"

    @staticmethod
    def _flagged(p: float, level: Calibration) -> bool:
        return p <= level.r / (level.n + 1)

    def _evidence_in_words(self, name: str, score: float) -> str:
        detector = self._detectors[name]
        if not math.isfinite(score):
            return f"{detector.reason}, {detector.measure} cannot be computed"
        low, high = np.quantile(self._scored.by_detector[name], USUAL, method="lower")
        return f"{detector.reason}, {detector.measure} {score:.2g}, usually {low:.2g} to {high:.2g}"


def fresh_detectors(names: Iterable[str], encode: Encode) -> dict[str, Detector]:
    """Return detectors that are not fitted, by name and in this order.

    Args:
        names: Components of `acir.ood`.
        encode: Handed to those that must encode again.

    Raises:
        ComponentError: There is no such detector.
    """
    found = {name: registry.find(FAMILY, Detector, name) for name in names}
    return {name: registry.build(kind, {}, encode=encode) for name, kind in found.items()}


def _scored(detectors: Mapping[str, Detector], evidence: Evidence) -> Scored:
    columns = {name: detector.score(evidence).numpy() for name, detector in detectors.items()}
    return Scored(columns, evidence.class_logits.argmax(dim=1).cpu().numpy())


def _surprises(scored: Scored, calibration: Scored) -> dict[str, Float64[np.ndarray, " n"]]:
    ordinary = calibration.by_detector
    return {name: surprise(column, ordinary[name]) for name, column in scored.by_detector.items()}


def _totals(scored: Scored, calibration: Scored) -> Float64[np.ndarray, " n"]:
    sums, usual = (
        np.sum(list(_surprises(each, calibration).values()), axis=0)
        for each in (scored, calibration)
    )
    return surprise_in_class(sums, scored.predicted, usual, calibration.predicted)


def _share_in_words(p: float, n: int) -> str:
    """Say how many ordinary pictures look as unusual, rounded to the safe side when rare."""
    if n == 0:
        return "there are no ordinary pictures to compare with"
    if p >= COMMON:
        return f"{round(100 * p)} in 100 ordinary pictures look this unusual (p = {p:.2g})"
    steps = sorted(m * 10**e for m in (1, 2, 5) for e in range(1, 9))
    one_in = max(step for step in steps if step * p <= 1)
    return f"at most 1 in {one_in} ordinary pictures look this unusual (p = {p:.2g})"
