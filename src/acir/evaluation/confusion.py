"""Which class is answered for pictures of each class, with what is, or is called, unknown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

UNKNOWN_KIND = "unknown kind"
CALLED_UNKNOWN = "called unknown"
NO_LABEL = "no label"


@dataclass(frozen=True)
class Answered:
    """What the first hit said of some pictures.

    Attributes:
        labels: Whether each picture has each class.
        hits: Whether its first hit has it.
        refused: Whether the gate called the picture unknown, so that no hit is shown.
    """

    labels: Bool[np.ndarray, "n classes"]
    hits: Bool[np.ndarray, "n classes"]
    refused: Bool[np.ndarray, " n"]


@dataclass(frozen=True)
class Confusion:
    """A table of counts; every picture is in exactly one cell.

    Attributes:
        rows: The classes, then `UNKNOWN_KIND` where such pictures were asked.
        columns: The classes, then `NO_LABEL` where a first hit had none, then `CALLED_UNKNOWN`.
        counts: Pictures of each row that were answered as each column.
        right: The cells that hold what ought to happen.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: Int[np.ndarray, "rows columns"]
    right: Bool[np.ndarray, "rows columns"]

    @property
    def shares(self) -> Float[np.ndarray, "rows columns"]:
        """Return the counts over the sum of their row; 0 in a row without any picture."""
        shares: Float[np.ndarray, "rows columns"] = self.counts / np.maximum(
            self.counts.sum(axis=1, keepdims=True), 1
        )
        return shares


def confusion(
    class_names: Sequence[str], queries: Answered, unknown: Answered | None = None
) -> Confusion:
    """Count what was answered.

    A picture of several classes counts once: in the first class that it shares with its first
    hit, or, where they share none, in the row of its own first class and the column of the hit's.

    Args:
        class_names: The name of each column of the labels.
        queries: Pictures with at least one class.
        unknown: Pictures of kinds that the model does not know; their labels are not read.
    """
    classes = len(class_names)
    shared = queries.labels & queries.hits
    true = np.where(shared.any(axis=1), shared.argmax(axis=1), queries.labels.argmax(axis=1))
    said = _columns(shared, queries)
    if unknown is not None:
        true = np.append(true, np.full(len(unknown.refused), classes))
        said = np.append(said, _columns(np.zeros_like(unknown.hits), unknown))
    counts = np.zeros((classes + (unknown is not None), classes + 2), np.int64)
    np.add.at(counts, (true, said), 1)
    right = np.eye(*counts.shape, dtype=np.bool_)
    if unknown is not None:
        right[-1] = np.arange(classes + 2) == classes + 1
    shown = np.append(np.ones(classes, np.bool_), [counts[:, classes].any(), True])
    names = np.array([*class_names, NO_LABEL, CALLED_UNKNOWN], dtype=object)
    return Confusion(
        rows=(*class_names, *((UNKNOWN_KIND,) if unknown is not None else ())),
        columns=tuple(names[shown]),
        counts=counts[:, shown],
        right=right[:, shown],
    )


def _columns(shared: Bool[np.ndarray, "n classes"], found: Answered) -> Int[np.ndarray, " n"]:
    """Return the column of each picture: a class, that of no label, or that of the refused."""
    classes = found.hits.shape[1]
    said = np.where(shared.any(axis=1), shared.argmax(axis=1), found.hits.argmax(axis=1))
    said = np.where(found.hits.any(axis=1), said, classes)
    columns: Int[np.ndarray, " n"] = np.where(found.refused, classes + 1, said)
    return columns
