"""The matrix of cosines against the cosine of one query."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acir.evaluation.cosines import cosines
from acir.ranking.base import cosine


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 5, 320]))
def test_unit_embeddings_have_the_cosine_of_the_product_bit_for_bit(seed: int, dim: int) -> None:
    wide = np.random.default_rng(seed).normal(size=(9, dim))
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    embeddings = np.vstack([wide, np.zeros((1, dim))]).astype(np.float16)
    expected = np.array([cosine(query, embeddings) for query in embeddings])
    assert np.array_equal(cosines(embeddings, embeddings), expected)


def test_lengths_do_not_count() -> None:
    # (1, 2) and (30, 40): 110 / (sqrt 5 * 50) = 0.98387
    found = cosines(np.array([[1.0, 2]]), np.array([[30.0, 40], [-0.3, -0.4]]))
    assert found[0].tolist() == pytest.approx([0.983870, -0.983870], abs=1e-6)


def test_a_vector_of_zeros_has_cosine_zero() -> None:
    assert cosines(np.zeros((1, 3)), np.ones((2, 3))).tolist() == [[0, 0]]
