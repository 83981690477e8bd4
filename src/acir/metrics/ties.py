"""How the relevant pictures of a gallery spread over the groups of ties of a ranking.

A Hamming ranking puts many pictures at the same distance. Their order is not part of the answer,
so metrics look at how many there are and how many are relevant, never at who comes first. Only
counts enter: shuffling the gallery changes no metric in any bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from acir.codes import BITS_PER_BYTE, hamming

PAIRS_AT_ONCE = 2**18  # keeps the distances of a chunk in the processor's cache


@dataclass(frozen=True)
class TieGroups:
    """The rankings of some queries, best group first; every order within a group is as likely.

    Attributes:
        sizes: Gallery pictures in each group of each query; a group may be empty.
        relevant: How many of them are relevant.
    """

    sizes: Int[np.ndarray, "queries groups"]
    relevant: Int[np.ndarray, "queries groups"]


def by_distance(
    query_codes: UInt8[np.ndarray, "queries bytes"],
    query_labels: Bool[np.ndarray, "queries classes"],
    gallery_codes: UInt8[np.ndarray, "n bytes"],
    gallery_labels: Bool[np.ndarray, "n classes"],
) -> TieGroups:
    """Group the whole gallery by Hamming distance: group d holds the pictures at distance d.

    A picture is relevant when it shares at least one label with the query.

    Example:
        >>> codes, labels = np.array([[0], [1], [2]], dtype=np.uint8), np.array([[True]] * 3)
        >>> by_distance(codes[:1], labels[:1], codes, labels).sizes
        array([[1, 2, 0, 0, 0, 0, 0, 0, 0]])
    """
    relevant = np.zeros((len(query_codes), query_codes.shape[1] * BITS_PER_BYTE + 1), np.int64)
    others = np.zeros_like(relevant)
    # Queries with the same labels find the same pictures relevant, so the gallery is parted once
    # for all of them and no matrix of queries by gallery is ever needed.
    asked, asked_by = np.unique(query_labels, axis=0, return_inverse=True)
    held, held_by = np.unique(gallery_labels, axis=0, return_inverse=True)
    for number, labels in enumerate(asked):
        rows = np.flatnonzero(asked_by == number)
        shares = (held & labels).any(axis=1)[held_by]
        relevant[rows] = _histogram(query_codes[rows], gallery_codes[shares])
        others[rows] = _histogram(query_codes[rows], gallery_codes[~shares])
    return TieGroups(relevant + others, relevant)


def by_rank(relevance: Bool[np.ndarray, "queries n"]) -> TieGroups:
    """Make every rank of a total order a group of its own.

    Args:
        relevance: Whether the picture at each rank, best first, is relevant.
    """
    relevant = relevance.astype(np.int64)
    return TieGroups(np.ones_like(relevant), relevant)


def chunks(queries: int, gallery: int) -> Iterator[slice]:
    """Cut queries into slices whose distances to the gallery fit the processor's cache."""
    step = max(1, PAIRS_AT_ONCE // max(1, gallery))
    for start in range(0, queries, step):
        yield slice(start, start + step)


def _histogram(
    queries: UInt8[np.ndarray, "queries bytes"], gallery: UInt8[np.ndarray, "n bytes"]
) -> Int[np.ndarray, "queries distances"]:
    """Count the gallery codes at each distance from 0 to the number of bits."""
    counts = np.zeros((len(queries), queries.shape[1] * BITS_PER_BYTE + 1), np.int64)
    for part in chunks(len(queries), len(gallery)):
        for row, distances in zip(counts[part], hamming(queries[part], gallery), strict=True):
            row[:] = np.bincount(distances, minlength=len(row))
    return counts
