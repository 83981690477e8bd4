"""Detectors to calibrated p-values to one verdict with its reason, at a stated false-alarm rate.

Three sets of pictures, none in two of them: references fit the detectors; calibration A turns
each detector's score into a surprise; calibration B says how surprised the gate is by ordinary
pictures. One set for both would double the false alarms.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Shaped
from torch import Tensor

from acir import ood
from acir.conformal import Compared, Usual
from acir.gate_words import evidence_in_words, share_in_words
from acir.ood.base import Detector
from acir.prep.preflight import Finding
from acir.recipe import GateRecipe
from acir.tensors import Encode, Evidence
from acir.threshold import UNUSUAL, Place, Threshold
from acir.types import Calibration, Progress, Scored, Verdict, silent

Said = TypeVar("Said")
Groups = Sequence[float] | None
ORDINARY = "ordinary"
VERY_UNUSUAL = 0.01  # p of a reason about all of a picture, beside which no place counts
PAINTER = "residual"  # draws where a picture differs, asked or not


class Gate:
    """Say whether a picture is of a kind that the model knows.

    The cubes of the surprises -log p of all detectors are added (see `acir.conformal.combined`). A
    class whose ordinary pictures vary more has larger sums, so the sum is made a surprise again,
    among those of A that the model takes for the same class; few of a class are helped out by all
    (see `acir.conformal.OrdinaryByClass`). The result is calibrated on B (see
    `acir.threshold.Threshold`), so neither dependence between detectors nor a wrong class costs
    validity.

    Args:
        detectors: Fitted detectors by name; their order is kept.
        threshold: What the totals of B allow to promise.
        scored: What the detectors say of A.
        painter: A fitted detector that draws the heat map where no other does; it has no say.
    """

    def __init__(
        self,
        detectors: Mapping[str, Detector],
        threshold: Threshold,
        *,
        scored: Scored,
        painter: Detector | None = None,
    ) -> None:
        self._detectors = MappingProxyType(dict(detectors))
        self._recipe = replace(threshold.recipe, detectors=tuple(detectors))
        self._scored = scored
        self._threshold = threshold
        self._usual = Usual(scored)
        self._painter = painter

    @classmethod
    def fit(  # noqa: PLR0913 - what a gate is made of, most by keyword
        cls,
        detectors: Mapping[str, Detector],
        recipe: GateRecipe,
        *,
        references: Evidence,
        calibration: tuple[Evidence, Evidence],
        promise: bool = True,
        groups: Groups = None,
        painter: Detector | None = None,
        progress: Progress = silent,
    ) -> "Gate":
        """Fit the detectors and calibrate them.

        Args:
            detectors: By name, not fitted; see `acir.ood.fresh`.
            recipe: The two false-alarm rates and their confidence.
            references: At most `recipe.references` training pictures.
            calibration: The sets A and B. The promise is about pictures like these that the
                pre-flight lets through.
            promise: False where A and B serve another purpose too, as validation pictures do.
            groups: Of each picture of B: those of equal number may be alike, as of one patient.
            painter: Not fitted; draws the heat map where no detector does, and has no say.
            progress: Shows how many detectors have learned; some take a minute.
        """
        learning = (*detectors.values(), *([painter] if painter else []))
        with progress("teaching the detectors", len(learning)) as tick:
            for detector in learning:
                detector.fit(references)
                tick(1)
        first, second = (_scored(detectors, part) for part in calibration)
        threshold = Threshold.of(Usual(first).compare(second).totals, recipe, promise, groups)
        return cls(detectors, threshold, scored=first, painter=painter)

    def recalibrated(self, first: Scored, second: Scored, groups: Groups = None) -> "Gate":
        """Return this gate with the promise made anew; what the detectors learned stays.

        Args:
            first: What the detectors say of the new set A; see `scored`.
            second: The same of the new set B. No picture of either may have taught the model.
            groups: Of each picture of B; see `fit`.
        """
        threshold = Threshold.of(Usual(first).compare(second).totals, self._recipe, True, groups)
        return Gate(self._detectors, threshold, scored=first, painter=self._painter)

    def scored(self, evidence: Evidence) -> Scored:
        """Return what each detector says of each picture, asking it once."""
        return _scored(self._detectors, evidence)

    def false_alarms(self) -> Bool[np.ndarray, " b"]:
        """Say which pictures of B, in its order, the others of B would call unknown.

        Each is judged as if it were new: by itself, it would look more ordinary than it is.
        """
        return self._threshold.false_alarms()

    @property
    def calibration(self) -> Calibration:
        """What is promised of calling a picture unknown."""
        return self._threshold.unknown

    @property
    def detectors(self) -> Mapping[str, Detector]:
        """The detectors that are asked, by name and in order."""
        return self._detectors

    @property
    def needs_decoder(self) -> bool:
        """Whether any detector that is asked reads the reconstruction."""
        return any(d.needs_decoder for d in self._detectors.values())

    @property
    def draws_heat_maps(self) -> bool:
        """Whether it says where a picture differs."""
        return any(type(each).heat_map is not Detector.heat_map for each in self._able_to_draw)

    def score(self, evidence: Evidence) -> Float64[np.ndarray, " batch"]:
        """Return the total of each picture; higher is more outlying, unlimited."""
        return self.totals(self.scored(evidence))

    def place(self, scored: Scored) -> Place | None:
        """Say where one picture lies among the calibration pictures, or None without any."""
        return self._threshold.place(float(self.totals(scored)[0]))

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """Return a verdict on each picture, the same alone or among others."""
        return self.judge_scored(self.scored(evidence))

    def judge_scored(self, scored: Scored) -> tuple[Verdict, ...]:
        """Return the verdicts that follow from what the detectors said."""
        found = self._usual.compare(scored)
        p = self._threshold.p_values(found.totals).tolist()
        return tuple(self._verdict(found, row, p[row]) for row in range(len(p)))

    def judge_together(self, worst: Verdict, pictures: int) -> Verdict:
        """Return one verdict on several pictures, given that on the worst of them.

        Of ordinary sets, no more are called unknown than of ordinary pictures, however the pictures
        depend on one another; see `Threshold.together`. One that was refused makes all unknown.

        Args:
            worst: The largest by `Verdict.severity`.
            pictures: How many there are, at least one.
        """
        if pictures == 1:
            return worst
        state, p, level = self._threshold.together(worst.p_value, pictures)
        found = replace(worst, p_value=p, calibration=level, pictures=pictures)
        if not worst.scores:
            return found
        share = share_in_words(p, level.n, pictures)
        if state == "known":
            return replace(found, verdict=state, reason=share, reason_code=ORDINARY)
        evidence = worst.reason.removeprefix(share_in_words(worst.p_value, level.n))
        return replace(found, verdict=state, reason=share + evidence)

    def totals(self, scored: Scored) -> Float64[np.ndarray, " n"]:
        """Return the totals that follow from what the detectors said."""
        return self._usual.compare(scored).totals

    def surprises(self, scored: Scored) -> dict[str, Float64[np.ndarray, " n"]]:
        """Return how surprising each detector finds each picture, by its name."""
        return self._by_name(self._usual.compare(scored).surprises)

    def refuse(self, finding: Finding) -> Verdict:
        """Return the verdict on what is no usable picture: unknown, without asking detectors."""
        p = 1 / (self.calibration.n + 1)
        return Verdict("unknown", p, finding.reason, finding.reason_code, {}, self.calibration)

    def heat_map(self, evidence: Evidence) -> Float[Tensor, "batch height width"] | None:
        """Return the first heat map that a detector draws, or None; see `Detector.heat_map`.

        The evidence must have a reconstruction, even if no detector that is asked needs it.
        """
        maps = (each.heat_map(evidence) for each in self._able_to_draw)
        return next((m for m in maps if m is not None), None)

    def promise_in_words(self) -> str:
        """Say what is promised, or why nothing is and how many pictures it would take."""
        return self._threshold.promise_in_words()

    def state(self) -> tuple[dict[str, Shaped[Tensor, "..."]], dict[str, Any]]:
        """Return the arrays and the plain values that `load` needs; no picture, no name."""
        arrays = {
            "totals": torch.from_numpy(self._threshold.totals),
            "predicted": torch.from_numpy(self._scored.predicted),
        }
        for name, detector in self._detectors.items():
            arrays[f"{name}.scores"] = torch.from_numpy(self._scored.by_detector[name])
            arrays |= {f"{name}.state.{key}": a for key, a in detector.state().items()}
        if self._painter is not None:
            arrays |= {f"{PAINTER}.state.{key}": a for key, a in self._painter.state().items()}
        return arrays, {
            **asdict(self._recipe),
            "detectors": list(self._detectors),
            "promise": self._threshold.promise,
            "independent": self._threshold.independent,
            "painter": self._painter is not None,
        }

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
        promise, independent = plain.pop("promise"), plain.pop("independent", None)
        painted = plain.pop("painter")
        detectors = ood.fresh(plain["detectors"], encode)
        painters = ood.fresh([PAINTER] if painted else [], encode)
        for name, detector in (detectors | painters).items():
            start = f"{name}.state."
            detector.load_state(
                {key.removeprefix(start): a for key, a in arrays.items() if key.startswith(start)}
            )
        return cls(
            detectors,
            Threshold(arrays["totals"].numpy(), GateRecipe(**plain), promise, independent),
            scored=Scored(
                {name: arrays[f"{name}.scores"].numpy() for name in detectors},
                arrays["predicted"].numpy(),
            ),
            painter=painters.get(PAINTER),
        )

    @property
    def _able_to_draw(self) -> tuple[Detector, ...]:
        return (*self._detectors.values(), *([self._painter] if self._painter else []))

    def _verdict(self, found: Compared, row: int, p: float) -> Verdict:
        state = self._threshold.state(p)
        code, reason = ORDINARY, share_in_words(p, self.calibration.n)
        each = self._by_name(found.p_values[:, row].tolist())
        if state != "known":
            name = self._cause(each, self._by_name(found.surprises[:, row].tolist()))
            detector, usual = self._detectors[name], self._usual.ranges[name]
            score = self._by_name(found.scores[:, row].tolist())[name]
            code = detector.reason_code
            words = evidence_in_words(detector.reason, detector.measure, score, usual)
            reason += f": {words}"
        return Verdict(state, p, reason, code, each, self.calibration)

    def _cause(self, each: Mapping[str, float], surprises: Mapping[str, float]) -> str:
        """Return the detector that gives the reason: the most surprised one.

        Where pixels are unusual by themselves, what the network makes of them is a consequence;
        and where all of a picture is very unusual, what is found at its places is one.
        """
        kinds = self._detectors
        seen = [n for n, p in each.items() if p <= UNUSUAL and not kinds[n].looks_at_content]
        all_over = [n for n in seen if each[n] <= VERY_UNUSUAL and not kinds[n].looks_at_places]
        return max(all_over or seen or each, key=surprises.__getitem__)

    def _by_name(self, of_each: Iterable[Said]) -> dict[str, Said]:
        return dict(zip(self._scored.by_detector, of_each, strict=True))


def _scored(detectors: Mapping[str, Detector], evidence: Evidence) -> Scored:
    columns = {name: detector.score(evidence).numpy() for name, detector in detectors.items()}
    return Scored(columns, evidence.class_logits.argmax(dim=1).cpu().numpy())
