"""Thin out the training pictures of a source: few, unevenly many of each class, the same always.

Validation and test stay as they are, so that what is measured does not change with the draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float, Int

from acir.amounts import amount
from acir.data.manifest import Manifest, Row
from acir.errors import SourceError
from acir.tables import Count, Range, Table

FEWEST = 2  # of a class: training needs a pair


@dataclass(frozen=True)
class Draw(Table):
    """How many training pictures to keep.

    Attributes:
        per_class: Mean over the classes.
        imbalance: The largest class over the smallest; counts fall geometrically between them.
        seed: Decides which class is how large, and which of its pictures are kept.
    """

    table: ClassVar[str] = "data.draw"
    file: ClassVar[str] = "benchmark"
    per_class: Count
    imbalance: Annotated[float, Range(1)] = 1.0
    seed: Annotated[int, Range(0)] = 0


def drawn(manifest: Manifest, draw: Draw) -> Manifest:
    """Return the manifest with fewer training rows, in the same order.

    A class that has fewer pictures than it should keep keeps them all.

    Raises:
        SourceError: A training picture has no label or several.
    """
    members = _by_class(manifest.of("train"))
    counts = class_sizes(len(members), draw)
    random = np.random.default_rng(draw.seed)
    kept: set[str] = set()
    for place, name in zip(random.permutation(len(members)), sorted(members), strict=True):
        ids = sorted(members[name])
        kept.update(ids[row] for row in random.permutation(len(ids))[: counts[place]])
    rows = (row for row in manifest.rows if manifest.part(row) != "train" or row.id in kept)
    return replace(manifest, rows=tuple(rows))


def class_sizes(classes: int, draw: Draw) -> Int[np.ndarray, " classes"]:
    """Return how many pictures each class should keep, the largest first; at least two.

    Example:
        >>> class_sizes(3, Draw(per_class=70, imbalance=4.0))  # 1 : 1/2 : 1/4 of 120
        array([120,  60,  30])
    """
    shares = draw.imbalance ** -(np.arange(classes) / max(1, classes - 1))
    sizes: Float[np.ndarray, " classes"] = draw.per_class * classes * shares / shares.sum()
    whole: Int[np.ndarray, " classes"] = np.maximum(sizes.round().astype(np.int64), FEWEST)
    return whole


def _by_class(rows: list[Row]) -> Mapping[str, list[str]]:
    unfit = sum(len(row.labels) != 1 for row in rows)
    if unfit:
        given = amount(len(rows), "training picture", "training pictures")
        raise SourceError(
            f"pictures are drawn class by class, so each needs one label, not none or several as "
            f"{unfit} of {given}; give each one or leave the draw out"
        )
    members: dict[str, list[str]] = {}
    for row in rows:
        members.setdefault(row.labels[0], []).append(row.id)
    return members
