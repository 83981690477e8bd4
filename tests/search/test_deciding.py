"""Which pictures decide, against a plain double loop, and an example by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acir.search.cases import best_cases, numbered
from acir.search.deciding import deciding
from acir.types import Ranking


def view(similarities: list[float], distances: list[int], cosines: list[float]) -> Ranking:
    columns = (np.array(c, dtype=np.float64) for c in (cosines, similarities))
    return Ranking(np.arange(len(distances)), np.array(distances, dtype=np.int64), *columns)


def test_each_view_has_a_picture_that_decided() -> None:
    # Case 0 has pictures 0 and 1, case 2 picture 2 alone.
    views = [
        view([0.9, 0.2, 0.6], [1, 5, 2], [0.0] * 3),
        view([0.1, 0.8, 0.6], [6, 3, 2], [0.0] * 3),
    ]
    found = deciding(views, np.array([0, 0, 2]), np.array([2, 0]))
    assert found.rows.tolist() == [[2, 2], [0, 1]]
    assert found.similarities.tolist() == [[0.6, 0.6], [0.9, 0.8]]
    assert found.take(np.array([1])).rows.tolist() == [[0, 1]]


def test_of_equals_the_nearer_then_the_more_alike_then_the_first_decides() -> None:
    nearer = view([0.5, 0.5, 0.5], [2, 1, 2], [0.0, 0.0, 0.0])
    alike = view([0.5, 0.5, 0.5], [1, 1, 1], [0.1, 0.1, 0.3])
    first = view([0.5, 0.5, 0.5], [1, 1, 1], [0.1, 0.1, 0.1])
    found = deciding([nearer, alike, first], np.zeros(3, dtype=np.int64), np.array([2]))
    assert found.rows.tolist() == [[1, 2, 0]]


def test_without_cases_nothing_decides() -> None:
    found = deciding([view([], [], [])], numbered([]), np.empty(0, dtype=np.int64))
    assert found.rows.shape == (0, 1)


@given(
    st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=12),
    st.integers(2, 4),
    st.integers(0, 2**32 - 1),
)
def test_what_decides_is_what_a_double_loop_finds(
    names: list[str | None], count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n = len(names)
    views = [
        view(
            (rng.integers(0, 4, n) / 4).tolist(),
            rng.integers(0, 3, n).tolist(),
            (rng.integers(0, 3, n) / 4).tolist(),
        )
        for _ in range(count)
    ]
    cases = numbered(names)
    shown = best_cases(views, cases)
    found = deciding(views, cases, shown.rows)
    for case, (row, similarity) in enumerate(zip(shown.rows, shown.similarities, strict=True)):
        members = [i for i in range(n) if cases[i] == cases[row]]
        for k, one in enumerate(views):
            best = min(
                members,
                key=lambda i: (-one.similarities[i], one.distances[i], -one.cosines[i], i),
            )
            assert found.rows[case, k] == best
            assert found.similarities[case, k] == one.similarities[best]
        assert abs(found.similarities[case].mean() - similarity) < 1e-6
