"""How codes are used, against hand-computed values, numpy and naive loops over pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acir.codes import hamming, unpack
from acir.metrics import code_use
from acir.metrics.ties import TieGroups


def test_equal_codes_have_no_balance_and_are_one() -> None:
    codes = np.full((9, 2), 0b1010_0110, dtype=np.uint8)
    assert (code_use.bit_balance(codes), code_use.distinct_codes(codes)) == (0.0, 1)


def test_a_code_and_its_complement_are_balanced() -> None:
    codes = np.array([[0b0101_0011], [0b1010_1100]], dtype=np.uint8)
    assert (code_use.bit_balance(codes), code_use.distinct_codes(codes)) == (1.0, 2)


def test_balance_is_a_mean_over_bits() -> None:
    # four codes: bit 0 set in one of them, 1 - |2/4 - 1| = 1/2; bit 1 in two, 1; six bits never
    codes = np.array([[0b1100_0000], [0b0100_0000], [0], [0]], dtype=np.uint8)
    assert code_use.bit_balance(codes) == pytest.approx((0.5 + 1) / 8)


def test_codes_that_differ_in_a_later_byte_are_distinct() -> None:
    codes = np.array([[1, 2], [1, 3], [1, 2]], dtype=np.uint8)
    assert code_use.distinct_codes(codes) == 2


@given(st.integers(0, 2**32 - 1))
def test_bit_correlation_is_that_of_numpy(seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 256, (60, 2), dtype=np.uint8)
    expected = np.abs(np.corrcoef(unpack(codes).T))[np.triu_indices(16, k=1)].mean()
    assert code_use.bit_correlation(codes) == pytest.approx(expected, abs=1e-12)


def test_a_bit_that_never_changes_is_left_out_of_the_correlation() -> None:
    # bits 0 and 1 are equal, bit 2 their opposite: all three pairs at 1; five bits are constant
    codes = np.array([[0b1100_0000], [0b0010_0000], [0b0010_0000]], dtype=np.uint8)
    assert code_use.bit_correlation(codes) == 1.0
    # bits 0 and 1 together take each of four values once
    codes = np.array([[0b1100_0000], [0b1000_0000], [0b0100_0000], [0]], dtype=np.uint8)
    assert code_use.bit_correlation(codes) == 0.0


@pytest.mark.parametrize("codes", [[[3]] * 4, [[0b1000_0000], [0]], []])
def test_there_is_no_correlation_where_fewer_than_two_bits_change(codes: list[list[int]]) -> None:
    assert np.isnan(code_use.bit_correlation(np.array(codes, dtype=np.uint8).reshape(-1, 1)))


def test_the_commonest_code_of_five() -> None:
    codes = np.array([[1, 1], [1, 2], [1, 1], [2, 1], [1, 1]], dtype=np.uint8)
    assert code_use.commonest_code_share(codes) == 3 / 5
    assert np.isnan(code_use.commonest_code_share(codes[:0]))


@given(st.integers(0, 2**32 - 1))
def test_within_to_between_is_that_of_a_naive_loop_over_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 256, (15, 2), dtype=np.uint8)
    labels = random.random((15, 3)) < 0.4  # several labels, one, or none
    distances = hamming(codes, codes)
    for found, has in zip(code_use.within_to_between(codes, labels), labels.T, strict=True):
        inside = [distances[a, b] for a in range(15) for b in range(a) if has[a] and has[b]]
        across = [distances[a, b] for a in range(15) for b in range(15) if has[a] and not has[b]]
        if inside and across:
            assert found == pytest.approx(np.mean(inside) / np.mean(across), abs=1e-12)
        else:
            assert np.isnan(found)


def test_a_collapsed_class_is_0_and_a_collapsed_gallery_undefined() -> None:
    codes = np.array([[7], [7], [8], [9]], dtype=np.uint8)
    labels = np.eye(2, dtype=np.bool_)[[0, 0, 1, 1]]
    # 8 and 9 differ in 1 bit; from 7 they differ in 4 and 3
    found = code_use.within_to_between(codes, labels)
    assert found.tolist() == pytest.approx([0, 1 / 3.5])
    assert np.isnan(code_use.within_to_between(codes[[0] * 4], labels)).all()


def test_shuffling_the_codes_changes_no_bit() -> None:
    random = np.random.default_rng(3)
    codes = random.integers(0, 256, (500, 3), dtype=np.uint8)
    labels = random.random((500, 4)) < 0.3
    order = random.permutation(500)
    for measure in (code_use.bit_balance, code_use.bit_correlation, code_use.commonest_code_share):
        assert measure(codes) == measure(codes[order])
    first = code_use.within_to_between(codes, labels)
    assert first.tobytes() == code_use.within_to_between(codes[order], labels[order]).tobytes()


def test_ties_are_counted_per_place_that_is_taken() -> None:
    # 6 pictures at 2 distances; 4 at 4; none at all
    groups = TieGroups(np.array([[5, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]), np.zeros((3, 4), int))
    assert code_use.mean_tie_group(groups).tolist() == [3, 1, 0]
