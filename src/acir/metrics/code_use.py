"""How well a gallery uses its codes; a high mAP can hide a collapse."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from acir.codes import unpack
from acir.metrics.distinct import numbered
from acir.metrics.ties import TieGroups


@dataclass(frozen=True)
class CodeUse:
    """The use of the codes of a gallery, altogether and by class; NaN where undefined.

    Attributes:
        bit_balance: See the function of this name, as for the others.
        bit_correlation: Of pairs of bits.
        distinct_codes: In the gallery.
        class_distinct: Different codes of each class.
        class_commonest: Share of each class that has its commonest code.
        within_to_between: Distances within each class over those to the others.
    """

    bit_balance: float
    bit_correlation: float
    distinct_codes: int
    class_distinct: Int[np.ndarray, " classes"]
    class_commonest: Float[np.ndarray, " classes"]
    within_to_between: Float[np.ndarray, " classes"]


def code_use(codes: UInt8[np.ndarray, "n bytes"], labels: Bool[np.ndarray, "n classes"]) -> CodeUse:
    """Measure a gallery; a picture of several classes counts in each."""
    of_classes = [codes[has_class] for has_class in labels.T]
    return CodeUse(
        bit_balance=bit_balance(codes),
        bit_correlation=bit_correlation(codes),
        distinct_codes=distinct_codes(codes),
        class_distinct=np.array([distinct_codes(some) for some in of_classes], dtype=np.int64),
        class_commonest=np.array([commonest_code_share(some) for some in of_classes]),
        within_to_between=within_to_between(codes, labels),
    )


def bit_balance(codes: UInt8[np.ndarray, "n bytes"]) -> float:
    """Return the mean over bits of 1 - |2p - 1|, p being the share of codes with the bit set.

    1 when every bit is set in half of the codes, 0 when no bit ever changes.

    Example:
        >>> bit_balance(np.array([[0b1111_0000], [0b1111_1111]], dtype=np.uint8))
        0.5
    """
    means = unpack(codes).mean(axis=0, dtype=np.float64)  # of -1 and +1, hence 2p - 1
    return float((1 - np.abs(means)).mean())


def bit_correlation(codes: UInt8[np.ndarray, "n bytes"]) -> float:
    """Return the mean absolute correlation of two different bits.

    0 when bits are pairwise uncorrelated, 1 when each repeats or negates every other. A bit that
    never changes has no correlation and is left out; NaN when fewer than two bits change.

    Example:
        >>> bit_correlation(np.array([[0b1100_0000], [0b0000_0000]], dtype=np.uint8))
        1.0
    """
    signs = unpack(codes).astype(np.float64)
    sums = signs.sum(axis=0)
    # n**2 times the covariances: whole numbers, so the order of the codes cannot matter
    covariances = len(signs) * (signs.T @ signs) - np.outer(sums, sums)
    changing = np.flatnonzero(covariances.diagonal())
    covariances = covariances[np.ix_(changing, changing)]
    lengths = np.sqrt(np.outer(covariances.diagonal(), covariances.diagonal()))
    pairs = np.triu_indices(len(changing), k=1)
    correlations = np.abs(covariances[pairs]) / lengths[pairs]
    return float(correlations.mean()) if correlations.size else float("nan")


def distinct_codes(codes: UInt8[np.ndarray, "n bytes"]) -> int:
    """Count the different codes.

    Example:
        >>> distinct_codes(np.array([[7], [7], [9]], dtype=np.uint8))
        2
    """
    return len(np.unique(numbered(codes)))


def commonest_code_share(codes: UInt8[np.ndarray, "n bytes"]) -> float:
    """Return the share of codes that are the commonest one; NaN without any code.

    Of the codes of one class, 1 says that the class has collapsed to one point.

    Example:
        >>> commonest_code_share(np.array([[7], [7], [9], [8]], dtype=np.uint8))
        0.5
    """
    return float(np.bincount(numbered(codes)).max() / len(codes)) if len(codes) else float("nan")


def within_to_between(
    codes: UInt8[np.ndarray, "n bytes"], labels: Bool[np.ndarray, "n classes"]
) -> Float[np.ndarray, " classes"]:
    """Return the mean distance between two codes of a class over that to codes of no such class.

    0 when a class has one code, 1 when its codes lie as far from one another as from all others.
    NaN for a class of fewer than two pictures, and where the others share its one code or there
    are none. The sums over pairs follow from sums of signs: with s and t the sums over n and m
    codes of b bits, the distances between the two sets add up to (n m b - s . t) / 2.

    Example:
        >>> codes = np.array([[0], [1], [7]], dtype=np.uint8)
        >>> labels = np.array([[True, False], [True, False], [False, True]])
        >>> within_to_between(codes, labels)  # 1 / ((3 + 2) / 2)
        array([0.4, nan])
    """
    signs = unpack(codes).astype(np.float64)
    inside = labels.astype(np.float64).T
    here = inside.sum(axis=1)
    there = len(codes) - here
    sums = inside @ signs
    rest = signs.sum(axis=0) - sums
    bits = signs.shape[1]
    within = (here**2 * bits - (sums**2).sum(axis=1)) / 2
    between = (here * there * bits - (sums * rest).sum(axis=1)) / 2
    ratios = np.full(len(here), np.nan)
    pairs = here * (here - 1)
    np.divide(within * here * there, between * pairs, out=ratios, where=(between > 0) & (pairs > 0))
    return ratios


def mean_tie_group(groups: TieGroups) -> Float[np.ndarray, " queries"]:
    """Return how many pictures share a place on average: all, over the places that are taken.

    1 when a ranking is total, the size of the gallery when it says nothing.

    Example:
        >>> mean_tie_group(TieGroups(np.array([[1, 0, 3]]), np.array([[1, 0, 0]])))
        array([2.])
    """
    taken: Int[np.ndarray, " queries"] = (groups.sizes > 0).sum(axis=1)
    means: Float[np.ndarray, " queries"] = groups.sizes.sum(axis=1) / np.maximum(taken, 1)
    return means
