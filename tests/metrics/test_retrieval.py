"""Retrieval metrics against enumeration of every order of the ties, and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Bool, UInt8
from sklearn.metrics import average_precision_score

from acir.metrics import retrieval
from acir.metrics.ties import TieGroups, by_distance, by_rank
from made_orders import Grades, Order, as_tie_groups, graded, mean_over_orders

Coded = tuple[UInt8[np.ndarray, "n bytes"], Bool[np.ndarray, "n classes"]]


def _gain(order: Order, k: int) -> float:
    return sum(sum(order[: i + 1]) / (i + 1) for i in range(min(k, len(order))) if order[i])


def _coded(seed: int, n: int = 40, classes: int = 3) -> Coded:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (n, 1), dtype=np.uint8) & 0b111  # 4 distances: many ties
    return codes, np.eye(classes, dtype=np.bool_)[rng.integers(0, classes, n)]


@given(graded(1), st.sampled_from([None, 1, 3, 5]))
def test_average_precision_is_the_mean_over_every_order(groups: Grades, k: int | None) -> None:
    total, ranks = sum(map(sum, groups)), k or 7  # no example is longer than 7
    found = retrieval.average_precision(as_tie_groups(groups), k)[0]
    if total == 0:
        assert np.isnan(found)
    else:
        expected = mean_over_orders(groups, lambda order: _gain(order, ranks) / min(total, ranks))
        assert found == pytest.approx(expected, abs=1e-12)


@given(graded(1), st.integers(1, 6))
def test_average_precision_over_hits_is_the_mean_over_every_order(groups: Grades, k: int) -> None:
    found = retrieval.average_precision_over_hits(as_tie_groups(groups), k)[0]
    if sum(map(sum, groups)) == 0:
        assert np.isnan(found)
    else:
        expected = mean_over_orders(groups, lambda order: _gain(order, k) / max(sum(order[:k]), 1))
        assert found == pytest.approx(expected, abs=1e-12)


@given(graded(1), st.integers(1, 8))
def test_precision_is_the_mean_over_every_order(groups: Grades, k: int) -> None:
    expected = mean_over_orders(groups, lambda order: sum(order[:k]) / k)
    assert retrieval.precision(as_tie_groups(groups), k)[0] == pytest.approx(expected, abs=1e-12)


def test_the_closed_form_keeps_its_digits_in_a_large_gallery() -> None:
    # 20,000 pictures, 3,000 before the group; every term added one by one
    groups = TieGroups(np.array([[3_000, 17_000]]), np.array([[200, 2_500]]))
    first = np.arange(3_000)
    head = 200 / 3_000 * (1 + first * 199 / 2_999) / (1 + first)
    second = np.arange(17_000)
    tail = 2_500 / 17_000 * (201 + second * 2_499 / 16_999) / (3_001 + second)
    expected = (head.sum() + tail.sum()) / 2_700
    assert retrieval.average_precision(groups)[0] == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_average_precision_without_ties_is_that_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    relevance = rng.random((3, 200)) < 0.3
    relevance[:, 7] = True
    found = retrieval.average_precision(by_rank(relevance))
    for row, score in zip(relevance, found, strict=True):
        assert score == pytest.approx(average_precision_score(row, -np.arange(200)), abs=1e-12)


def test_codes_without_ties_give_the_value_of_scikit_learn() -> None:
    # thermometer codes: the i-th gallery code is i bits from the query
    gallery = np.packbits(np.tri(17, 16, -1, dtype=np.bool_), axis=1)
    relevant = np.arange(17) % 3 == 1
    labels = np.stack([relevant, ~relevant], axis=1)
    found = retrieval.mean_average_precision(
        gallery[:1], np.array([[True, False]]), gallery, labels
    )
    assert found == pytest.approx(average_precision_score(relevant, -np.arange(17)), abs=1e-12)


@pytest.mark.parametrize(
    ("relevance", "at_5", "over_hits"),
    [
        # of 6 relevant pictures one is found, at rank 1: (1/1) / min(5, 6) and (1/1) / 1
        ([1, 0, 0, 0, 0, 1, 1, 1, 1, 1], 1 / 5, 1.0),
        # hits at ranks 2 and 4 of 2 relevant pictures: (1/2 + 2/4) / 2 both ways
        ([0, 1, 0, 1, 0, 0, 0, 0, 0, 0], 1 / 2, 1 / 2),
        # a gallery of three, shorter than the cut-off: (1/1 + 2/3) / 2 both ways
        ([1, 0, 1], 5 / 6, 5 / 6),
        # the only relevant picture is beyond the cut-off
        ([0, 0, 0, 0, 0, 1], 0.0, 0.0),
    ],
)
def test_the_two_divisors_by_hand(relevance: list[int], at_5: float, over_hits: float) -> None:
    groups = by_rank(np.array([relevance], dtype=np.bool_))
    assert retrieval.average_precision(groups, 5)[0] == pytest.approx(at_5, abs=1e-12)
    assert retrieval.average_precision_over_hits(groups)[0] == pytest.approx(over_hits, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_shuffling_the_gallery_changes_no_bit(seed: int) -> None:
    codes, labels = _coded(seed)
    order = np.random.default_rng(seed).permutation(len(codes))
    groups = by_distance(codes[:9], labels[:9], codes, labels)
    shuffled = by_distance(codes[:9], labels[:9], codes[order], labels[order])
    for metric in (retrieval.average_precision, retrieval.average_precision_over_hits):
        assert metric(groups).tobytes() == metric(shuffled).tobytes()


def test_equal_codes_on_a_sorted_gallery_give_the_prior() -> None:
    labels = np.repeat(np.eye(4, dtype=np.bool_), 100, axis=0)  # sorted by class
    codes = np.zeros((400, 2), dtype=np.uint8)
    groups = by_distance(codes, labels, codes, labels)
    for k in (1, 5, 100):
        assert retrieval.precision(groups, k) == pytest.approx(np.full(400, 0.25), abs=1e-12)
    # expected AP of a random order: (H + (R - 1)/(n - 1) (n - H)) / n with H = 1 + 1/2 + ... + 1/n
    harmonic = sum(1 / i for i in range(1, 401))
    prior = (harmonic + 99 / 399 * (400 - harmonic)) / 400
    found = retrieval.mean_average_precision(codes, labels, codes, labels)
    assert found == pytest.approx(prior, abs=1e-12)


def test_mean_average_precision_leaves_out_queries_without_a_relevant_picture() -> None:
    codes = np.array([[0], [1]], dtype=np.uint8)
    labels = np.array([[True, False], [True, False]])
    strange = np.array([[True, False], [False, True]])
    assert retrieval.mean_average_precision(codes, strange, codes, labels) == pytest.approx(1.0)
    assert np.isnan(retrieval.mean_average_precision(codes, ~labels, codes, labels))
