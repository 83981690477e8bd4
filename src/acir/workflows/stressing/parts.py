"""Which pictures a stress test uses, and for what."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool

from acir.amounts import amount
from acir.bulk import Codes, Embeddings, prepared_batches
from acir.bundle import Bundle
from acir.data.manifest import Row, read_manifest
from acir.errors import SourceError
from acir.evaluation.protocol import CodedSet
from acir.evaluation.retrieved import spread
from acir.evaluation.stress_baselines import Traits
from acir.models.encoder import Encoder
from acir.models.evidence import collect_evidence
from acir.search import coded
from acir.sources.base import Source
from acir.tensors import Evidence
from acir.types import ImageRecord, Progress, counted
from acir.workflows.calibrate import references
from acir.workflows.coding import labels_of
from acir.workflows.stressing.judging import traits

Role = Literal["training", "calibration", "clean"]

LEAST_PICTURES = 8  # the average of many pictures needs seven others
CLEAN = 10  # times as many are judged as they are: 1 % of few would be the oddest one or two


@dataclass(frozen=True)
class Parts:
    """The pictures of a source by what they are used for.

    Attributes:
        changed: The pictures that are corrupted or attacked, by id.
        labels: Which class each of them has.
        clean: By id, the classes of the pictures that are judged as they are: of these and more.
        gallery: The training pictures, which answers come from.
        training: What the baselines learn of them.
        calibration: Of the pictures that calibrated the gate.
        teachers: By id, for what a picture is used where a gate learns anew: see
            `acir.workflows.calibrate.collect_by_role`.
        held: Pixel hashes of all pictures of the source.
    """

    changed: tuple[ImageRecord, ...]
    labels: Bool[np.ndarray, "n classes"]
    clean: Mapping[str, Bool[np.ndarray, " classes"]]
    gallery: CodedSet
    training: Traits
    calibration: Traits
    teachers: Mapping[str, str]
    held: frozenset[str]


@dataclass(frozen=True)
class _Encoded:
    """What is kept of a batch of pictures."""

    ids: tuple[str, ...]
    pixel_hashes: tuple[str, ...]
    traits: Traits
    coded: tuple[Codes, Embeddings]


def read_parts(source: Source, bundle: Bundle, limit: int, progress: Progress) -> Parts:
    """Read a source twice: which pictures there are, then those that are used.

    Raises:
        SourceError: There is no training picture, too few labelled test pictures, no picture that
            calibrated the gate, a label that the model was not trained on, or a patient in two
            splits.
    """
    names = bundle.class_names
    with progress("looking at the pictures", None) as tick:
        manifest = read_manifest(counted(source, tick), lambda: source.skipped, 0.0)
    manifest.require_patients_apart()
    rows = manifest.rows
    roles = _roles(rows, bundle, limit * CLEAN)
    _require(source.location, rows, roles)
    labels = {row.id: labels_of(row, names) for row in rows if row.id in roles}
    clean = sorted(name for name, role in roles.items() if role == "clean")
    some = frozenset(clean[place] for place in spread(len(clean), limit))
    with progress("encoding the pictures", len(roles)) as tick:
        changed, learned = _read(source, bundle, roles, some, tick)
    return Parts(
        changed=tuple(changed),
        labels=np.stack([labels[record.id] for record in changed]),
        clean={name: labels[name] for name in clean},
        gallery=_gallery(learned["training"], labels),
        training=Traits.concatenate([part.traits for part in learned["training"]]),
        calibration=Traits.concatenate([part.traits for part in learned["calibration"]]),
        teachers=_teachers(rows, roles, bundle),
        held=frozenset(row.pixel_hash for row in rows),
    )


def _gallery(
    parts: Sequence[_Encoded], labels: Mapping[str, Bool[np.ndarray, " classes"]]
) -> CodedSet:
    """Return the training pictures in ascending order of their ids, as an index holds them."""
    ids = [name for part in parts for name in part.ids]
    pictures = CodedSet(
        np.concatenate([part.coded[0] for part in parts]),
        np.concatenate([part.coded[1] for part in parts]),
        np.stack([labels[name] for name in ids]),
        tuple(pixels for part in parts for pixels in part.pixel_hashes),
    )
    return pictures[np.argsort(np.array(ids))]


def foreign_pictures(
    source: Source, text: str, parts: Parts, limit: int
) -> tuple[ImageRecord, ...]:
    """Return pictures of a kind that the model does not know, evenly spread over their source.

    Raises:
        SourceError: No picture can be read, or the source of the known kinds holds one too.
    """
    rows = [(record.id, record.pixel_hash) for record in source]
    known = sum(pixels in parts.held for _, pixels in rows)
    if known:
        given = amount(len(rows), "picture", "pictures")
        raise SourceError(
            f"--data holds {known} of {given} of {text} too, pixel for pixel; give pictures of "
            "kinds that the model does not know"
        )
    if not rows:
        raise SourceError(
            f"none of {amount(len(source.skipped), 'picture', 'pictures')} of {text} can be read; "
            "give some that can"
        )
    wanted = {rows[place][0] for place in spread(len(rows), limit)}
    return tuple(record for record in source if record.id in wanted)


def _roles(rows: Sequence[Row], bundle: Bundle, most: int) -> dict[str, Role]:
    """Say by id what a picture is for; at most so many are judged as they are.

    Where no picture was kept for calibration alone, validation pictures have calibrated the gate.
    """
    roles: dict[str, Role] = {}
    seen = {row.pixel_hash for row in rows if row.split != "test"}
    for row in rows:
        if row.pixel_hash in bundle.calibration or (not bundle.calibration and row.split == "val"):
            roles[row.id] = "calibration"
        elif row.split == "train":
            roles[row.id] = "training"
    new = sorted(r.id for r in rows if r.split == "test" and r.labels and r.pixel_hash not in seen)
    return roles | dict.fromkeys((new[place] for place in spread(len(new), most)), "clean")


def _teachers(rows: Sequence[Row], roles: Mapping[str, Role], bundle: Bundle) -> dict[str, str]:
    """Let every other picture that calibrated the gate belong to A, the others to B."""
    training = [row for row in rows if roles.get(row.id) == "training"]
    learned = references(training, bundle.recipe.gate, bundle.prep.size)
    calibration = [row for row in rows if roles.get(row.id) == "calibration"]
    calibrated = sorted(calibration, key=lambda row: row.pixel_hash)
    return {
        **dict.fromkeys((row.id for row in learned), "references"),
        **dict.fromkeys((row.id for row in calibrated[::2]), "a"),
        **dict.fromkeys((row.id for row in calibrated[1::2]), "b"),
    }


def _require(place: str, rows: Sequence[Row], roles: dict[str, Role]) -> None:
    found = list(roles.values())
    if "training" not in found:
        raise SourceError(
            f"{place} holds no training picture, from which answers could come; give the whole "
            "source that the model was trained on"
        )
    if "calibration" not in found:
        raise SourceError(
            f"none of {amount(len(rows), 'picture', 'pictures')} of {place} has calibrated the "
            "gate; give the source that the model was trained on"
        )
    if found.count("clean") < LEAST_PICTURES:
        raise SourceError(
            f"{place} holds {found.count('clean')} labelled test pictures, expected at least "
            f"{LEAST_PICTURES} that are not in training; add some"
        )


def _read(
    source: Source,
    bundle: Bundle,
    roles: Mapping[str, Role],
    to_change: frozenset[str],
    tick: Callable[[int], None],
) -> tuple[list[ImageRecord], dict[Role, list[_Encoded]]]:
    """Keep pictures to be changed as they are, and what is learned of others, by role."""
    changed: list[ImageRecord] = []
    learned: dict[Role, list[_Encoded]] = {"training": [], "calibration": []}

    def to_encode() -> Iterator[ImageRecord]:
        for record in source:
            role = roles.get(record.id)
            if record.id in to_change:
                changed.append(record)
            if role in learned:
                yield record
            tick(role is not None)

    for chunk, images in prepared_batches(to_encode(), bundle.prep):
        evidence = collect_evidence(bundle.encoder, images)  # baselines may decode
        for role, parts in learned.items():
            rows = [i for i, record in enumerate(chunk) if roles[record.id] == role]
            if rows:
                some = evidence[torch.tensor(rows)]
                parts.append(_encoded([chunk[i] for i in rows], bundle.encoder, some))
    return sorted(changed, key=lambda record: record.id), learned


def _encoded(records: Sequence[ImageRecord], encoder: Encoder, evidence: Evidence) -> _Encoded:
    ids, hashes = tuple(r.id for r in records), tuple(r.pixel_hash for r in records)
    return _Encoded(ids, hashes, traits(evidence), coded(encoder, evidence))
