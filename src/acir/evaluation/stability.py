"""Whether an order survives what should not matter, and follows what should.

The paper promises that content-guided ranking is robust and reproducible. `overlap` measures it
between two answers to the same query: of a picture and its mild copy, or of models of two seeds.
`structure_agreement` measures whether the order within a class follows the look of the pictures.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy.random import Generator

from acir.codes import BITS_PER_BYTE, hamming
from acir.errors import UsageError
from acir.evaluation.cosines import cosines
from acir.evaluation.protocol import CodedSet
from acir.evaluation.retrieved import spread
from acir.metrics.ties import chunks
from acir.ranking.base import DECIMALS, Ranker, cosine, unranked

LEAST_TO_ORDER = 2  # one picture has no order
FEATURELESS = 1e-6  # length of a centred fingerprint that is only rounding, of values in [0, 1]


def top(
    gallery: CodedSet, queries: CodedSet, ranker: Ranker, k: int = 10
) -> Int[np.ndarray, "queries k"]:
    """Return the rows of the first k of the ranker's order of the whole gallery, best first.

    All rows where the gallery has fewer than k. The ranker sees only the pictures that can be
    among its first k; this rests on what `tests/conformance` asks of every ranker, that it never
    puts a picture that is both farther and less alike before another.

    Raises:
        UsageError: k is below 1.
    """
    if k < 1:
        raise UsageError(f"k is {k}, expected at least 1, the ranks to compare")
    first = np.zeros((len(queries), min(k, len(gallery))), dtype=np.int64)
    for some in chunks(len(queries), len(gallery)):
        distances = hamming(queries.codes[some], gallery.codes)
        alike = cosines(queries.embeddings[some], gallery.embeddings)
        possible = _possible(distances, alike, gallery.codes.shape[1] * BITS_PER_BYTE, k)
        for row, near, like, kept in zip(first[some], distances, alike, possible, strict=True):
            rows = np.flatnonzero(kept)
            row[:] = ranker.rank(unranked(rows, near[rows], like[rows])).rows[:k]
    return first


def drawn_top(
    gallery: CodedSet, queries: CodedSet, ranker: Ranker, chance: Generator, k: int = 10
) -> Int[np.ndarray, "queries k"]:
    """Return the rows of the first k with ties dealt at random.

    `top` parts ties by the row, so codes with many of them seem to give the same answer again and
    again. That answer is the order of the ids, not of the pictures.

    Raises:
        UsageError: k is below 1.
    """
    dealt = chance.permutation(len(gallery))
    rows: Int[np.ndarray, "queries k"] = dealt[top(gallery[dealt], queries, ranker, k)]
    return rows


def overlap(
    first: Int[np.ndarray, "queries k"], second: Int[np.ndarray, "queries k"]
) -> Float[np.ndarray, " queries"]:
    """Return the share of rows that two answers to each query have in common, in any order.

    Raises:
        UsageError: The answers are empty.

    Example:
        >>> overlap(np.array([[4, 7, 1, 9]]), np.array([[9, 2, 4, 3]]))
        array([0.5])
    """
    if not first.shape[1]:
        raise UsageError("the answers have 0 rows each, so nothing to share; give at least 1")
    shared = (first[:, :, None] == second[:, None, :]).any(axis=2)
    share: Float[np.ndarray, " queries"] = shared.mean(axis=1)
    return share


def structure_agreement(
    gallery: CodedSet,
    queries: CodedSet,
    ranker: Ranker,
    *,
    gallery_fingerprints: Float[np.ndarray, "n pixels"],
    query_fingerprints: Float[np.ndarray, "queries pixels"],
    most: int = 200,
) -> Float[np.ndarray, " queries"]:
    """Return how far the order within each query's class follows structure, in [-1, 1].

    Kendall's tau-b between the order that the ranker gives to gallery pictures that share a label
    with the query, and the Pearson correlation of their fingerprints with the query's. Pictures
    that the ranker parts by row alone count as tied, as those at one Hamming distance are.

    An order that ties them all says nothing about structure and scores 0. NaN where no order could
    score, whatever the ranker: fewer than two pictures share a label, or their fingerprints
    correlate equally with the query's. So the same queries are NaN for any two rankers.

    Args:
        gallery: What is searched.
        queries: What is asked.
        ranker: Gives the order.
        gallery_fingerprints: Of the gallery's pictures, as `acir.prep.fingerprint` gives them.
        query_fingerprints: The same of the queries.
        most: Pictures of a query's class to look at, at least 2; of more, so many are taken evenly
            spread over the rows, the same for every ranker.

    Raises:
        UsageError: `most` is below 2.
    """
    if most < LEAST_TO_ORDER:
        raise UsageError(f"most is {most}, expected at least {LEAST_TO_ORDER} pictures to order")
    held, asked = _standardised(gallery_fingerprints), _standardised(query_fingerprints)
    agreement = np.full(len(queries), np.nan)
    for number, labels in enumerate(queries.labels):
        rows = np.flatnonzero((gallery.labels & labels).any(axis=1))
        rows = rows[spread(len(rows), most)]
        similarity = (held[rows] @ asked[number]).round(DECIMALS)
        if np.unique(similarity).size >= LEAST_TO_ORDER:
            distances = hamming(queries.codes[[number]], gallery.codes[rows])[0]
            content = cosine(queries.embeddings[number], gallery.embeddings[rows])
            places = _places(ranker, distances, content)
            agreement[number] = np.nan_to_num(tau_b(-places, similarity))
    return agreement


def tau_b(first: Shaped[np.ndarray, " n"], second: Shaped[np.ndarray, " n"]) -> float:
    """Return Kendall's tau-b of two columns; NaN where one of them is all tied.

    (C - D) / sqrt(U V): C and D count the pairs that both columns order alike and differently, U
    and V the pairs that each does not tie (Kendall, Biometrika 1945).

    Example:
        >>> tau_b(np.array([1, 2, 3]), np.array([1, 3, 2]))  # (2 - 1) / sqrt(3 * 3)
        0.3333333333333333
    """
    one = np.sign(np.subtract.outer(first, first))
    other = np.sign(np.subtract.outer(second, second))
    untied = np.count_nonzero(one) * np.count_nonzero(other)
    return float((one * other).sum() / np.sqrt(untied)) if untied else float("nan")


def _possible(
    distances: Int[np.ndarray, "queries n"],
    alike: Float[np.ndarray, "queries n"],
    bits: int,
    k: int,
) -> Bool[np.ndarray, "queries n"]:
    """Return which pictures may be among the first k of some ranker.

    Whatever is farther and less alike than each of some k pictures is not. Any k will do; those
    that are near and alike rule out most.
    """
    if distances.shape[1] <= k:
        return np.ones(distances.shape, dtype=np.bool_)
    some = np.argpartition(2 * distances / bits - alike, k - 1, axis=1)[:, :k]
    farthest = np.take_along_axis(distances, some, axis=1).max(axis=1, keepdims=True)
    least = np.take_along_axis(alike, some, axis=1).min(axis=1, keepdims=True)
    possible: Bool[np.ndarray, "queries n"] = (distances <= farthest) | (alike >= least)
    return possible


def _places(
    ranker: Ranker, distances: Int[np.ndarray, " n"], alike: Float[np.ndarray, " n"]
) -> Int[np.ndarray, " n"]:
    """Return a number for each picture that grows down the order, equal for tied pictures.

    It is the sum of its places with ascending and with descending rows: a ranker looks at the row
    last, so only ties trade places, and theirs sum to the same.
    """
    rows = np.arange(len(distances))
    places = np.zeros_like(rows)
    for numbered in (rows, rows[::-1]):
        order = ranker.rank(unranked(numbered, distances, alike)).rows
        places += np.argsort(order)[numbered]
    return places


def _standardised(fingerprints: Float[np.ndarray, "n pixels"]) -> Float[np.ndarray, "n pixels"]:
    """Return vectors whose products are Pearson correlations; 0 with a featureless picture."""
    wide = fingerprints.astype(np.float64)
    centred = wide - wide.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    units: Float[np.ndarray, "n pixels"] = np.divide(
        centred, lengths, out=np.zeros_like(centred), where=lengths > FEATURELESS
    )
    return units
