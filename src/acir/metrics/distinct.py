"""Which codes are equal: those of a trained model are, so most work can be done once for many."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from acir.codes import words


@dataclass(frozen=True)
class Distinct:
    """The different pairs of a code and its labels, in some set of pictures.

    Attributes:
        codes: The code of each pair.
        labels: Its labels.
        counts: How many pictures have it.
        number: The pair that each picture has.
    """

    codes: UInt8[np.ndarray, "pairs bytes"]
    labels: Bool[np.ndarray, "pairs classes"]
    counts: Int[np.ndarray, " pairs"]
    number: Int[np.ndarray, " n"]


def distinct(
    codes: UInt8[np.ndarray, "n bytes"], labels: Bool[np.ndarray, "n classes"]
) -> Distinct:
    """Put pictures with the same code and the same labels together, in order of appearance.

    Example:
        >>> codes, labels = np.array([[9], [7], [9]], dtype=np.uint8), np.ones((3, 1), np.bool_)
        >>> distinct(codes, labels).counts
        array([2, 1])
    """
    number = numbered(np.hstack([codes, np.packbits(labels, axis=1)]))
    _, first, counts = np.unique(number, return_index=True, return_counts=True)
    # Not sorted by code: similar codes in a row give one query the same distance again and again,
    # and adding to the same counter again and again takes twice as long.
    order = np.argsort(first)
    place = np.argsort(order)
    first = first[order]
    return Distinct(codes[first], labels[first], counts[order], place[number])


def numbered(rows: UInt8[np.ndarray, "n bytes"]) -> Int[np.ndarray, " n"]:
    """Number rows 0, 1, 2 and so on, equal ones alike; ten times as fast as `np.unique` of rows.

    Example:
        >>> numbered(np.array([[1, 1], [2, 2], [1, 1]], dtype=np.uint8))
        array([0, 1, 0])
    """
    number = np.zeros(len(rows), np.int64)
    for word in words(rows):
        values, which = np.unique(word, return_inverse=True)
        _, number = np.unique(number * len(values) + which, return_inverse=True)
    return number
