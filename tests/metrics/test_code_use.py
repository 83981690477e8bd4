"""Bit balance and distinct codes against hand-computed values."""

import numpy as np
import pytest

from acir.metrics import code_use


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
