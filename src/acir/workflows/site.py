"""The pictures that a site gives for calibration: checked, examined, and halved."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Int, UInt8

from acir.amounts import amount
from acir.bulk import prepared_batches
from acir.bundle import Bundle
from acir.data.near import Draws
from acir.errors import SourceError
from acir.index.store import Store
from acir.prep.pixels import to_unit
from acir.prep.preflight import preflight
from acir.search import coded
from acir.sources.base import Source
from acir.types import ImageRecord, Progress, Scored, counted
from acir.workflows.answer_sets import Asked
from acir.workflows.notes import converted_lines, source_lines

Rows = Int[np.ndarray, " _"]
# Codes and embeddings of some pictures; every batch has a number of its own, hence anonymous axes.
_Batch = tuple[UInt8[np.ndarray, "_ bytes"], Float16[np.ndarray, "_ dim"]]


@dataclass(frozen=True)
class Site:
    """What is kept of the usable pictures of a site, a row each.

    Attributes:
        draws: Equal for all pictures of one patient, and for nearly equal ones without one.
        hashes: Of the pixels.
        patients: Different patients that are named.
        alike: Pictures without a patient that have the draw of a nearly equal one.
        asked: Code, embedding and labels.
        scored: What the detectors say.
        refused: Further pictures that the pre-flight refused.
        twice: Further pictures with the pixels of one that is here.
        notes: What a person should know of them.
    """

    draws: tuple[float, ...]
    hashes: frozenset[str]
    patients: int
    alike: int
    asked: Asked
    scored: Scored
    refused: int
    twice: int
    notes: tuple[str, ...]


def refuse_learned(
    bundle: Bundle, source: Source, name: str, index: Path | None, progress: Progress
) -> None:
    """Refuse a source that holds pictures which taught the model or are in an index.

    Raises:
        SourceError: It holds some; they are counted.
    """
    with progress("looking at the pictures", None) as tick:
        hashes = [record.pixel_hash for record in counted(source, tick)]
    learned = set(hashes) & bundle.training
    if index is not None:
        with Store.open(index) as store, store.view() as view:
            learned |= {one for one in set(hashes) if len(view.same_pixels(one))}
    found = sum(one in learned for one in hashes)
    if found:
        where = f" or are in the index {index.name}" if index is not None else ""
        raise SourceError(
            f"{found} of {amount(len(hashes), 'picture', 'pictures')} of {name} taught the model"
            f"{where}, and no promise can be made from what it has seen; give pictures that are "
            "new to it"
        )


def examined(bundle: Bundle, source: Source, progress: Progress) -> Site:
    """Let every detector look at the usable pictures of a source, a batch in memory at a time."""
    usable, converted = _Usable(), 0
    nothing = {name: np.empty(0) for name in bundle.gate.detectors}
    scored = [Scored(nothing, np.empty(0, np.int64))]
    found = list[_Batch]()
    with progress("calibrating the gate", None) as tick:
        records = usable.of(counted(source, tick))
        for chunk, images in prepared_batches(records, bundle.prep):
            evidence = bundle.evidence(images)
            scored.append(bundle.gate.scored(evidence))
            found.append(coded(bundle.encoder, evidence))
            converted += sum(map(bundle.prep.converts, chunk))
    draws, alike = usable.draws.shared()
    return Site(
        draws=tuple(draws),
        hashes=frozenset(usable.hashes),
        patients=len(usable.patients),
        alike=alike,
        asked=_asked(found, usable.labels),
        scored=Scored.concatenate(scored),
        refused=usable.refused,
        twice=usable.twice,
        notes=(*source_lines(source), *converted_lines(converted)),
    )


def _asked(found: Sequence[_Batch], labels: Sequence[tuple[str, ...]]) -> Asked:
    if not found:
        return Asked(np.empty((0, 0), np.uint8), np.empty((0, 0), np.float16), ())
    codes, embeddings = (np.concatenate(column) for column in zip(*found, strict=True))
    return Asked(codes, embeddings, labels)


class _Usable:
    """Passes the usable pictures on and remembers what halving needs."""

    def __init__(self) -> None:
        self.draws = Draws()
        self.labels: list[tuple[str, ...]] = []
        self.hashes: set[str] = set()
        self.patients: set[str] = set()
        self.refused = self.twice = 0

    def of(self, records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
        for record in records:
            if record.pixel_hash in self.hashes:
                self.twice += 1
            elif preflight(record, to_unit(record)) is not None:
                self.refused += 1
            else:
                self.draws.add(record)
                self.labels.append(record.labels)
                self.hashes.add(record.pixel_hash)
                if record.patient is not None:
                    self.patients.add(record.patient)
                yield record


def halves(draws: Sequence[float], seed: int) -> tuple[Rows, Rows]:
    """Split rows into A and B of about equal size, rows of equal draw together.

    The order of the rows does not matter; with fewer than two draws A is empty.

    Example:
        >>> a, b = halves((0.1, 0.7, 0.1, 0.3), seed=0)
        >>> sorted([*a.tolist(), *b.tolist()])
        [0, 1, 2, 3]
    """
    groups: Mapping[float, list[int]] = defaultdict(list)
    for row, draw in enumerate(draws):
        groups[draw].append(row)
    a, b = list[int](), list[int]()
    for draw in np.random.default_rng(seed).permutation(sorted(groups)).tolist():
        (b if len(b) <= len(a) else a).extend(groups[draw])
    return np.array(sorted(a), np.int64), np.array(sorted(b), np.int64)
