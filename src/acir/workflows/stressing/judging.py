"""Ask the gate, as a search does, and the baselines, about many pictures."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from acir.bulk import Codes, Embeddings, prepared_batches
from acir.bundle import Bundle
from acir.evaluation.figures import png
from acir.evaluation.stress import GATE, Judged, Specimen, Tier
from acir.evaluation.stress_baselines import Scorer, Traits
from acir.models.evidence import collect_evidence
from acir.prep.pixels import to_unit
from acir.prep.preflight import preflight
from acir.search import coded
from acir.tensors import Evidence
from acir.types import ImageRecord, Verdict

Column = Float64[np.ndarray, " _"]


@dataclass(frozen=True)
class Judge:
    """The gate of a bundle with what it is compared with.

    Attributes:
        bundle: The model.
        baselines: Fitted, by name.
    """

    bundle: Bundle
    baselines: Mapping[str, Scorer]

    def __call__(self, records: Iterable[ImageRecord]) -> Judged:
        """Judge pictures: pre-flight first, then the gate; baselines have no pre-flight."""
        return self.coded(records)[0]

    def coded(self, records: Iterable[ImageRecord]) -> tuple[Judged, Codes, Embeddings]:
        """Judge pictures and return their codes and embeddings too."""
        verdicts: list[Verdict] = []
        surprises = defaultdict[str, list[Column]](list)
        scores = defaultdict[str, list[Column]](list)
        encoded = []
        for chunk, images in prepared_batches(records, self.bundle.prep):
            evidence = collect_evidence(self.bundle.encoder, images)  # baselines may decode
            said, totals, surprised = self._asked(chunk, evidence)
            verdicts += said
            scores[GATE].append(totals)
            for name, column in surprised.items():
                surprises[name].append(column)
            seen = traits(evidence)
            for name, score in self.baselines.items():
                scores[name].append(_finite(score(seen)))
            encoded.append(coded(self.bundle.encoder, evidence))
        judged = Judged(
            states=tuple(v.verdict for v in verdicts),
            reason_codes=tuple(v.reason_code for v in verdicts),
            p_values=np.array([v.p_value for v in verdicts]),
            scores=_joined(scores),
            surprises=_joined(surprises),
        )
        codes, embeddings = zip(*encoded, strict=True)
        return judged, np.concatenate(codes), np.concatenate(embeddings)

    def worst(self, records: Sequence[ImageRecord], judged: Judged, tier: Tier) -> Specimen:
        """Return the picture furthest on the wrong side: most outlying where it must be accepted.

        Elsewhere it is the least outlying one; of equal ones the first.
        """
        scores = judged.scores[GATE]
        row = int(scores.argmax() if tier == "accept" else scores.argmin())
        picture = self.bundle.prep(records[row]).transpose(1, 2, 0)
        return Specimen(records[row].id, png(picture), judged.states[row])

    def _asked(
        self, records: Sequence[ImageRecord], evidence: Evidence
    ) -> tuple[list[Verdict], Column, dict[str, Column]]:
        """Ask pre-flight and gate; what the pre-flight refuses surprises every detector."""
        gate = self.bundle.gate
        findings = [preflight(record, to_unit(record)) for record in records]
        scored = gate.scored(evidence)
        verdicts = [
            verdict if finding is None else gate.refuse(finding)
            for finding, verdict in zip(findings, gate.judge_scored(scored), strict=True)
        ]
        refused = np.array([finding is not None for finding in findings])
        surprises = gate.surprises(scored)
        totals = np.where(refused, np.inf, gate.totals(scored))
        return verdicts, totals, {n: np.where(refused, np.inf, c) for n, c in surprises.items()}


def traits(evidence: Evidence) -> Traits:
    """Return what the baselines look at."""
    residual = (evidence.images - evidence.reconstruction).double()
    return Traits(
        errors=residual.square().mean(dim=(1, 2, 3)).sqrt().numpy(),
        blended=evidence.blended.float().numpy(),
        logits=evidence.logits.float().numpy(),
        class_logits=evidence.class_logits.float().numpy(),
    )


def _joined(columns: Mapping[str, Sequence[Column]]) -> dict[str, Column]:
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _finite(scores: np.ndarray) -> np.ndarray:
    """Call most outlying what cannot be computed, as the gate does."""
    return np.where(np.isfinite(scores), scores, np.inf)
