"""Whether the nearest pictures vote for a query's class, averaged over every order of the ties.

The rule of the published tables, mMV@5 (Mahbod et al., arXiv 2409.09430): each of the first k
pictures votes for its class, and a query is right unless another class has more votes than its own;
several classes with most votes are all right. A picture without a label does not vote, and without
any vote for its class a query is wrong.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from acir.codes import differing, words
from acir.metrics.distinct import distinct
from acir.metrics.ties import TieGroups, chunks


@dataclass(frozen=True)
class Votes:
    """The first pictures of each query by class: those surely among them, and those that tie.

    Attributes:
        sure: Pictures of each class ahead of the group that straddles the last of the first k.
        tied: Pictures of each class in that group.
        blank: Pictures without a label in that group.
        drawn: How many of that group are among the first k.
    """

    sure: Int[np.ndarray, "queries classes"]
    tied: Int[np.ndarray, "queries classes"]
    blank: Int[np.ndarray, " queries"]
    drawn: Int[np.ndarray, " queries"]


def majority(
    votes: Votes, query_labels: Bool[np.ndarray, "queries classes"]
) -> Float[np.ndarray, " queries"]:
    r"""Return the chance that the query's own class has votes, and none has more.

    With m pictures drawn from the tied group, which holds n_c pictures of class c, the own class y
    gains x votes and no class overtakes it in

        C(n_y, x) [z^(m-x)] \prod_{c != y} \sum_{j <= s_y + x - s_c} C(n_c, j) z^j

    draws, s being the sure votes. NaN for a query that has not exactly one label.

    Example:
        >>> counts = np.array([[1, 0]]), np.array([[1, 3]])  # of 4 tied pictures 2 are drawn
        >>> votes = Votes(*counts, blank=np.array([0]), drawn=np.array([2]))
        >>> majority(votes, np.array([[True, False]]))  # only two of class 1 outvote: 3 draws of 6
        array([0.5])
    """
    rows = np.arange(len(query_labels))
    own = (rows, query_labels.argmax(axis=1))
    others = votes.tied.copy()
    others[own] = 0
    most = int(votes.drawn.max(initial=0))
    own_ways = _choices(votes.tied[own], most)
    right = np.zeros(len(rows))
    for extra in range(most + 1):
        won, elsewhere = votes.sure[own] + extra, votes.drawn - extra
        ways = _draws_below(others, won[:, None] - votes.sure, votes.blank, most)
        ways = own_ways[:, extra] * ways[rows, np.maximum(elsewhere, 0)]
        right += np.where((won > 0) & (elsewhere >= 0), ways, 0)
    draws = _choices(votes.tied.sum(axis=1) + votes.blank, most)[rows, votes.drawn]
    return np.where(query_labels.sum(axis=1) == 1, right / draws, np.nan)


def nearest_votes(
    groups: TieGroups,
    query_codes: UInt8[np.ndarray, "queries bytes"],
    gallery_codes: UInt8[np.ndarray, "n bytes"],
    gallery_labels: Bool[np.ndarray, "n classes"],
    k: int = 5,
) -> Votes:
    """Count the classes of the first k pictures by Hamming distance.

    Args:
        groups: The gallery by Hamming distance, group d holding the pictures at distance d.
        query_codes: The queries of the groups.
        gallery_codes: The gallery of the groups.
        gallery_labels: At most one label a picture.
        k: Pictures that vote.

    Raises:
        ValueError: A gallery picture has several labels, so its vote is not defined.
    """
    if (gallery_labels.sum(axis=1) > 1).any():
        raise ValueError("a gallery picture has several labels; a vote takes one label a picture")
    held = distinct(gallery_codes, gallery_labels)
    classes, vote = gallery_labels.shape[1], _vote(held.labels)
    last = (groups.before < k).sum(axis=1) - 1  # the group that the k-th picture is in
    asked, codes = words(query_codes), words(held.codes)
    counts = np.zeros((2, len(query_codes), classes + 1), np.int64)
    for part in chunks(len(query_codes), len(held.codes)):
        distances = differing(asked[:, part], codes)
        limit = last[part, None]
        near = np.flatnonzero(distances <= limit)  # several times as fast as in two dimensions
        row, pair = np.divmod(near, len(held.codes))
        tied = distances[row, pair] == limit[row, 0]
        place = (tied * len(distances) + row) * (classes + 1) + vote[pair]
        found = np.bincount(place, held.counts[pair], minlength=2 * len(distances) * (classes + 1))
        counts[:, part] = found.reshape(2, len(distances), classes + 1)
    return _votes(counts, k)


def ordered_votes(
    order: Int[np.ndarray, "queries n"],
    begins: Bool[np.ndarray, "queries n"],
    gallery_labels: Bool[np.ndarray, "n classes"],
    k: int = 5,
) -> Votes:
    """Count the classes of the first k pictures of an order.

    Args:
        order: The gallery's rows for each query, best first.
        begins: Whether a rank begins a group of ties.
        gallery_labels: At most one label a picture.
        k: Pictures that vote.
    """
    queries, columns = len(order), gallery_labels.shape[1] + 1
    group = begins.cumsum(axis=1)
    last = group[:, :k][:, -1:]  # the group that the k-th picture is in
    row, rank = np.nonzero(group <= last)
    tied = group[row, rank] == last[row, 0]
    place = (tied * queries + row) * columns + _vote(gallery_labels)[order[row, rank]]
    counts = np.bincount(place, minlength=2 * queries * columns)
    return _votes(counts.reshape(2, queries, columns), k)


def _vote(labels: Bool[np.ndarray, "n classes"]) -> Int[np.ndarray, " n"]:
    """Return the class that each picture votes for; without a label, the number of classes."""
    vote: Int[np.ndarray, " n"] = np.where(
        labels.any(axis=1), labels.argmax(axis=1), labels.shape[1]
    )
    return vote


def _votes(counts: Int[np.ndarray, "2 queries columns"], k: int) -> Votes:
    """Say by class, and last without any, what is surely among the first k, and what ties."""
    sure, tied = counts
    return Votes(
        sure[:, :-1], tied[:, :-1], tied[:, -1], np.minimum(k - sure.sum(axis=1), tied.sum(axis=1))
    )


def _draws_below(
    tied: Int[np.ndarray, "queries classes"],
    limits: Int[np.ndarray, "queries classes"],
    blank: Int[np.ndarray, " queries"],
    most: int,
) -> Float[np.ndarray, "queries drawn"]:
    """Count the draws of 0, 1 ... `most` pictures that keep every class within its limit."""
    ways = _choices(blank, most)
    for count, limit in zip(tied.T, limits.T, strict=True):
        allowed = np.arange(most + 1) <= limit[:, None]
        factor = np.where(allowed, _choices(count, most), 0)
        product = np.zeros_like(ways)
        for drawn in range(most + 1):
            product[:, drawn:] += factor[:, drawn, None] * ways[:, : most + 1 - drawn]
        ways = product
    return ways


def _choices(count: Int[np.ndarray, " queries"], most: int) -> Float[np.ndarray, "queries drawn"]:
    """Return the binomial coefficients of each count over 0, 1 ... `most`."""
    drawn = np.arange(most)
    factors = np.maximum(count[:, None] - drawn, 0) / (drawn + 1)
    return np.hstack([np.ones((len(count), 1)), factors.cumprod(axis=1)])
