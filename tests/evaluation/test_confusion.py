"""The confusion table against a count by hand and by a loop."""

from collections import Counter

import numpy as np
import pytest
from jaxtyping import Bool

from acir.evaluation.confusion import (
    CALLED_UNKNOWN,
    NO_LABEL,
    UNKNOWN_KIND,
    Answered,
    Confusion,
    confusion,
)

NAMES = ("cat", "dog", "owl")


def marks(*sets: str) -> Bool[np.ndarray, "n classes"]:
    """Mark the classes by their first letters: "cd" is a picture of a cat and a dog."""
    return np.array([[name[0] in letters for name in NAMES] for letters in sets])


def answered(labels: list[str], hits: list[str], refused: list[int]) -> Answered:
    return Answered(marks(*labels), marks(*hits), np.array(refused, dtype=np.bool_))


def cells(table: Confusion) -> dict[tuple[str, str], int]:
    return {
        (row, column): int(table.counts[i, j])
        for i, row in enumerate(table.rows)
        for j, column in enumerate(table.columns)
        if table.counts[i, j]
    }


def test_each_picture_is_counted_where_it_was_answered() -> None:
    queries = answered(["c", "c", "d", "o"], ["c", "d", "d", "o"], [0, 0, 0, 1])
    unknown = answered(["", "", ""], ["d", "o", "o"], [1, 0, 1])
    assert cells(confusion(NAMES, queries, unknown)) == {
        ("cat", "cat"): 1,
        ("cat", "dog"): 1,
        ("dog", "dog"): 1,
        ("owl", CALLED_UNKNOWN): 1,
        (UNKNOWN_KIND, "owl"): 1,
        (UNKNOWN_KIND, CALLED_UNKNOWN): 2,
    }


def test_without_unknown_kinds_there_is_no_row_of_them_but_still_the_column() -> None:
    table = confusion(NAMES, answered(["c"], ["c"], [1]))
    assert table.rows == NAMES
    assert table.columns == (*NAMES, CALLED_UNKNOWN)


def test_labels_of_unknown_kinds_are_not_read() -> None:
    queries = answered(["c"], ["c"], [0])
    tables = [confusion(NAMES, queries, answered([own], ["cd"], [0])) for own in ("", "d", "co")]
    assert {(UNKNOWN_KIND, "cat"): 1}.items() <= cells(tables[0]).items()
    assert all(cells(table) == cells(tables[0]) for table in tables)


def test_a_hit_without_label_has_a_column_only_if_it_occurs() -> None:
    table = confusion(NAMES, answered(["c", "d"], ["", "d"], [0, 0]))
    assert table.columns == (*NAMES, NO_LABEL, CALLED_UNKNOWN)
    assert cells(table) == {("cat", NO_LABEL): 1, ("dog", "dog"): 1}
    # A refused query shows no hit, so none without label either.
    assert NO_LABEL not in confusion(NAMES, answered(["c"], [""], [1])).columns


@pytest.mark.parametrize(
    ("own", "hit", "cell"),
    [
        ("cd", "d", ("dog", "dog")),  # they share the dog
        ("do", "cdo", ("dog", "dog")),  # the first of two shared
        ("co", "d", ("cat", "dog")),  # none shared: the first of each
        ("d", "co", ("dog", "cat")),
    ],
)
def test_a_picture_of_several_classes_counts_once(
    own: str, hit: str, cell: tuple[str, str]
) -> None:
    assert cells(confusion(NAMES, answered([own], [hit], [0]))) == {cell: 1}


def test_a_table_of_many_agrees_with_a_loop() -> None:
    rng = np.random.default_rng(0)
    true, said = rng.integers(0, 3, (2, 400))
    refused = rng.random(400) < 0.1
    eye = np.eye(3, dtype=np.bool_)
    table = confusion(NAMES, Answered(eye[true], eye[said], refused))
    naive = Counter(
        (NAMES[t], CALLED_UNKNOWN if r else NAMES[s])
        for t, s, r in zip(true, said, refused, strict=True)
    )
    assert cells(table) == dict(naive)
    assert table.counts.sum() == 400


def test_right_is_the_diagonal_and_an_unknown_kind_called_unknown() -> None:
    unknown = answered([""], [""], [0])
    table = confusion(NAMES, answered(["c"], ["c"], [0]), unknown)
    right = [(table.rows[i], table.columns[j]) for i, j in np.argwhere(table.right)]
    assert right == [*zip(NAMES, NAMES, strict=True), (UNKNOWN_KIND, CALLED_UNKNOWN)]
    assert confusion(NAMES, answered(["c"], ["c"], [1])).right[:, -1].sum() == 0


def test_shares_are_those_of_the_row_and_0_in_an_empty_one() -> None:
    table = confusion(NAMES, answered(["c", "c", "c", "d"], ["c", "c", "d", "d"], [0, 0, 0, 0]))
    np.testing.assert_allclose(table.shares[0], [2 / 3, 1 / 3, 0, 0])
    assert table.shares[2].tolist() == [0, 0, 0, 0]


def test_a_class_named_like_a_column_is_not_confused_with_it() -> None:
    names = (CALLED_UNKNOWN, NO_LABEL)
    table = confusion(names, Answered(np.eye(2) > 0, np.eye(2) > 0, np.zeros(2, np.bool_)))
    assert table.counts.tolist() == [[1, 0, 0], [0, 1, 0]]
