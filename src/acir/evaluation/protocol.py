"""Which queries against which gallery, what is left out, and the numbers that result."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float16, Int, UInt8

from acir.amounts import amount
from acir.codes import BITS_PER_BYTE, hamming
from acir.errors import SourceError
from acir.evaluation.cosines import cosines
from acir.evaluation.scores import Scores, by_codes, by_order
from acir.metrics.code_use import CodeUse, code_use
from acir.metrics.curves import Balls
from acir.metrics.ties import chunks
from acir.ranking.base import Ranker, unranked


@dataclass(frozen=True)
class CodedSet:
    """Encoded pictures, in ascending order of their ids.

    Attributes:
        codes: Packed hash codes.
        embeddings: Blended features of unit length.
        labels: Whether each picture has each class.
        pixel_hashes: `ImageRecord.pixel_hash` of each picture.

    Raises:
        ValueError: The columns differ in length.
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
        return self[self.rows_outside(other)]

    def rows_outside(self, other: "CodedSet") -> Int[np.ndarray, " new"]:
        """Return the positions, ascending, of what `without` returns."""
        held = frozenset(other.pixel_hashes)
        new = [row for row, pixels in enumerate(self.pixel_hashes) if pixels not in held]
        return np.array(new, dtype=np.int64)


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
        balls: Precision and recall of each scored query within every Hamming radius.
        precisions: Interpolated precision of each scored query at recalls from 0 to 1.
        mode: Name of the ranker behind `reranked`.
        reranked: As `scores`, in the order of the ranker, for fewer keys; averaged over every order
            of what it does not tell apart, though people see such ties in order of their ids.
        code_use: How the gallery uses its codes.
    """

    bits: int
    n_gallery: int
    rows: Int[np.ndarray, " queries"]
    n_excluded: int
    class_names: tuple[str, ...]
    labels: Bool[np.ndarray, "queries classes"]
    scores: Scores
    balls: Balls
    precisions: Float[np.ndarray, "queries recalls"]
    mode: str
    reranked: Scores
    code_use: CodeUse

    def per_class(self) -> dict[str, dict[str, int | float | None]]:
        """Return how well the queries of each class are answered and how it uses its codes.

        `n`, `mAP` and `P@1` are those of the scored queries that have the class, the others those
        of the gallery's pictures; a value that is not defined is None.
        """
        use = self.code_use
        columns = {
            "mAP": self._by_class(self.scores["mAP"]),
            "P@1": self._by_class(self.scores["P@1"]),
            "distinct_codes": use.class_distinct,
            "commonest_code": use.class_commonest,
            "within_to_between": use.within_to_between,
        }
        counts = self.labels.sum(axis=0)
        return {
            name: {
                "n": int(counts[number]),
                **{key: _plain(column[number]) for key, column in columns.items()},
            }
            for number, name in enumerate(self.class_names)
        }

    def worst_class(self) -> dict[str, str | int | float | None]:
        """Return the `per_class` row with the lowest mAP, with its `name`."""
        table = self.per_class()
        worst = int(np.nanargmin(self._by_class(self.scores["mAP"])))
        name = self.class_names[worst]
        return {"name": name, **table[name]}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of `acir evaluate`.

        `n_queries` counts the scored queries, `mAP` is their mean and `mAP_macro` the mean over
        the classes that have any. Curves are means over queries. What is not defined is None.
        """
        use = self.code_use
        return {
            "bits": self.bits,
            "n_gallery": self.n_gallery,
            "n_queries": len(self.rows),
            "n_excluded": self.n_excluded,
            **self._means(self.scores),
            "radius": {
                "precision": self.balls.precision.mean(axis=0).tolist(),
                "recall": self.balls.recall.mean(axis=0).tolist(),
                "empty": self.balls.empty.mean(axis=0).tolist(),
            },
            "precision_recall": {
                "recall": np.linspace(0, 1, self.precisions.shape[1]).tolist(),
                "precision": self.precisions.mean(axis=0).tolist(),
            },
            "per_class": self.per_class(),
            "worst_class": self.worst_class(),
            "bit_balance": use.bit_balance,
            "bit_correlation": _plain(use.bit_correlation),
            "distinct_codes": use.distinct_codes,
            "commonest_code": _mean(use.class_commonest),
            "within_to_between": _mean(use.within_to_between),
            "reranked": {"mode": self.mode, **self._means(self.reranked)},
        }

    def _means(self, scores: Scores) -> dict[str, float | None]:
        """Return the mean of each score, and of mAP that over classes too."""
        means = {key: _mean(values) for key, values in scores.items()}
        return {"mAP": means.pop("mAP"), "mAP_macro": _mean(self._by_class(scores["mAP"])), **means}

    def _by_class(self, values: Float[np.ndarray, " queries"]) -> Float[np.ndarray, " classes"]:
        """Return the mean over the queries of each class; NaN where there is none."""
        return np.array(
            [values[has_class].mean() if has_class.any() else np.nan for has_class in self.labels.T]
        )


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
        _refuse_unlabelled(gallery, "gallery")
        _refuse_unlabelled(queries, "query")
        questions = amount(len(queries), "query picture", "query pictures")
        candidates = amount(len(gallery), "gallery picture", "gallery pictures")
        raise SourceError(
            f"none of {questions} shares a class with any of {candidates}; give queries of the "
            "gallery's classes"
        )
    asked = queries[rows]
    by_distance = by_codes(asked.codes, asked.labels, gallery.codes, gallery.labels)
    return Evaluation(
        bits=gallery.codes.shape[1] * BITS_PER_BYTE,
        n_gallery=len(gallery),
        rows=rows,
        n_excluded=len(queries) - len(rows),
        class_names=tuple(class_names),
        labels=asked.labels,
        scores=by_distance.scores,
        balls=by_distance.balls,
        precisions=by_distance.precisions,
        mode=mode,
        reranked=_reranked_scores(gallery, asked, ranker),
        code_use=code_use(gallery.codes, gallery.labels),
    )


