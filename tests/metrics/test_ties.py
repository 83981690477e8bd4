"""Tie groups against naive counting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acir.metrics import ties


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_groups_hold_what_a_naive_count_finds_for_any_labels(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (12, 2), dtype=np.uint8)
    labels = rng.random((12, classes)) < 0.4  # several labels, one, or none
    groups = ties.by_distance(codes[:5], labels[:5], codes, labels)
    for query in range(5):
        sizes, relevant = [0] * 17, [0] * 17
        for row in range(12):
            distance = sum(int(byte).bit_count() for byte in codes[query] ^ codes[row])
            sizes[distance] += 1
            relevant[distance] += any(labels[query] & labels[row])
        assert groups.sizes[query].tolist() == sizes
        assert groups.relevant[query].tolist() == relevant


def test_no_query_is_lost_between_chunks() -> None:
    gallery = np.zeros((ties.PAIRS_AT_ONCE // 2, 1), dtype=np.uint8)  # two queries a chunk
    labels = np.ones((len(gallery), 1), dtype=np.bool_)
    queries = np.array([[0], [1], [3], [7], [15]], dtype=np.uint8)
    groups = ties.by_distance(queries, labels[:5], gallery, labels)
    assert groups.sizes.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert (groups.sizes.sum(axis=1) == len(gallery)).all()


def test_chunks_cover_every_query_once_even_when_one_query_fills_a_chunk() -> None:
    for queries, gallery in [(7, 3 * ties.PAIRS_AT_ONCE), (1000, 10_000), (3, 0), (0, 5)]:
        found = [row for part in ties.chunks(queries, gallery) for row in range(queries)[part]]
        assert found == list(range(queries))


def test_a_total_order_has_groups_of_one() -> None:
    groups = ties.by_rank(np.array([[True, False, True]]))
    assert groups.sizes.tolist() == [[1, 1, 1]]
    assert groups.relevant.tolist() == [[1, 0, 1]]
