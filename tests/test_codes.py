"""Bits, bytes and distances against hand-computed values and a naive loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acir import codes


def test_a_zero_logit_gives_a_one_and_the_first_bit_is_the_highest() -> None:
    # 1 0 1 0 0 0 0 1 = 128 + 32 + 1
    logits = np.array([[1.0, -1, 0, -2, -3, -1, -1, 5]])
    assert codes.pack(logits).tolist() == [[161]]


def test_negative_zero_counts_as_zero() -> None:
    assert codes.pack(np.full((1, 8), -0.0)).tolist() == [[255]]


def test_a_length_that_does_not_fill_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="12 bits does not fill whole bytes"):
        codes.pack(np.zeros((1, 12)))


@given(st.integers(0, 2**32 - 1), st.sampled_from([8, 16, 64, 128]))
def test_unpack_undoes_pack_and_hamming_counts_differing_signs(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(5, bits))
    packed = codes.pack(logits)
    signs = np.where(logits >= 0, 1, -1)
    assert (codes.unpack(packed) == signs).all()
    naive = [[int(np.sum(a != b)) for b in signs] for a in signs]
    assert codes.hamming(packed, packed).tolist() == naive


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 8, 9, 40]))
def test_codes_of_any_length_are_compared_in_whole_words(seed: int, width: int) -> None:
    packed = np.random.default_rng(seed).integers(0, 256, (6, width), dtype=np.uint8)
    packed[1] = ~packed[0]  # at 40 bytes all of 320 bits differ, more than a byte can count
    found = codes.differing(codes.words(packed), codes.words(packed))
    naive = [[(int.from_bytes(a) ^ int.from_bytes(b)).bit_count() for b in packed] for a in packed]
    assert found.tolist() == codes.hamming(packed, packed).tolist() == naive


@pytest.mark.parametrize(
    ("bits", "lengths"), [(8, (8,)), (64, (8, 16, 32, 64)), (40, (8, 16, 32, 40))]
)
def test_nested_lengths_are_bytes_doubled_and_the_whole(
    bits: int, lengths: tuple[int, ...]
) -> None:
    assert codes.nested_lengths(bits) == lengths
