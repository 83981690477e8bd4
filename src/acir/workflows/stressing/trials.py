"""What gate and baselines say of clean, corrupted and foreign pictures, and of copies of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from acir.bundle import Bundle
from acir.evaluation import stress_baselines
from acir.evaluation.protocol import CodedSet
from acir.evaluation.retrieved import first_hits
from acir.evaluation.stress import UNKNOWN_SET, Clean, Trial
from acir.evaluation.stress_baselines import Scorer, Traits
from acir.robustness.corruption import SEVERITIES, Corruption
from acir.sources.base import Source
from acir.types import ImageRecord, Progress
from acir.workflows.stressing.copies import Copies, learned_from_copies
from acir.workflows.stressing.judging import Judge
from acir.workflows.stressing.parts import Parts
from acir.workflows.stressing.pictures import Corrupter


@dataclass(frozen=True)
class Tried:
    """All trials of a model.

    Attributes:
        clean: What is said of the test pictures as they are.
        trials: Each corruption at each of its severities, then each set of foreign pictures.
        thresholds: Of the baselines, by name.
    """

    clean: Clean
    trials: tuple[Trial, ...]
    thresholds: dict[str, float]


def tried(
    bundle: Bundle,
    source: Source,
    parts: Parts,
    foreign: Mapping[str, Sequence[ImageRecord]],
    corruptions: Sequence[Corruption],
    progress: Progress,
) -> Tried:
    """Judge the test pictures clean and corrupted, and pictures of unknown kinds.

    Args:
        bundle: The model.
        source: Read again for the clean pictures, and for what learns from equalised copies.
        parts: Its pictures by what they are used for.
        foreign: Pictures of kinds that the model does not know, by what a report calls them.
        corruptions: What is done to the test pictures.
        progress: Shows how far the work is.
    """
    baselines = stress_baselines.fit(parts.training, decoder=bundle.encoder.decoder is not None)
    judge = Judge(bundle, baselines)
    copies = learned_from_copies(source, bundle, parts, progress)
    clean = _clean(judge, copies, source, parts, progress)
    trials = (
        *_corrupted(judge, copies, parts.changed, corruptions, progress),
        *(_foreign(judge, copies, name, pictures) for name, pictures in foreign.items()),
    )
    return Tried(clean, trials, _thresholds(bundle, baselines, parts.calibration))


def _clean(judge: Judge, copies: Copies, source: Source, parts: Parts, progress: Progress) -> Clean:
    """Judge clean pictures as they come: there may be many of them."""
    told: list[tuple[str, str, tuple[str, ...]]] = []

    def wanted(tick: Callable[[int], None]) -> Iterator[ImageRecord]:
        for record in source:
            if record.id in parts.clean:
                tick(1)
                yield record

    def noted(records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
        for record in records:
            told.append((record.id, record.pixel_hash, record.labels))
            yield record

    with progress("judging clean pictures", 2 * len(parts.clean)) as tick:
        judged, codes, embeddings = judge.coded(noted(wanted(tick)))
        equalised = copies(wanted(tick))
    ids, hashes, names = zip(*told, strict=True)
    labels = np.stack([parts.clean[name] for name in ids])
    asked = CodedSet(codes, embeddings, labels, hashes)
    best = first_hits(parts.gallery, asked, judge.bundle.rankers[judge.bundle.mode])
    shared = (labels & parts.gallery.labels[best]).any(axis=1)
    seeds = {record.id: seed for seed, record in enumerate(parts.changed)}
    return Clean(ids, tuple(map(seeds.get, ids)), names, ~shared, judged, equalised)


def _corrupted(
    judge: Judge,
    copies: Copies,
    pictures: Sequence[ImageRecord],
    corruptions: Sequence[Corruption],
    progress: Progress,
) -> Iterator[Trial]:
    """Judge every corruption at each of its severities; one without degrees has the first alone."""
    cells = [(c, s) for c in corruptions for s in (SEVERITIES if c.graded else SEVERITIES[:1])]
    corrupter = Corrupter(pictures, judge.bundle.prep.size)
    with progress("corrupting and judging", len(cells) * len(pictures)) as tick:
        for corruption, severity in cells:
            changed = corrupter(corruption, severity)
            judged = judge(changed)
            tier = corruption.tier(severity)
            yield Trial(
                kind=corruption.name,
                group=corruption.group,
                severity=severity,
                tier=tier,
                about=corruption.reason,
                judged=judged,
                equalised=copies(changed),
                specimen=judge.worst(changed, judged, tier),
            )
            tick(len(pictures))


def _foreign(judge: Judge, copies: Copies, text: str, records: Sequence[ImageRecord]) -> Trial:
    judged = judge(records)
    return Trial(
        kind=text,
        group=UNKNOWN_SET,
        severity=None,
        tier="reject",
        about="the picture is of a kind that the model does not know",
        judged=judged,
        equalised=copies(records),
        specimen=judge.worst(records, judged, "reject"),
    )


def _thresholds(
    bundle: Bundle, baselines: dict[str, Scorer], calibration: Traits
) -> dict[str, float]:
    """Give each baseline the quantile of the gate: as large a share of calibration lies above.

    The gate flags above the r-th largest of n; the share of ordinary pictures that it expects there
    is r / (n + 1), and so it is for the baselines.
    """
    gate = bundle.gate.calibration
    n = len(calibration.errors)
    rank = max(1, gate.r * (n + 1) // (gate.n + 1))
    return {name: float(np.sort(score(calibration))[-rank]) for name, score in baselines.items()}
