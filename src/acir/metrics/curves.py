"""Precision and recall as more of the gallery is shown: within a radius, and over recall.

Both are exact for ties: a radius never splits a group, and the precision-recall curve is that of
the expected hits, a group of ties spreading its relevant pictures evenly over its ranks.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float, Int

from acir.metrics.ties import TieGroups


@dataclass(frozen=True)
class Balls:
    """What lies within each radius of each query.

    Attributes:
        precision: Relevant share of the pictures within the radius; 0 where there is none, as a
            search by radius that finds nothing has failed.
        recall: Share of the relevant pictures that are within the radius; NaN without any.
        empty: Whether no picture is within the radius.
    """

    precision: Float[np.ndarray, "queries radii"]
    recall: Float[np.ndarray, "queries radii"]
    empty: Bool[np.ndarray, "queries radii"]


def balls(groups: TieGroups) -> Balls:
    """Look at the pictures at most 0, 1, 2 ... bits from each query.

    Args:
        groups: By Hamming distance, group d holding the pictures at distance d.

    Example:
        >>> balls(TieGroups(np.array([[0, 2, 2]]), np.array([[0, 2, 0]]))).precision
        array([[0. , 1. , 0.5]])
    """
    shown, found = groups.sizes.cumsum(axis=1), groups.relevant.cumsum(axis=1)
    total = found[:, -1:]
    recall = np.divide(found, total, out=np.full(found.shape, np.nan), where=total > 0)
    return Balls(found / np.maximum(shown, 1), recall, shown == 0)


def interpolated_precision(
    groups: TieGroups, steps: int = 20
) -> Float[np.ndarray, "queries recalls"]:
    """Return the highest precision at a recall of at least 0, 1/steps, 2/steps ... 1.

    This is TREC's interpolated precision (10 steps are its eleven points), taken from the
    expected hits at each rank. NaN without any relevant picture.

    Example:
        >>> groups = TieGroups(np.array([[1, 1, 1, 1]]), np.array([[1, 0, 0, 1]]))
        >>> interpolated_precision(groups, steps=2)  # 1/1, 1/1, 2/4
        array([[1. , 1. , 0.5]])
    """
    shown, found = groups.sizes.cumsum(axis=1), groups.relevant.cumsum(axis=1)
    at_end = found / np.maximum(shown, 1)
    # Precision rises or falls throughout a group, so its highest value is at one of two ends: at
    # the end of this group or a later one, or where the recall is reached within this group.
    later = np.maximum.accumulate(at_end[:, ::-1], axis=1)[:, ::-1]
    recalls = (Fraction(step, steps) for step in range(steps + 1))
    curve = np.stack([_reached(groups, found, later, recall) for recall in recalls], axis=1)
    curve[~groups.relevant.any(axis=1)] = np.nan
    return curve


def _reached(
    groups: TieGroups,
    found: Int[np.ndarray, "queries groups"],
    later: Float[np.ndarray, "queries groups"],
    recall: Fraction,
) -> Float[np.ndarray, " queries"]:
    """Return the highest precision from the rank on where a recall is reached.

    All in whole numbers: that rank must not depend on rounding.
    """
    part, whole = recall.as_integer_ratio()
    wanted = part * found[:, -1]
    queries = np.arange(len(found))
    group = (whole * found >= wanted[:, None]).argmax(axis=1)
    size, relevant, ahead, end = (
        counts[queries, group] for counts in (groups.sizes, groups.relevant, groups.before, found)
    )
    missing = wanted - whole * (end - relevant)
    into = np.maximum(-(-missing * size // np.maximum(whole * relevant, 1)), 0)
    hits = end - relevant + into * relevant / np.maximum(size, 1)
    reached = hits / np.maximum(ahead + into, 1)
    highest: Float[np.ndarray, " queries"] = np.maximum(reached, later[queries, group])
    return highest
