"""Equal codes, found by number, against sets of bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acir.metrics.distinct import distinct, numbered


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 7, 8, 9, 24]))
def test_rows_have_one_number_when_and_only_when_they_are_equal(seed: int, width: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 2, (30, width), dtype=np.uint8) * 255
    rows[:, 1:-1] = 0  # so that equal rows are common and may differ in the last byte alone
    number, held = numbered(rows), [row.tobytes() for row in rows]
    for one in range(30):
        for other in range(30):
            assert (number[one] == number[other]) == (held[one] == held[other])
    assert sorted(set(number.tolist())) == list(range(len(set(held))))


def test_equal_codes_of_different_labels_are_two_pairs() -> None:
    codes = np.array([[5], [5], [9], [5]], dtype=np.uint8)
    labels = np.array([[True, False], [False, True], [True, False], [True, False]])
    found = distinct(codes, labels)
    assert found.codes.tolist() == [[5], [5], [9]]
    assert found.labels.tolist() == labels[:3].tolist()
    assert found.counts.tolist() == [2, 1, 1]
    assert found.number.tolist() == [0, 1, 2, 0]


def test_no_picture_has_no_pairs() -> None:
    found = distinct(np.zeros((0, 2), np.uint8), np.zeros((0, 3), np.bool_))
    assert (len(found.codes), len(found.labels), len(found.number)) == (0, 0, 0)
