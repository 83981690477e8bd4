"""The score of every query by its JSON key: in the order of the codes, and in that of a ranker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from acir.metrics.code_use import mean_tie_group
from acir.metrics.curves import Balls, balls, interpolated_precision
from acir.metrics.graded import ndcg
from acir.metrics.hits import hit_rate, recall, reciprocal_rank
from acir.metrics.retrieval import average_precision, average_precision_over_hits, precision
from acir.metrics.ties import TieGroups, by_rank, grouped, shared_labels
from acir.metrics.vote import Votes, majority, nearest_votes, ordered_votes

Scores = Mapping[str, Float[np.ndarray, " queries"]]
Metric = Callable[[TieGroups], Float[np.ndarray, " queries"]]

VOTERS = 5
RADIUS = 2  # fixed before any result is seen: the best one on test queries would flatter
LAST_RANK = 100  # of those metrics that look at the first ranks only

_FIRST_RANKS: Mapping[str, Metric] = {
    "mAP@5": partial(average_precision, k=5),
    "mAP@100": partial(average_precision, k=LAST_RANK),
    "map_at_5_hits": average_precision_over_hits,
    "P@1": partial(precision, k=1),
    "P@5": partial(precision, k=5),
    "P@10": partial(precision, k=10),
    "ACC@1": partial(precision, k=1),
    "ACC@3": partial(hit_rate, k=3),
    "ACC@5": partial(hit_rate, k=5),
}
_BY_CODES: Mapping[str, Metric] = {
    "P@100": partial(precision, k=100),
    "R@10": partial(recall, k=10),
    "R@100": partial(recall, k=100),
    "MRR": reciprocal_rank,
    "tie_group": mean_tie_group,
}


@dataclass(frozen=True)
class CodeScores:
    """What the Hamming distance alone gives.

    Attributes:
        scores: The score of each query by JSON key.
        balls: Precision and recall within every radius.
        precisions: Interpolated precision at recalls from 0 to 1.
    """

    scores: Scores
    balls: Balls
    precisions: Float[np.ndarray, "queries recalls"]


def by_codes(
    query_codes: UInt8[np.ndarray, "queries bytes"],
    query_labels: Bool[np.ndarray, "queries classes"],
    gallery_codes: UInt8[np.ndarray, "n bytes"],
    gallery_labels: Bool[np.ndarray, "n classes"],
) -> CodeScores:
    """Score the Hamming order of the whole gallery, averaged over every order of its ties.

    Votes are NaN where a gallery picture has several labels: whom it votes for is not defined.
    """
    levels = shared_labels(query_codes, query_labels, gallery_codes, gallery_labels)
    groups = grouped(levels)
    within = balls(groups)
    votes = None
    if votes_are_defined(gallery_labels):
        votes = nearest_votes(groups, query_codes, gallery_codes, gallery_labels, VOTERS)
    scores = {
        "mAP": average_precision(groups),
        **{key: metric(groups) for key, metric in {**_FIRST_RANKS, **_BY_CODES}.items()},
        "NDCG@10": ndcg(levels, 10),
        "NDCG@100": ndcg(levels, 100),
        f"mMV@{VOTERS}": _voted(votes, query_labels),
        f"P@r={RADIUS}": within.precision[:, RADIUS],
        f"R@r={RADIUS}": within.recall[:, RADIUS],
        f"empty@r={RADIUS}": within.empty[:, RADIUS].astype(np.float64),
    }
    return CodeScores(scores, within, interpolated_precision(groups))


def by_order(
    order: Int[np.ndarray, "queries n"],
    begins: Bool[np.ndarray, "queries n"],
    query_labels: Bool[np.ndarray, "queries classes"],
    gallery_labels: Bool[np.ndarray, "n classes"],
) -> Scores:
    """Score orders of the whole gallery, averaged over every order of their ties.

    Votes are NaN where a gallery picture has several labels: whom it votes for is not defined.

    Args:
        order: The gallery's rows for each query, best first.
        begins: Whether a rank begins a group of ties, as the first does.
        query_labels: Whether each query has each class.
        gallery_labels: Whether each picture has.
    """
    shared = query_labels.astype(np.float32) @ gallery_labels.T.astype(np.float32)
    groups = by_rank(np.take_along_axis(shared > 0, order, axis=1), begins)
    head = groups.head(LAST_RANK)
    votes = None
    if votes_are_defined(gallery_labels):
        votes = ordered_votes(order, begins, gallery_labels, VOTERS)
    return {
        "mAP": average_precision(groups),
        **{key: metric(head) for key, metric in _FIRST_RANKS.items()},
        f"mMV@{VOTERS}": _voted(votes, query_labels),
    }


def votes_are_defined(gallery_labels: Bool[np.ndarray, "n classes"]) -> bool:
    """Return whether every picture has at most one label."""
    return int(gallery_labels.sum(axis=1).max(initial=0)) <= 1


def _voted(
    votes: Votes | None, query_labels: Bool[np.ndarray, "queries classes"]
) -> Float[np.ndarray, " queries"]:
    return np.full(len(query_labels), np.nan) if votes is None else majority(votes, query_labels)
