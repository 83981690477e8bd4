"""What sizes answers for a chosen risk, measured by searching as a query does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float16, UInt8

from acir.answer_set import MOST, AnswerSets, doubt_to_bear
from acir.codes import BITS_PER_BYTE
from acir.data.manifest import Manifest, Part
from acir.evaluation.protocol import CodedSet
from acir.index.embeddings import Embeddings
from acir.index.entry import Entry
from acir.index.store import Store
from acir.index.view import View
from acir.models.encoder import Encoder
from acir.ranking.base import Ranker
from acir.search import Request, coded
from acir.search.finder import Finder
from acir.search.probe import Probe
from acir.tensors import Evidence
from acir.types import Ranking

BATCH = 128  # queries of one scan of the codes
ENGINE = "faiss"
NONE = np.empty(0, dtype=np.int64)
CALIBRATION: Mapping[str, Part] = {"a": "calibration_a", "b": "calibration_b"}


@dataclass(frozen=True, eq=False)
class Asked:
    """New pictures whose classes are known.

    Attributes:
        codes: Packed hash codes.
        embeddings: As an index keeps them.
        labels: The class names of each picture.
    """

    codes: UInt8[np.ndarray, "n bytes"]
    embeddings: Float16[np.ndarray, "n dim"]
    labels: Sequence[tuple[str, ...]]


def measured(view: View, asked: Asked, ranker: Ranker) -> AnswerSets:
    """Search one state of an index for each picture as `Searcher` does, for `MOST` hits.

    A picture without a label, or with one that no hit has, counts as one that is not answered.
    """
    dim = asked.embeddings.shape[1]
    finder, borne = Finder(view, Embeddings(dim)), list[float]()
    for start in range(0, len(asked.labels), BATCH):
        some = slice(start, start + BATCH)
        probes = [
            [Probe(code, embedding, NONE)]
            for code, embedding in zip(asked.codes[some], asked.embeddings[some], strict=True)
        ]
        found = finder.find(probes, Request(k=MOST), ranker)
        borne += [
            _borne(view, one.ranking, labels)
            for one, labels in zip(found, asked.labels[some], strict=True)
        ]
    return AnswerSets(np.array(borne, np.float64), view.contents(), len(view.gallery.codes))


def of_training(
    encoder: Encoder,
    manifest: Manifest,
    evidence: Mapping[str, Evidence],
    parts: Mapping[str, CodedSet],
    ranker: Ranker,
) -> AnswerSets | None:
    """Ask with the calibration pictures of a training, before there is an index.

    What is searched is what an index of the split `train` will hold, which leaves calibration out:
    the training pictures and, where they lent them, those of validation.

    Args:
        encoder: The network.
        manifest: The rows of the source.
        evidence: Of the calibration pictures, by `a` and `b`, in the order of the manifest.
        parts: The encoded `train` and `val`, likewise.
        ranker: The product's order.

    Returns:
        None where no pictures were kept for calibration.
    """
    roles = [role for role in CALIBRATION if role in evidence]
    if not manifest.fraction or not roles:
        return None
    codes, embeddings = zip(*(coded(encoder, evidence[role]) for role in roles), strict=True)
    labels = [row.labels for role in roles for row in manifest.of(CALIBRATION[role])]
    asked = Asked(np.concatenate(codes), np.concatenate(embeddings), labels)
    held: tuple[Part, ...] = ("train",) if manifest.has_val else ("train", "val")
    with (
        TemporaryDirectory() as folder,
        _stored(Path(folder), manifest, parts, held) as store,
        store.view() as view,
    ):
        return measured(view, asked, ranker)


def _borne(view: View, ranking: Ranking, labels: Sequence[str]) -> float:
    hits = ranking.take(np.arange(min(MOST, len(ranking))))
    theirs = view.values(hits.rows, "label")
    same = [not set(labels).isdisjoint((text or "").split("|")) for text in theirs]
    return doubt_to_bear(hits.similarities, np.array(same, np.bool_))


def _stored(
    folder: Path, manifest: Manifest, parts: Mapping[str, CodedSet], held: Sequence[Part]
) -> Store:
    """Keep encoded parts as an index does, for as long as the folder is there."""
    first = parts["train"]
    store = Store.create(
        folder / "gallery",
        bits=first.codes.shape[1] * BITS_PER_BYTE,
        dim=first.embeddings.shape[1],
        engine=ENGINE,
        model="",
    )
    store.add(
        Entry(row.id, code, embedding, "|".join(row.labels), row.pixel_hash)
        for part in held
        for row, code, embedding in zip(
            manifest.of(part), parts[part].codes, parts[part].embeddings, strict=True
        )
    )
    return store
