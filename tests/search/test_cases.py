"""Late interaction against a plain double loop, and an example by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acir.ranking.plain import Plain
from acir.search.cases import best_cases, numbered, scored
from acir.search.probe import Probe
from acir.types import Ranking


def view(similarities: list[float], distances: list[int]) -> Ranking:
    n = len(similarities)
    return Ranking(
        np.arange(n), np.array(distances, dtype=np.int64), np.zeros(n), np.array(similarities)
    )


def test_the_best_picture_speaks_for_its_case_view_by_view() -> None:
    # Case 0 has pictures 0 and 1: (max(.9, .2) + max(.1, .8)) / 2 = 0.85. Case 2: (.6 + .6) / 2.
    views = [view([0.9, 0.2, 0.6], [1, 5, 2]), view([0.1, 0.8, 0.6], [6, 3, 2])]
    found = best_cases(views, np.array([0, 0, 2]))
    assert found.similarities.tolist() == [0.85, 0.6]
    # Both pictures of case 0 have the sum 1.0; the nearer one to any view is shown.
    assert found.rows.tolist() == [0, 2]
    assert found.distances.tolist() == [1, 2]


def test_without_pictures_there_are_no_cases() -> None:
    assert len(best_cases([view([], [])], numbered([]))) == 0


@given(
    st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=12),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
def test_cases_are_ordered_as_a_double_loop_orders_them(
    names: list[str | None], count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    views = [
        view((rng.integers(0, 5, len(names)) / 4).tolist(), rng.integers(0, 3, len(names)).tolist())
        for _ in range(count)
    ]
    groups: dict[object, list[int]] = {}
    for row, name in enumerate(names):
        groups.setdefault(row if name is None else name, []).append(row)
    expected = []
    for rows in groups.values():
        score = sum(max(float(v.similarities[r]) for r in rows) for v in views) / count
        shown = min(
            rows,
            key=lambda r: (
                -sum(v.similarities[r] for v in views),
                min(v.distances[r] for v in views),
                r,
            ),
        )
        nearest = min(int(v.distances[shown]) for v in views)
        expected.append((-round(score, 6), nearest, shown))
    found = best_cases(views, numbered(names))
    keys = zip((-found.similarities).tolist(), found.distances.tolist(), found.rows, strict=True)
    assert list(keys) == sorted(expected)
    turned = best_cases(views[::-1], numbered(names))
    assert turned.similarities.tobytes() == found.similarities.tobytes()
    assert turned.rows.tolist() == found.rows.tolist()


def test_scores_stay_with_their_pictures() -> None:
    codes = np.array([[7], [0], [1]], dtype=np.uint8)
    probe = Probe(codes[1], np.ones(2, np.float16), np.empty(0, dtype=np.int64))
    found = scored(Plain(bits=8, intercept=0.0, weight=1.0), probe, codes, np.ones((3, 2), "f2"))
    assert found.rows.tolist() == [0, 1, 2]
    assert found.distances.tolist() == [3, 0, 1]
    assert found.similarities[1] > found.similarities[2] > found.similarities[0]
