"""What single queries retrieve: for one query of each class the nearest and the least alike.

The paper's figures 4 and 6. The query is the first of its class, whatever it retrieves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from jaxtyping import Bool

from acir.evaluation.retrieved import NamedSet, rankings
from acir.ranking.base import Ranker
from acir.types import Hit, Ranking, State

SHOWN = 3  # from each end
RETRIEVED = 100  # as many as a search at least looks at


@dataclass(frozen=True)
class Found:
    """A hit and whether it has a class of the query."""

    hit: Hit
    right: bool


@dataclass(frozen=True)
class Exhibit:
    """The answer to one query from both ends.

    Attributes:
        class_name: The class that the query was chosen for.
        query: Id of the query.
        state: What the gate says of the query; the hits are shown all the same.
        nearest: The best hits.
        least: The last of the retrieved, which the best are not among.
        retrieved: How many were retrieved.
    """

    class_name: str
    query: str
    state: State
    nearest: tuple[Found, ...]
    least: tuple[Found, ...]
    retrieved: int


def exhibits(
    gallery: NamedSet, queries: NamedSet, class_names: Sequence[str], ranker: Ranker
) -> tuple[Exhibit, ...]:
    """Retrieve for the first query of each class; a class without queries has none.

    Args:
        gallery: What is searched; its first `RETRIEVED` pictures in the ranker's order count as
            retrieved.
        queries: What is asked, with the gate's verdicts.
        class_names: The name of each column of the labels.
        ranker: The product's order.
    """
    of_class = {
        name: int(has_class.argmax())
        for name, has_class in zip(class_names, queries.pictures.labels.T, strict=True)
        if has_class.any()
    }
    chosen = queries[np.array([*of_class.values()], dtype=np.int64)]
    orders = rankings(gallery.pictures, chosen.pictures, ranker)
    found = []
    for row, (name, order) in enumerate(zip(of_class, orders, strict=True)):
        count = min(RETRIEVED, len(order))
        wanted = chosen.pictures.labels[row]
        ends = (range(min(SHOWN, count)), range(max(SHOWN, count - SHOWN), count))
        nearest, least = (_found(gallery, wanted, class_names, order, ranks) for ranks in ends)
        query, state = chosen.ids[row], chosen.states[row]
        found.append(Exhibit(name, query, state, nearest, least, count))
    return tuple(found)


def _found(
    gallery: NamedSet,
    wanted: Bool[np.ndarray, " classes"],
    class_names: Sequence[str],
    order: Ranking,
    ranks: range,
) -> tuple[Found, ...]:
    """Return what stands at these ranks, counted from 0."""
    found = []
    for rank in ranks:
        row = int(order.rows[rank])
        labels = gallery.pictures.labels[row]
        hit = Hit(
            rank=rank + 1,
            id=gallery.ids[row],
            label="|".join(compress(class_names, labels)),
            distance=int(order.distances[rank]),
            similarity=float(order.similarities[rank]),
            path=None,
        )
        found.append(Found(hit, right=bool((labels & wanted).any())))
    return tuple(found)
