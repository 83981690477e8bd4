"""What counts as nearly the same picture, at each of the three limits, and what folding leaves."""

import numpy as np
import pytest

from acir.content import structure_of
from acir.search.duplicates import LIKENESS, SHARE, STRUCTURE, Originals
from acir.search.probe import Probe

BITS = 64
DIM = 32 + BITS + 256


def picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=DIM)
    return rng.integers(0, 256, BITS // 8, dtype=np.uint8), vector.astype(np.float16)


def flipped(code: np.ndarray, count: int) -> np.ndarray:
    bits = np.unpackbits(code)
    bits[:count] ^= 1
    return np.packbits(bits)


def turned(vector: np.ndarray, part: slice, cosine: float) -> np.ndarray:
    """Turn a part of a vector until it has this cosine with what it was."""
    found = vector.astype(np.float64)
    old = found[part]
    other = np.random.default_rng(9).normal(size=old.shape)
    other -= other @ old / (old @ old) * old
    other *= np.linalg.norm(old) / np.linalg.norm(other)
    found[part] = cosine * old + np.sqrt(1 - cosine**2) * other
    return found.astype(np.float16)


def is_near(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether the codes are near and the vectors the same; random ones are never merely alike."""
    differing = np.unpackbits(one[0] ^ other[0]).sum()
    return bool(differing <= SHARE * BITS and np.array_equal(one[1], other[1]))


def is_folded(code: np.ndarray, vector: np.ndarray) -> bool:
    first = picture(0)
    codes, vectors = np.stack([first[0], code]), np.stack([first[1], vector])
    order, folded = Originals(()).fold(codes, vectors, 2)
    assert len(order) + folded == 2
    return folded == 1


def test_a_code_may_differ_by_an_eighth_of_its_bits() -> None:
    code, vector = picture(0)
    assert SHARE * BITS == 8
    assert is_folded(flipped(code, 8), vector)
    assert not is_folded(flipped(code, 9), vector)


@pytest.mark.parametrize(("share", "expected"), [(0.002, True), (-0.002, False)])
def test_the_structure_decides_where_all_else_is_equal(share: float, expected: bool) -> None:
    code, vector = picture(0)
    close = turned(vector, slice(DIM - 256, DIM), STRUCTURE + share)
    assert structure_of(close).shape == (256,)
    assert is_folded(code, close) is expected


@pytest.mark.parametrize(("share", "expected"), [(0.01, True), (-0.01, False)])
def test_what_the_network_sees_decides_where_the_structure_is_equal(
    share: float, expected: bool
) -> None:
    code, vector = picture(0)
    learned = slice(0, DIM - 256)
    weight = float((vector[learned].astype(float) ** 2).sum() / (vector.astype(float) ** 2).sum())
    cosine = 1 - (1 - LIKENESS - share) / weight  # so that all of the vector turns by LIKENESS
    assert is_folded(code, turned(vector, learned, cosine)) is expected


def test_copies_of_a_kept_picture_are_folded_until_enough_are_found() -> None:
    pictures = [picture(n) for n in (1, 1, 2, 1, 3, 3)]
    codes, vectors = (np.stack(column) for column in zip(*pictures, strict=True))
    order, folded = Originals(()).fold(codes, vectors, 2)
    assert (order.tolist(), folded) == ([0, 2, 3, 4, 5], 1)  # what follows the second stays
    order, folded = Originals(()).fold(codes, vectors, 9)
    assert (order.tolist(), folded) == ([0, 2, 4], 3)


def test_copies_of_a_view_are_folded_from_the_first() -> None:
    code, vector = picture(1)
    view = Probe(code, vector, np.empty(0, dtype=np.int64))
    other = picture(2)
    order, folded = Originals([view]).fold(
        np.stack([code, other[0]]), np.stack([vector, other[1]]), 5
    )
    assert (order.tolist(), folded) == ([1], 1)


def test_nothing_is_folded_from_nothing() -> None:
    order, folded = Originals(()).fold(np.empty((0, 8), np.uint8), np.empty((0, DIM), "f2"), 3)
    assert (len(order), folded) == (0, 0)


def test_many_pictures_are_folded_as_a_plain_loop_does() -> None:
    pictures = [picture(int(n)) for n in np.random.default_rng(0).integers(200, size=600)]
    codes, vectors = (np.stack(column) for column in zip(*pictures, strict=True))
    order, folded = Originals(()).fold(codes, vectors, 600)
    kept = list[int]()
    for row in range(600):
        if not any(is_near(pictures[row], pictures[other]) for other in kept):
            kept.append(row)
    assert (order.tolist(), folded) == (kept, 600 - len(kept))
    assert 100 < len(kept) <= 200
