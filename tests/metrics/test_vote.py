"""The majority vote against every draw of the tied pictures."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Bool

from acir.codes import hamming
from acir.metrics.ties import by_distance
from acir.metrics.vote import Votes, majority, nearest_votes, ordered_votes

UNLABELLED = 3
Drawn = tuple[int, ...]


def _one_hot(classes: list[int]) -> Bool[np.ndarray, "n classes"]:
    return np.eye(4, dtype=np.bool_)[classes, :3]


def _wins(own: int, voters: Drawn) -> bool:
    votes = Counter(voter for voter in voters if voter != UNLABELLED)
    return votes[own] > 0 and votes[own] == max(votes.values())


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=9),
    st.integers(0, 2),
    st.integers(1, 5),
)
def test_the_vote_is_the_mean_over_every_draw(
    pictures: list[tuple[int, int]], own: int, k: int
) -> None:
    codes = np.array([[(1 << bits) - 1] for bits, _ in pictures], dtype=np.uint8)
    labels = _one_hot([label for _, label in pictures])
    query, asked = np.zeros((1, 1), dtype=np.uint8), _one_hot([own])
    groups = by_distance(query, asked, codes, labels)
    found = majority(nearest_votes(groups, query, codes, labels, k), asked)[0]
    distances = hamming(query, codes)[0]
    last = np.sort(distances)[min(k, len(codes)) - 1]
    sure = tuple(label for (bits, label) in pictures if bits < last)
    tied = [label for (bits, label) in pictures if bits == last]
    draws = list(combinations(tied, min(k, len(codes)) - len(sure)))
    assert found == pytest.approx(np.mean([_wins(own, sure + drawn) for drawn in draws]), abs=1e-12)


@pytest.mark.parametrize(
    ("voters", "right"),
    [
        ([0, 0, 0, 1, 2], 1.0),  # 3 votes of 5
        ([0, 0, 1, 1, 2], 1.0),  # two tied classes are both right
        ([0, 1, 1, 2, 2], 0.0),
        ([1, 1, 1, 1, 1], 0.0),
        ([0, 3, 3, 3, 3], 1.0),  # who has no label does not vote
        ([3, 3, 3, 3, 3], 0.0),  # no votes are no majority
    ],
)
def test_the_rule_by_hand(voters: list[int], right: float) -> None:
    labels = _one_hot(voters)
    nothing = np.zeros((1, 3), np.int64)
    votes = Votes(labels.sum(axis=0)[None], nothing, nothing[:, 0], nothing[:, 0])
    assert majority(votes, _one_hot([0])).tolist() == [right]


def test_many_tied_pictures_keep_their_digits() -> None:
    # five of 20,000: n of the own class and n of another; more of the own in half of the draws
    votes = Votes(
        np.zeros((1, 2), np.int64), np.array([[10_000, 10_000]]), np.array([0]), np.array([5])
    )
    found = majority(votes, np.array([[True, False]]))
    assert found[0] == pytest.approx(0.5, abs=1e-12)


def test_queries_are_counted_apart_and_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    codes = random.integers(0, 256, (50, 1), dtype=np.uint8) & 0b111
    labels = _one_hot(random.integers(0, 3, 50).tolist())
    groups = by_distance(codes[:9], labels[:9], codes, labels)
    together = majority(nearest_votes(groups, codes[:9], codes, labels), labels[:9])
    monkeypatch.setattr("acir.metrics.ties.PAIRS_AT_ONCE", 40)
    apart = majority(nearest_votes(groups, codes[:9], codes, labels), labels[:9])
    assert together.tolist() == apart.tolist()
    for query in range(9):
        one = by_distance(codes[query : query + 1], labels[query : query + 1], codes, labels)
        votes = nearest_votes(one, codes[query : query + 1], codes, labels)
        assert majority(votes, labels[query : query + 1])[0] == pytest.approx(together[query])


def test_a_query_of_several_classes_or_none_has_no_vote() -> None:
    codes = np.zeros((2, 1), dtype=np.uint8)
    asked, held = np.array([[True, True], [False, False]]), np.array([[True, False]] * 2)
    groups = by_distance(codes, asked, codes, held)
    assert np.isnan(majority(nearest_votes(groups, codes, codes, held), asked)).all()


def test_a_gallery_picture_of_several_classes_is_refused() -> None:
    codes, labels = np.zeros((2, 1), dtype=np.uint8), np.ones((2, 2), np.bool_)
    groups = by_distance(codes, labels, codes, labels)
    with pytest.raises(ValueError, match="several labels; a vote takes one label a picture"):
        nearest_votes(groups, codes, codes, labels)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 5))
def test_votes_of_an_order_are_those_of_the_distances_that_give_it(
    seed: int, count: int, k: int
) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 8, (count, 1), dtype=np.uint8)
    labels = _one_hot(random.integers(0, 4, count).tolist())
    queries, asked = codes[:2], _one_hot([0, 1])[: len(codes[:2])]
    distances = hamming(queries, codes)
    order = distances.argsort(axis=1, kind="stable")
    ranked = np.take_along_axis(distances, order, axis=1)
    begins = np.diff(ranked, axis=1, prepend=-1) > 0
    found = majority(ordered_votes(order, begins, labels, k), asked)
    groups = by_distance(queries, asked, codes, labels)
    expected = majority(nearest_votes(groups, queries, codes, labels, k), asked)
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-12)
