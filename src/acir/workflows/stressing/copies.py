"""What gate and baselines say where colour, size and sharpness tell nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from acir.bundle import Bundle
from acir.evaluation import stress_baselines
from acir.evaluation.stress import Judged
from acir.models.evidence import encode_with
from acir.sources.base import Source
from acir.types import ImageRecord, Progress
from acir.workflows.calibrate import collect_by_role, fit_gate
from acir.workflows.stressing.judging import Judge, traits
from acir.workflows.stressing.parts import Parts
from acir.workflows.stressing.pictures import equalised


@dataclass(frozen=True)
class Copies:
    """Gate and baselines that have learned from equalised copies; the network has not.

    A gate that learned from coloured pictures finds every grey copy far away, ordinary ones too,
    so nothing could be told from what it says of copies.

    Attributes:
        judge: Their gate and baselines.
    """

    judge: Judge

    def __call__(self, records: Iterable[ImageRecord]) -> Judged:
        """Judge copies without colour, of one size and of one sharpness."""
        size = self.judge.bundle.prep.size
        return self.judge(equalised(record, size) for record in records)


def learned_from_copies(source: Source, bundle: Bundle, parts: Parts, progress: Progress) -> Copies:
    """Teach detectors and baselines, and calibrate the gate, by copies of `parts.teachers`."""
    roles, size = parts.teachers, bundle.prep.size

    def copies() -> Iterator[ImageRecord]:
        with progress("encoding equalised copies", len(roles)) as tick:
            for record in source:
                if record.id in roles:
                    yield equalised(record, size)
                    tick(1)

    evidence = collect_by_role(copies(), roles, bundle.encoder, bundle.prep)
    gate = fit_gate(bundle.recipe, evidence, encode_with(bundle.encoder), promise=False)
    seen = traits(evidence["references"])
    baselines = stress_baselines.fit(seen, decoder=bundle.encoder.decoder is not None)
    return Copies(Judge(replace(bundle, gate=gate), baselines))
