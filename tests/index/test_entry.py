"""Seals and checksums notice every change."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acir.index.entry import checksum, seal, unseal


def test_a_seal_is_the_crc_32_of_the_standard() -> None:
    # The check value of CRC-32/ISO-HDLC for these nine digits is CBF43926.
    assert seal(b"123456789")[-4:] == bytes.fromhex("2639f4cb")


@given(st.lists(st.binary(min_size=3, max_size=3), max_size=5))
def test_unsealing_gives_back_what_was_sealed(contents: list[bytes]) -> None:
    matrix = unseal([seal(content) for content in contents], 3)
    assert matrix is not None
    assert matrix.shape == (len(contents), 3)
    assert [row.tobytes() for row in matrix] == contents


@given(st.binary(min_size=8, max_size=8), st.integers(0, 12 * 8 - 1))
def test_any_flipped_bit_breaks_the_seal(content: bytes, bit: int) -> None:
    altered = bytearray(seal(content))
    altered[bit // 8] ^= 1 << bit % 8
    assert unseal([seal(content), bytes(altered)], 8) is None


def test_other_sizes_and_types_break_the_seal() -> None:
    for other in (seal(b"abcd"), seal(b"ab"), "text", None, 7):
        assert unseal([seal(b"abc"), other], 3) is None


def test_a_checksum_tells_neighbouring_fields_and_types_apart() -> None:
    rows: list[tuple[list[object], list[bytes]]] = [
        (["ab", "c", None], [b"xy"]),
        (["a", "bc", None], [b"xy"]),
        (["ab", "c", None], [b"x", b"y"]),
        (["ab", "c", None], [b"xy", b""]),
        (["ab", "c", None], [b"", b"xy"]),
        (["ab", "c", "None"], [b"xy"]),
        (["ab", "c", "xy"], []),
        (["ab", "c", ""], [b"xy"]),
        (["ab", "c", b""], [b"xy"]),
        (["ab", "c", 0], [b"xy"]),
        (["ab", "c", "0"], [b"xy"]),
        (["ab", "c", (("k", "v"),)], [b"xy"]),
    ]
    assert len({checksum(words, blobs) for words, blobs in rows}) == len(rows)


def test_a_checksum_is_the_same_on_every_machine() -> None:
    # printf "(('\\xe4', None), [2])\001\002" | b2sum -l 128
    blob = np.array([1, 2], dtype=np.uint8).tobytes()
    assert checksum(("ä", None), [blob]).hex() == "9e0913d39b8d3415ff661a282ee8f58b"