def _refuse_unlabelled(pictures: CodedSet, name: str) -> None:
    if len(pictures) and not pictures.labels.any():
        counted = amount(len(pictures), f"{name} picture", f"{name} pictures")
        raise SourceError(
            f"none of {counted} has a label, by which a hit is right or wrong; put them in folders "
            "called after their classes, or name these in the column label of a .csv manifest"
        )


def refuse_overlap(gallery_hashes: Collection[str], query_hashes: Collection[str]) -> None:
    """Refuse queries that the gallery holds, pixel for pixel: finding them proves nothing.

    Raises:
        SourceError: At least one query has the pixels of a gallery picture.
    """
    held = frozenset(gallery_hashes)
    overlap = sum(query in held for query in query_hashes)
    if overlap:
        given = amount(len(query_hashes), "query picture", "query pictures")
        raise SourceError(
            f"the gallery holds {overlap} of {given} too, pixel for pixel; give a gallery and "
            "queries that share no picture, such as SOURCE#train and SOURCE#test"
        )


def _reranked_scores(gallery: CodedSet, queries: CodedSet, ranker: Ranker) -> Scores:
    parts = [
        _scores_in_order(gallery, queries[some], ranker)
        for some in chunks(len(queries), len(gallery))
    ]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _scores_in_order(gallery: CodedSet, queries: CodedSet, ranker: Ranker) -> Scores:
    """Put the gallery in the ranker's order for each query, and score it."""
    rows = np.arange(len(gallery))
    distances = hamming(queries.codes, gallery.codes)
    alike = cosines(queries.embeddings, gallery.embeddings)
    order, begins = np.zeros(distances.shape, np.int64), np.zeros(distances.shape, np.bool_)
    for number in range(len(queries)):
        candidates = unranked(rows, distances[number], alike[number])
        order[number], begins[number] = ranker.tied(candidates)
    return by_order(order, begins, queries.labels, gallery.labels)


def _mean(values: Float[np.ndarray, " n"]) -> float | None:
    """Return the mean of what is defined, or None."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else None


def _plain(value: float | np.generic) -> int | float | None:
    """Return a number as JSON has it, None for NaN."""
    number: int | float = value.item() if isinstance(value, np.generic) else value
    return None if np.isnan(number) else number
