"""Feedback after Rocchio: by hand, and without examples nothing."""

import numpy as np
import pytest

from acir.codes import unpack
from acir.content import embedding_length, logits_of
from acir.index.entry import Entry
from acir.search.probe import Examples, Probe, moved

BITS, DIM = 8, embedding_length(2, 8)
NOWHERE = np.empty(0, dtype=np.int64)


def vector(*start: float) -> np.ndarray:
    """Return an embedding: two blended features, eight logits, no structure."""
    found = np.zeros(DIM, dtype=np.float16)
    found[: len(start)] = start
    return found


def entry(name: str, *start: float) -> Entry:
    return Entry(name, np.zeros(1, np.uint8), vector(*start), "", "0")


def test_a_probe_moves_by_the_weights_of_rocchio() -> None:
    # Unit vectors: query (1, 0), liked (0, 1) and (0, 1) in the mean, disliked (0.6, 0.8).
    # 1 (1, 0) + 0.75 (0, 1) - 0.15 (0.6, 0.8) = (0.91, 0.63), of length 1.10679.
    probe = Probe(np.zeros(1, np.uint8), vector(2.0, 0.0), np.array([4]))
    liked, disliked = [entry("a", 0.0, 3.0), entry("b", 0.0, 1.0)], [entry("c", 0.6, 0.8)]
    found = moved(probe, Examples(liked, disliked, np.array([1, 4, 7])))
    assert found.embedding[:2].tolist() == pytest.approx([0.8222, 0.5692], abs=1e-3)
    assert found.barred.tolist() == [1, 4, 7]


def test_the_code_is_the_signs_of_the_moved_logits() -> None:
    # Logits of the query: all +1; of the liked picture: the first two -4, others +1, unit length.
    query = vector(0, 0, 1, 1, 1, 1, 1, 1, 1, 1)
    liked = entry("a", 0, 0, -4, -4, 1, 1, 1, 1, 1, 1)
    probe = Probe(np.array([255], np.uint8), query, NOWHERE)
    found = moved(probe, Examples([liked], [], np.array([0])))
    # 1 / sqrt(8) - 0.75 * 4 / sqrt(38) < 0, and + 0.75 / sqrt(38) > 0
    assert unpack(found.code[None])[0].tolist() == [-1, -1, 1, 1, 1, 1, 1, 1]
    assert (logits_of(found.embedding, BITS) >= 0).tolist() == [False] * 2 + [True] * 6


def test_without_examples_a_probe_stays() -> None:
    probe = Probe(np.zeros(1, np.uint8), vector(1.0), NOWHERE)
    assert moved(probe, Examples([], [], NOWHERE)) is probe


def test_a_vector_of_zeros_moves_only_by_the_examples() -> None:
    probe = Probe(np.zeros(1, np.uint8), vector(), NOWHERE)
    found = moved(probe, Examples([entry("a", 0.0, 2.0)], [], NOWHERE))
    assert found.embedding[:2].tolist() == [0.0, 1.0]
