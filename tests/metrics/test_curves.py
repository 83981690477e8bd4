"""Radius and precision-recall curves against naive loops over the gallery."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acir.codes import hamming
from acir.metrics.curves import balls, interpolated_precision
from acir.metrics.ties import TieGroups, by_distance, by_rank
from made_orders import Grades, as_tie_groups, graded


@given(st.integers(0, 2**32 - 1))
def test_balls_hold_what_a_naive_count_finds_at_every_radius(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 256, (20, 1), dtype=np.uint8)
    labels = np.eye(3, dtype=np.bool_)[random.integers(0, 3, 20)]
    found = balls(by_distance(codes[:4], labels[:4], codes[4:], labels[4:]))
    for query in range(4):
        relevant = (labels[4:] & labels[query]).any(axis=1)
        for radius in range(9):
            near = hamming(codes[query : query + 1], codes[4:])[0] <= radius
            assert found.empty[query, radius] == (not near.any())
            share = relevant[near].mean() if near.any() else 0.0
            assert found.precision[query, radius] == pytest.approx(share, abs=1e-12)
            if relevant.any():
                share = near[relevant].mean()
                assert found.recall[query, radius] == pytest.approx(share, abs=1e-12)
            else:
                assert np.isnan(found.recall[query, radius])


def test_an_empty_ball_has_precision_0() -> None:
    found = balls(TieGroups(np.array([[0, 0, 4]]), np.array([[0, 0, 1]])))
    assert found.precision.tolist() == [[0, 0, 0.25]]
    assert found.empty.tolist() == [[True, True, False]]


def _spread(groups: Grades, steps: int) -> list[float]:
    """Walk down the ranks, each group of ties spread evenly; the definition, word for word."""
    points: list[tuple[float, float]] = []  # recall and precision at each rank
    total, hits = sum(map(sum, groups)), 0.0
    for group in groups:
        for at in range(1, len(group) + 1):
            found = hits + at * sum(group) / len(group)
            points.append((found / total, found / (len(points) + 1)))
        hits += sum(group)
    recalls = (step / steps for step in range(steps + 1))
    return [max(p for reached, p in points if reached >= r - 1e-9) for r in recalls]


@given(graded(1), st.sampled_from([1, 2, 10, 20]))
def test_interpolated_precision_is_that_of_a_walk_down_the_ranks(
    groups: Grades, steps: int
) -> None:
    found = interpolated_precision(as_tie_groups(groups), steps)[0]
    if sum(map(sum, groups)) == 0:
        assert np.isnan(found).all()
    else:
        assert found == pytest.approx(_spread(groups, steps), abs=1e-12)


def test_the_eleven_points_of_a_textbook_example() -> None:
    # Manning, Raghavan and Schuetze, Introduction to Information Retrieval, section 8.4: what is
    # beyond counts too. Relevant at ranks 1, 3, 6 and 10 of 10: precisions 1, 2/3, 3/6, 4/10.
    relevance = np.zeros((1, 10), dtype=np.bool_)
    relevance[0, [0, 2, 5, 9]] = True
    expected = [1] * 3 + [2 / 3] * 3 + [1 / 2] * 2 + [4 / 10] * 3  # recalls 1/4, 1/2, 3/4 and 1
    found = interpolated_precision(by_rank(relevance), steps=10)[0]
    assert found == pytest.approx(expected, abs=1e-12)


def test_each_query_has_its_own_curve() -> None:
    groups = TieGroups(np.array([[1, 3], [2, 2], [2, 2]]), np.array([[1, 0], [0, 2], [0, 0]]))
    found = interpolated_precision(groups, steps=1)
    assert found[:2].tolist() == [[1, 1], [0.5, 0.5]]
    assert np.isnan(found[2]).all()
