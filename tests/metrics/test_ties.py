"""Tie groups against naive counting."""

from typing import Any

import jaxtyping
import numpy as np
import pytest
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


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 255]))
def test_levels_count_shared_labels_whether_codes_repeat_or_not(seed: int, kept: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (40, 1), dtype=np.uint8) & kept  # 2, 4 or 256 different codes
    labels = rng.random((40, 5)) < 0.5
    levels = ties.shared_labels(codes[:6], labels[:6], codes, labels)
    expected = np.zeros_like(levels)
    for query in range(6):
        for row in range(40):
            distance = int(codes[query, 0] ^ codes[row, 0]).bit_count()
            expected[(labels[query] & labels[row]).sum(), query, distance] += 1
    assert (levels == expected).all()
    groups = ties.grouped(levels)
    assert (groups.relevant == expected[1:].sum(axis=0)).all()
    assert (groups.sizes == expected.sum(axis=0)).all()


def test_there_are_two_levels_even_where_nothing_is_shared() -> None:
    codes, labels = np.zeros((3, 1), dtype=np.uint8), np.zeros((3, 2), dtype=np.bool_)
    assert ties.shared_labels(codes, labels, codes, labels).sum(axis=2).tolist() == [
        [3] * 3,
        [0] * 3,
    ]


def test_the_head_keeps_every_score_of_the_first_ranks() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 5, (8, 20))
    groups = ties.TieGroups(sizes, rng.integers(0, sizes + 1))
    head = groups.head(6)
    assert head.sizes.shape == (8, 7)
    for k in range(1, 7):
        assert head.hits(k).tolist() == pytest.approx(groups.hits(k).tolist(), abs=1e-12)
    assert (head.relevant.sum(axis=1) == groups.relevant.sum(axis=1)).all()


def test_no_query_is_lost_between_chunks() -> None:
    gallery = np.zeros((ties.PAIRS_AT_ONCE // 2, 1), dtype=np.uint8)  # two queries a chunk
    labels = np.ones((len(gallery), 1), dtype=np.bool_)
    queries = np.array([[0], [1], [3], [7], [15]], dtype=np.uint8)
    groups = ties.by_distance(queries, labels[:5], gallery, labels)
    assert groups.sizes.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert (groups.sizes.sum(axis=1) == len(gallery)).all()


def test_chunks_cover_every_query_once_even_when_one_query_fills_a_chunk() -> None:
    for queries, gallery in [(7, 3 * ties.PAIRS_AT_ONCE), (1000, 10_000), (3, 0), (0, 5)]:
        parts = [range(queries)[part] for part in ties.chunks(queries, gallery)]
        assert [row for part in parts for row in part] == list(range(queries))
        assert all(len(part) == 1 or len(part) * gallery <= ties.PAIRS_AT_ONCE for part in parts)


def test_a_total_order_has_groups_of_one() -> None:
    groups = ties.by_rank(np.array([[True, False, True]]))
    assert groups.sizes.tolist() == [[1, 1, 1]]
    assert groups.relevant.tolist() == [[1, 0, 1]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_groups_of_ranks_are_what_a_naive_walk_finds(seed: int, ranks: int) -> None:
    rng = np.random.default_rng(seed)
    relevance, begins = rng.random((3, ranks)) < 0.5, rng.random((3, ranks)) < 0.5
    begins[:, 0] = True
    groups = ties.by_rank(relevance, begins)
    for query in range(3):
        walked: list[list[bool]] = []
        for hit, new in zip(relevance[query], begins[query], strict=True):
            walked += [[]] if new else []
            walked[-1].append(bool(hit))
        missing = [0] * (ranks - len(walked))
        assert groups.sizes[query].tolist() == [*map(len, walked), *missing]
        assert groups.relevant[query].tolist() == [*map(sum, walked), *missing]


CODES, LABELS = np.zeros((3, 2), np.uint8), np.eye(3, dtype=np.bool_)


@pytest.mark.parametrize(
    ("codes", "labels", "said"),
    [
        (CODES, np.arange(3)[:, None], r"type int64 and shape \(3, 1\), expected bool"),
        (CODES, np.arange(3), r"labels of 3 codes have type int64 and shape \(3,\)"),
        (CODES, LABELS[:2], r"labels of 3 codes have type bool and shape \(2, 3\)"),
        (CODES, LABELS[:, :2], "labels of 2 classes and the gallery of 3; give both a column"),
        (CODES[:, :1], LABELS, "codes of 1 bytes and the gallery of 2; encode both by the same"),
        (CODES.astype(np.float32), LABELS, "codes have type float32 .*; pack them by acir.codes"),
        (CODES[0], LABELS, r"codes have type uint8 and shape \(2,\), expected uint8"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    codes: Any,  # noqa: ANN401 - of a kind that is refused
    labels: Any,  # noqa: ANN401 - likewise
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A caller's types are not checked as they are in these tests.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=said):
        ties.by_distance(codes, labels, CODES, LABELS)


@pytest.mark.parametrize("k", [0, -1])
def test_no_rank_at_all_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}, expected at least 1, the ranks that count"):
        ties.by_distance(CODES, LABELS, CODES, LABELS).hits(k)
