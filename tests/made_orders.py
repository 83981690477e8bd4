"""Rankings with ties, and every order that their ties allow."""

from collections.abc import Callable, Iterator
from itertools import permutations, product

import numpy as np
from hypothesis import strategies as st

from acir.metrics.ties import TieGroups

Grades = list[list[int]]  # of the pictures of each group of ties, best group first
Order = tuple[int, ...]  # the grade at each rank


def graded(highest: int) -> st.SearchStrategy[Grades]:
    """Draw up to four groups of up to four pictures, of which the gallery holds one to seven."""
    groups = st.lists(st.lists(st.integers(0, highest), max_size=4), min_size=1, max_size=4)
    return groups.filter(lambda found: 1 <= sum(map(len, found)) <= 7)


def every_order(groups: Grades) -> Iterator[Order]:
    """Yield each order of the gallery that keeps the groups in their order."""
    for parts in product(*(permutations(group) for group in groups)):
        yield tuple(grade for part in parts for grade in part)


def mean_over_orders(groups: Grades, metric: Callable[[Order], float]) -> float:
    """Return what a metric is on average, by enumeration."""
    return float(np.mean([metric(order) for order in every_order(groups)]))


def as_tie_groups(groups: Grades) -> TieGroups:
    """Count one query's groups; any grade above 0 is relevant."""
    relevant = [sum(grade > 0 for grade in group) for group in groups]
    return TieGroups(np.array([[len(group) for group in groups]]), np.array([relevant]))
