"""Which queries against which gallery, what is left out, and the numbers that result."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float16, Int, UInt8

from acir.codes import BITS_PER_BYTE, hamming
from acir.errors import SourceError
from acir.metrics.code_use import bit_balance, distinct_codes
from acir.metrics.retrieval import average_precision, average_precision_over_hits, precision
from acir.metrics.ties import TieGroups, by_distance, by_rank, chunks
from acir.ranking.base import DECIMALS, Ranker
from acir.types import Ranking

Scores = Mapping[str, Float[np.ndarray, " queries"]]

_HAMMING: Mapping[str, Callable[[TieGroups], Float[np.ndarray, " queries"]]] = {
    "mAP": average_precision,
    "mAP@5": partial(average_precision, k=5),
    "mAP@100": partial(average_precision, k=100),
    "map_at_5_hits": average_precision_over_hits,
    "P@1": partial(precision, k=1),
    "P@5": partial(precision, k=5),
    "P@10": partial(precision, k=10),
    "ACC@1": partial(precision, k=1),
}
_RERANKED = {key: _HAMMING[key] for key in ("mAP", "mAP@5", "map_at_5_hits", "P@1")}


@dataclass(frozen=True)
class CodedSet:
    """Encoded pictures, in ascending order of their ids.

    Attributes:
        codes: Packed hash codes.
        embeddings: Blended features of unit length.
        labels: Whether each picture has each class.
        pixel_hashes: `ImageRecord.pixel_hash` of each picture.
    """

    codes: UInt8[np.ndarray, "n bytes"]
    embeddings: Float16[np.ndarray, "n dim"]
    labels: Bool[np.ndarray, "n classes"]
    pixel_hashes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse columns of different lengths."""
        lengths = {len(self.codes), len(self.embeddings), len(self.labels), len(self.pixel_hashes)}
        if len(lengths) > 1:
            raise ValueError(f"the columns of a coded set differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.codes)

    def __getitem__(self, rows: Int[np.ndarray, " m"] | slice) -> "CodedSet":
        """Return some of the pictures."""
        hashes = tuple(self.pixel_hashes[row] for row in np.arange(len(self))[rows])
        return CodedSet(self.codes[rows], self.embeddings[rows], self.labels[rows], hashes)

    def without(self, other: "CodedSet") -> "CodedSet":
        """Return the pictures whose pixels another set does not hold."""
        held = frozenset(other.pixel_hashes)
        new = [row for row, pixels in enumerate(self.pixel_hashes) if pixels not in held]
        return self[np.array(new, dtype=np.int64)]


@dataclass(frozen=True)
class Evaluation:
    """The scores of every query, so that two methods can be compared query by query.

    A query is scored when at least one picture of the gallery shares a label with it; the others
    have no right answer and are only counted. Which ones does not depend on the method.

    Attributes:
        bits: Length of the code.
        n_gallery: Pictures in the gallery.
        rows: Positions of the scored queries among all queries.
        n_excluded: Queries without any relevant picture.
        class_names: One name a class.
        labels: Whether each scored query has each class.
        scores: By JSON key, the score of each scored query by Hamming distance alone.
        mode: Name of the ranker behind `reranked`.
        reranked: The same in the order of the ranker, for fewer keys.
        bit_balance: Of the gallery's codes; see `acir.metrics.code_use`.
        distinct_codes: Different codes in the gallery.
    """

    bits: int
    n_gallery: int
    rows: Int[np.ndarray, " queries"]
    n_excluded: int
    class_names: tuple[str, ...]
    labels: Bool[np.ndarray, "queries classes"]
    scores: Scores
    mode: str
    reranked: Scores
    bit_balance: float
    distinct_codes: int

    def per_class(self) -> dict[str, dict[str, int | float | None]]:
        """Return n, mAP and P@1 of the scored queries that have each class; null where n is 0."""
        table: dict[str, dict[str, int | float | None]] = {}
        for name, has_class in zip(self.class_names, self.labels.T, strict=True):
            n = int(has_class.sum())
            means = {
                key: float(self.scores[key][has_class].mean()) if n else None
                for key in ("mAP", "P@1")
            }
            table[name] = {"n": n, **means}
        return table

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of `acir evaluate`.

        `n_queries` counts the scored queries, `mAP` is their mean and `mAP_macro` the mean over
        the classes that have any.
        """
        per_class = self.per_class()
        of_classes = [row["mAP"] for row in per_class.values() if row["mAP"] is not None]
        means = _means(self.scores)
        return {
            "bits": self.bits,
            "n_gallery": self.n_gallery,
            "n_queries": len(self.rows),
            "mAP": means.pop("mAP"),
            "mAP_macro": float(np.mean(of_classes)),
            **means,
            "per_class": per_class,
            "bit_balance": self.bit_balance,
            "distinct_codes": self.distinct_codes,
            "reranked": {"mode": self.mode, **_means(self.reranked)},
        }


def evaluate(
    gallery: CodedSet,
    queries: CodedSet,
    *,
    class_names: Sequence[str],
    ranker: Ranker,
    mode: str,
) -> Evaluation:
    """Rank the whole gallery for every query, by Hamming distance alone and by the ranker.

    Args:
        gallery: What is searched.
        queries: What is asked.
        class_names: The name of each column of the labels.
        ranker: The product's order.
        mode: The ranker's name.

    Raises:
        SourceError: A query is in the gallery too, or no query has a relevant picture.
    """
    refuse_overlap(gallery.pixel_hashes, queries.pixel_hashes)
    answerable = (queries.labels & gallery.labels.any(axis=0)).any(axis=1)
    rows = np.flatnonzero(answerable)
    if not rows.size:
        raise SourceError(
            f"none of the {len(queries)} query pictures shares a class with any of the "
            f"{len(gallery)} gallery pictures; give queries of the gallery's classes"
        )
    asked = queries[rows]
    groups = by_distance(asked.codes, asked.labels, gallery.codes, gallery.labels)
    return Evaluation(
        bits=gallery.codes.shape[1] * BITS_PER_BYTE,
        n_gallery=len(gallery),
        rows=rows,
        n_excluded=len(queries) - len(rows),
        class_names=tuple(class_names),
        labels=asked.labels,
        scores={key: metric(groups) for key, metric in _HAMMING.items()},
        mode=mode,
        reranked=_reranked_scores(gallery, asked, ranker),
        bit_balance=bit_balance(gallery.codes),
        distinct_codes=distinct_codes(gallery.codes),
    )


def refuse_overlap(gallery_hashes: Collection[str], query_hashes: Collection[str]) -> None:
    """Refuse queries that the gallery holds, pixel for pixel: finding them proves nothing.

    Raises:
        SourceError: At least one query has the pixels of a gallery picture.
    """
    held = frozenset(gallery_hashes)
    overlap = sum(query in held for query in query_hashes)
    if overlap:
        raise SourceError(
            f"{overlap} of {len(query_hashes)} query pictures are in the gallery too, pixel for "
            "pixel; give a gallery and queries that share no picture, such as SOURCE#train and "
            "SOURCE#test"
        )


def _reranked_scores(gallery: CodedSet, queries: CodedSet, ranker: Ranker) -> Scores:
    parts: list[Scores] = []
    for some in chunks(len(queries), len(gallery)):
        groups = by_rank(_relevance_in_order(gallery, queries[some], ranker))
        parts.append({key: metric(groups) for key, metric in _RERANKED.items()})
    return {key: np.concatenate([part[key] for part in parts]) for key in _RERANKED}


def _relevance_in_order(
    gallery: CodedSet, queries: CodedSet, ranker: Ranker
) -> Bool[np.ndarray, "queries n"]:
    """Return whether the picture at each rank of each query's order is relevant."""
    rows, unset = np.arange(len(gallery)), np.full(len(gallery), np.nan)
    distances = hamming(queries.codes, gallery.codes)
    cosines = _cosines(queries.embeddings, gallery.embeddings)
    relevance = np.zeros(distances.shape, dtype=np.bool_)
    for number, labels in enumerate(queries.labels):
        ranked = ranker.rank(Ranking(rows, distances[number], cosines[number], unset))
        relevance[number] = (gallery.labels & labels).any(axis=1)[ranked.rows]
    return relevance


def _cosines(
    queries: Float16[np.ndarray, "queries dim"], gallery: Float16[np.ndarray, "n dim"]
) -> Float[np.ndarray, "queries n"]:
    """Return `acir.ranking.base.cosine` of every pair, bit for bit, many times as fast.

    Products of float16 are multiples of 2**-48 and those of unit vectors sum to about 1 at most,
    so float64 holds every partial sum exactly and a matrix product may add them in any order.
    """
    asked, held = queries.astype(np.float64), gallery.astype(np.float64)
    lengths = np.sqrt(np.outer((asked**2).sum(axis=1), (held**2).sum(axis=1)))
    cosines = np.divide(asked @ held.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return cosines.round(DECIMALS)


def _means(scores: Scores) -> dict[str, float]:
    return {key: float(values.mean()) for key, values in scores.items()}
