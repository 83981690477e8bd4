"""Scores by JSON key: several labels a picture, and orders against the same without ties."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from acir.codes import hamming
from acir.evaluation.scores import by_codes, by_order, votes_are_defined


def test_several_labels_are_graded_as_scikit_learn_grades_them() -> None:
    random = np.random.default_rng(0)
    codes = random.integers(0, 256, (80, 1), dtype=np.uint8)
    labels = random.random((80, 4)) < 0.5
    labels[:10, 0] = labels[40, 0] = True  # every query has a relevant picture
    found = by_codes(codes[:10], labels[:10], codes[10:], labels[10:]).scores
    shared = labels[:10].astype(int) @ labels[10:].T.astype(int)
    nearness = -hamming(codes[:10], codes[10:])
    for query in range(10):
        expected = ndcg_score([2.0 ** shared[query] - 1], [nearness[query]], k=10)
        assert found["NDCG@10"][query] == pytest.approx(expected, abs=1e-12)
    assert np.isnan(found["mMV@5"]).all()
    assert not votes_are_defined(labels)


def test_an_order_scores_as_codes_that_give_it_without_ties() -> None:
    # thermometer codes: the i-th gallery code is i bits from the query
    gallery = np.packbits(np.tri(17, 16, -1, dtype=np.bool_), axis=1)
    labels = np.eye(3, dtype=np.bool_)[np.arange(17) % 3]
    asked = labels[:1]
    order = np.arange(17)[None]
    ordered = by_order(order, np.ones((1, 17), dtype=np.bool_), asked, labels)
    coded = by_codes(gallery[:1], asked, gallery, labels).scores
    for key, values in ordered.items():
        assert values == pytest.approx(coded[key], abs=1e-12)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_scores_of_ties_are_means_over_every_order_of_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.eye(3, 2, dtype=np.bool_)[random.integers(0, 3, 7)]  # one in three has no label
    labels[0] = asked = [True, False]
    begins = random.random(7) < 0.6
    begins[0] = True
    groups = np.split(np.arange(7), np.flatnonzero(begins)[1:])
    orders = np.array([np.concatenate(o) for o in product(*(permutations(g) for g in groups))])
    each = by_order(orders, np.ones_like(orders, np.bool_), np.array([asked] * len(orders)), labels)
    found = by_order(orders[-1:], begins[None], np.array([asked]), labels)
    for key, values in found.items():
        assert values[0] == pytest.approx(each[key].mean(), abs=1e-12)


def test_the_chosen_radius_is_a_point_of_the_curve() -> None:
    random = np.random.default_rng(1)
    codes = random.integers(0, 256, (30, 1), dtype=np.uint8)
    labels = np.eye(2, dtype=np.bool_)[random.integers(0, 2, 30)]
    found = by_codes(codes[:9], labels[:9], codes[9:], labels[9:])
    near = hamming(codes[:9], codes[9:]) <= 2
    relevant = (labels[:9] @ labels[9:].T) & near
    shares = relevant.sum(axis=1) / np.maximum(near.sum(axis=1), 1)
    assert found.scores["P@r=2"] == pytest.approx(shares)
    assert found.scores["empty@r=2"].tolist() == (~near.any(axis=1)).astype(float).tolist()
    assert found.balls.precision[:, 2].tolist() == found.scores["P@r=2"].tolist()
