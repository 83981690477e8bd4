"""Named pictures and the ranker's order of them, against one query at a time by hand."""

import numpy as np
import pytest

from acir.codes import hamming
from acir.evaluation.protocol import CodedSet
from acir.evaluation.retrieved import NamedSet, first_hits, rankings, spread
from acir.ranking.base import cosine
from acir.ranking.within_distance import WithinDistance
from made_rankers import ALIKE_AND_OPPOSED


def coded(n: int, seed: int) -> CodedSet:
    rng = np.random.default_rng(seed)
    units = rng.normal(size=(n, 8))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    return CodedSet(
        codes=rng.integers(0, 4, (n, 1), dtype=np.uint8),  # few: ties abound
        embeddings=units.astype(np.float16),
        labels=rng.random((n, 3)) < 0.5,
        pixel_hashes=tuple(f"{seed}/{row}" for row in range(n)),
    )


def ranker() -> WithinDistance:
    return WithinDistance.fit(ALIKE_AND_OPPOSED)


def named(n: int) -> NamedSet:
    states = tuple(np.resize(["known", "unknown"], n).tolist())
    return NamedSet(coded(n, 0), tuple(f"id-{row}" for row in range(n)), states)


def test_the_order_is_distance_then_cosine_then_row() -> None:
    gallery, queries = coded(40, 1), coded(7, 2)
    for row, found in enumerate(rankings(gallery, queries, ranker())):
        distances = hamming(queries.codes[[row]], gallery.codes)[0]
        cosines = cosine(queries.embeddings[row], gallery.embeddings)
        naive = sorted(range(40), key=lambda r: (distances[r], -cosines[r], r))
        assert found.rows.tolist() == naive
        assert found.distances.tolist() == distances[naive].tolist()
        assert found.cosines.tolist() == cosines[naive].tolist()


def test_first_hits_are_the_first_of_each_order() -> None:
    gallery, queries = coded(40, 1), coded(7, 2)
    naive = [int(found.rows[0]) for found in rankings(gallery, queries, ranker())]
    assert first_hits(gallery, queries, ranker()).tolist() == naive
    assert first_hits(gallery, queries[:0], ranker()).shape == (0,)


def test_some_pictures_keep_their_names_and_verdicts() -> None:
    some = named(5)[np.array([4, 1])]
    assert (some.ids, some.states) == (("id-4", "id-1"), ("known", "unknown"))
    assert some.pictures.pixel_hashes == ("0/4", "0/1")
    assert NamedSet(coded(5, 0), named(5).ids)[np.array([2])].states == ()


def test_pictures_that_another_set_holds_are_left_out_with_their_names() -> None:
    assert named(5).without(named(3)).ids == ("id-3", "id-4")
    assert len(named(3).without(named(3))) == 0


def test_pictures_of_patients_whom_another_set_shows_are_told_apart() -> None:
    asked = NamedSet(coded(4, 0), ("a", "b", "c", "d"), patients=("P1", None, "P2", "P3"))
    held = NamedSet(coded(3, 1), ("x", "y", "z"), patients=("P2", None, "P1"))
    # Without a name a picture may be of anybody, and of nobody that is known.
    assert asked.of_other_patients(held).ids == ("b", "d")
    assert asked.of_other_patients(held).patients == (None, "P3")
    assert asked.of_other_patients(named(5)).ids == asked.ids
    assert named(5).of_other_patients(held).ids == named(5).ids


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"columns of a named set differ in length: \[1, 3\]"):
        NamedSet(coded(3, 0), ("a", "b", "c"), patients=("P1",))
    with pytest.raises(ValueError, match=r"columns of a named set differ in length: \[2, 3\]"):
        NamedSet(coded(3, 0), ("a", "b"))


@pytest.mark.parametrize(("count", "rows"), [(0, []), (1, [0]), (3, [0, 1, 2]), (10, [0, 3, 6, 9])])
def test_spread_rows_reach_from_end_to_end_without_repeating(count: int, rows: list[int]) -> None:
    assert spread(count, 4).tolist() == rows
