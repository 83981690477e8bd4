"""How the relevant pictures of a gallery spread over the groups of ties of a ranking.

A Hamming ranking puts many pictures at the same distance. Their order is not part of the answer,
so metrics look at how many there are and how many are relevant, never at who comes first. Only
counts enter: shuffling the gallery changes no metric in any bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from acir.codes import BITS_PER_BYTE, differing, words
from acir.metrics.distinct import Distinct, distinct, numbered

PAIRS_AT_ONCE = 2**18  # keeps a chunk of bytes in the processor's cache


@dataclass(frozen=True)
class TieGroups:
    """The rankings of some queries, best group first; every order within a group is as likely.

    Attributes:
        sizes: Gallery pictures in each group of each query; a group may be empty.
        relevant: How many of them are relevant.
    """

    sizes: Int[np.ndarray, "queries groups"]
    relevant: Int[np.ndarray, "queries groups"]

    @cached_property
    def before(self) -> Int[np.ndarray, "queries groups"]:
        """The pictures ahead of each group."""
        before: Int[np.ndarray, "queries groups"] = self.sizes.cumsum(axis=1) - self.sizes
        return before

    @cached_property
    def shares(self) -> Float[np.ndarray, "queries groups"]:
        """The relevant share of each group; an empty group has none."""
        shares: Float[np.ndarray, "queries groups"] = self.relevant / np.maximum(self.sizes, 1)
        return shares

    def within(self, k: int | None) -> Int[np.ndarray, "queries groups"]:
        """Return how many pictures of each group are among the first k; all where k is None.

        Raises:
            ValueError: k is below 1.
        """
        if k is not None and k < 1:
            raise ValueError(f"k is {k}, expected at least 1, the ranks that count")
        return self.sizes if k is None else np.clip(k - self.before, 0, self.sizes)

    def hits(self, k: int) -> Float[np.ndarray, " queries"]:
        """Return the expected number of relevant pictures among the first k."""
        hits: Float[np.ndarray, " queries"] = (self.shares * self.within(k)).sum(axis=1)
        return hits

    def head(self, k: int) -> "TieGroups":
        """Return the first k groups, and the others as one: faster where only k ranks count.

        Example:
            >>> TieGroups(np.array([[1, 1, 1, 1]]), np.array([[1, 0, 1, 0]])).head(2).sizes
            array([[1, 1, 2]])
        """
        sizes, relevant = (
            np.hstack([counts[:, :k], counts[:, k:].sum(axis=1, keepdims=True)])
            for counts in (self.sizes, self.relevant)
        )
        return TieGroups(sizes, relevant)


def by_distance(
    query_codes: UInt8[np.ndarray, "queries bytes"],
    query_labels: Bool[np.ndarray, "queries classes"],
    gallery_codes: UInt8[np.ndarray, "n bytes"],
    gallery_labels: Bool[np.ndarray, "n classes"],
) -> TieGroups:
    """Group the whole gallery by Hamming distance: group d holds the pictures at distance d.

    A picture is relevant when it shares at least one label with the query.

    Raises:
        ValueError: As `shared_labels` does.

    Example:
        >>> codes, labels = np.array([[0], [1], [2]], dtype=np.uint8), np.array([[True]] * 3)
        >>> by_distance(codes[:1], labels[:1], codes, labels).sizes
        array([[1, 2, 0, 0, 0, 0, 0, 0, 0]])
    """
    return grouped(shared_labels(query_codes, query_labels, gallery_codes, gallery_labels))


def shared_labels(
    query_codes: UInt8[np.ndarray, "queries bytes"],
    query_labels: Bool[np.ndarray, "queries classes"],
    gallery_codes: UInt8[np.ndarray, "n bytes"],
    gallery_labels: Bool[np.ndarray, "n classes"],
) -> Int[np.ndarray, "levels queries groups"]:
    """Count the gallery pictures at each Hamming distance by the labels they share with a query.

    Level 0 counts those that share none; the last level is the most labels that any query shares
    with any picture, but at least 1.

    Args:
        query_codes: Packed into bytes, as `acir.codes.pack` gives them.
        query_labels: Whether each query has each class; a column a class.
        gallery_codes: As long as those of the queries.
        gallery_labels: Of the same classes.

    Raises:
        ValueError: These are no codes or labels, or do not belong together.

    Example:
        >>> codes, labels = np.array([[0], [1], [2]], dtype=np.uint8), np.array([[True]] * 3)
        >>> shared_labels(codes[:1], labels[:1], codes, labels)[1]
        array([[1, 2, 0, 0, 0, 0, 0, 0, 0]])
    """
    _require_fitting(query_codes, query_labels, gallery_codes, gallery_labels)
    asked, held = distinct(query_codes, query_labels), distinct(gallery_codes, gallery_labels)
    asked_sets, asked_by = _label_sets(asked)
    held_sets, held_by = _label_sets(held)
    shared = asked_sets @ held_sets.T
    distances = query_codes.shape[1] * BITS_PER_BYTE + 1
    counts = np.zeros((1 + shared.max(initial=1), len(asked.codes), distances), np.int64)
    # Queries with the same labels share the same number of labels with every picture, so the
    # gallery is parted once for all of them and no matrix of queries by gallery is ever needed.
    for number, shared_by_set in enumerate(shared):
        rows = np.flatnonzero(asked_by == number)
        shares = shared_by_set[held_by]
        for level in np.unique(shared_by_set):
            part = np.flatnonzero(shares == level)
            counts[level, rows] = _histogram(asked.codes[rows], held.codes[part], held.counts[part])
    return counts[:, asked.number]


def grouped(levels: Int[np.ndarray, "levels queries groups"]) -> TieGroups:
    """Call relevant what shares at least one label."""
    relevant = levels[1:].sum(axis=0)
    return TieGroups(levels[0] + relevant, relevant)


def by_rank(
    relevance: Bool[np.ndarray, "queries n"], begins: Bool[np.ndarray, "queries n"] | None = None
) -> TieGroups:
    """Group the ranks of an order; groups that a query has less than others are empty.

    Args:
        relevance: Whether the picture at each rank, best first, is relevant.
        begins: Whether a rank begins a group, as the first does; None where every rank does.

    Example:
        >>> by_rank(np.array([[True, False, True]]), np.array([[True, False, True]])).sizes
        array([[2, 1, 0]])
    """
    relevant = relevance.astype(np.int64)
    if begins is None:
        return TieGroups(np.ones_like(relevant), relevant)
    queries, ranks = relevance.shape
    place = begins.cumsum(axis=1) - 1 + ranks * np.arange(queries)[:, None]
    sizes, hits = (
        np.bincount(places, minlength=relevance.size).reshape(relevance.shape)
        for places in (place.ravel(), place[relevance])
    )
    return TieGroups(sizes, hits)


def chunks(queries: int, gallery: int) -> Iterator[slice]:
    """Cut queries into slices whose distances to the gallery fit the processor's cache."""
    step = max(1, PAIRS_AT_ONCE // max(1, gallery))
    for start in range(0, queries, step):
        yield slice(start, start + step)


def _require_fitting(
    query_codes: UInt8[np.ndarray, "..."],
    query_labels: Bool[np.ndarray, "..."],
    gallery_codes: UInt8[np.ndarray, "..."],
    gallery_labels: Bool[np.ndarray, "..."],
) -> None:
    """Refuse what would be counted, but wrongly, such as numbers of classes or codes not packed."""
    for codes, labels in ((query_codes, query_labels), (gallery_codes, gallery_labels)):
        if codes.dtype != np.uint8 or codes.ndim != 2:  # noqa: PLR2004 - pictures, bytes
            raise ValueError(
                f"codes have type {codes.dtype} and shape {codes.shape}, expected uint8 and "
                "(pictures, bytes); pack them by acir.codes.pack"
            )
        if labels.dtype != np.bool_ or labels.ndim != 2 or len(labels) != len(codes):  # noqa: PLR2004 - pictures, classes
            raise ValueError(
                f"labels of {len(codes)} codes have type {labels.dtype} and shape {labels.shape}, "
                "expected bool and (pictures, classes); give True where a picture has the class"
            )
    if query_codes.shape[1] != gallery_codes.shape[1]:
        raise ValueError(
            f"queries have codes of {query_codes.shape[1]} bytes and the gallery of "
            f"{gallery_codes.shape[1]}; encode both by the same model"
        )
    if query_labels.shape[1] != gallery_labels.shape[1]:
        raise ValueError(
            f"queries have labels of {query_labels.shape[1]} classes and the gallery of "
            f"{gallery_labels.shape[1]}; give both a column for every class"
        )


def _label_sets(
    pictures: Distinct,
) -> tuple[Int[np.ndarray, "sets classes"], Int[np.ndarray, " pairs"]]:
    """Return the different sets of labels, and which of them each pair has."""
    number = numbered(np.packbits(pictures.labels, axis=1))
    _, first = np.unique(number, return_index=True)
    return pictures.labels[first].astype(np.int64), number


def _histogram(
    queries: UInt8[np.ndarray, "queries bytes"],
    gallery: UInt8[np.ndarray, "n bytes"],
    times: Int[np.ndarray, " n"],
) -> Int[np.ndarray, "queries distances"]:
    """Count the gallery codes at each distance from 0 to the number of bits, each so many times."""
    counts = np.zeros((len(queries), queries.shape[1] * BITS_PER_BYTE + 1), np.int64)
    if 2 * len(gallery) < times.sum():
        weights = times
    else:  # adding weights takes twice as long as counting
        gallery, weights = np.repeat(gallery, times, axis=0), None
    asked, held = words(queries), words(gallery)
    for part in chunks(len(queries), 4 * len(gallery)):  # a pair takes eight bytes on its way
        for row, distances in zip(counts[part], differing(asked[:, part], held), strict=True):
            row[:] = np.bincount(distances, weights, minlength=len(row))
    return counts
