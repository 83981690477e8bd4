"""Galleries show the first query of each class and both ends of what it retrieves."""

import numpy as np

from acir.evaluation.galleries import RETRIEVED, Exhibit, exhibits
from acir.evaluation.protocol import CodedSet
from acir.evaluation.retrieved import NamedSet
from acir.ranking.plain import Plain
from acir.types import State
from made_rankers import ALIKE_AND_OPPOSED

NAMES = ("cat", "dog", "owl")


def plain() -> Plain:
    return Plain.fit(ALIKE_AND_OPPOSED)


def pictures(ones: list[int], labels: list[str], states: tuple[State, ...] = ()) -> NamedSet:
    """Make pictures whose codes have so many ones: their distance to a code of zeros."""
    bits = np.arange(8)[None] < np.array(ones)[:, None]
    marked = np.array([[name[0] in letters for name in NAMES] for letters in labels])
    unit = np.tile(np.array([1, 0], dtype=np.float16), (len(ones), 1))
    hashes = tuple(str(row) for row in range(len(ones)))
    coded = CodedSet(np.packbits(bits, axis=1), unit, marked, hashes)
    return NamedSet(coded, tuple(f"{row:03d}" for row in range(len(ones))), states)


def rows(exhibit: Exhibit) -> list[tuple[int, str, str, int, bool]]:
    return [
        (one.hit.rank, one.hit.id, one.hit.label, one.hit.distance, one.right)
        for one in (*exhibit.nearest, *exhibit.least)
    ]


def test_both_ends_stand_in_the_order_of_the_ranker() -> None:
    gallery = pictures([8, 0, 3, 1, 2, 5, 4], ["c", "c", "d", "", "cd", "o", "c"])
    (found,) = exhibits(gallery, pictures([0], ["c"], ("known",)), NAMES, plain())
    assert rows(found) == [
        (1, "001", "cat", 0, True),
        (2, "003", "", 1, False),
        (3, "004", "cat|dog", 2, True),
        (5, "006", "cat", 4, True),
        (6, "005", "owl", 5, False),
        (7, "000", "cat", 8, True),
    ]
    similarities = [one.hit.similarity for one in (*found.nearest, *found.least)]
    assert similarities == sorted(similarities, reverse=True)
    assert found.retrieved == 7


def test_the_first_query_of_each_class_is_asked_and_a_class_without_any_is_not() -> None:
    queries = pictures([0, 0, 0, 0], ["d", "c", "c", "d"], ("known", "unknown", "known", "caution"))
    found = exhibits(pictures([0, 1], ["c", "d"]), queries, NAMES, plain())
    asked = [(one.class_name, one.query, one.state) for one in found]
    assert asked == [("cat", "001", "unknown"), ("dog", "000", "known")]


def test_a_query_of_two_classes_is_asked_for_both() -> None:
    found = exhibits(pictures([0], ["c"]), pictures([0], ["cd"], ("known",)), NAMES, plain())
    assert [(one.class_name, one.query) for one in found] == [("cat", "000"), ("dog", "000")]
    assert all(one.nearest[0].right for one in found)


def test_a_small_gallery_is_not_shown_twice() -> None:
    for size, nearest, least in ((1, 1, 0), (3, 3, 0), (4, 3, 1), (6, 3, 3)):
        gallery = pictures([0] * size, ["c"] * size)
        (found,) = exhibits(gallery, pictures([0], ["c"], ("known",)), NAMES, plain())
        assert (len(found.nearest), len(found.least)) == (nearest, least)
        assert len({row[1] for row in rows(found)}) == min(size, 6)


def test_the_least_alike_are_the_last_of_the_retrieved_not_of_all() -> None:
    size = RETRIEVED + 20
    gallery = pictures([0] * size, ["c"] * size)
    (found,) = exhibits(gallery, pictures([0], ["c"], ("known",)), NAMES, plain())
    # Equal in everything, they stand in the order of their ids.
    assert [row[1] for row in rows(found)] == ["000", "001", "002", "097", "098", "099"]
    assert found.retrieved == RETRIEVED
