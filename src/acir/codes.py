"""Logits to bits to packed bytes to Hamming distance: bit order and sign(0), fixed here, once.

A bit is 1 where its logit is >= 0. Bits fill bytes from the most significant one, as
`numpy.packbits` does: bit 0 of a code is the highest bit of its byte 0.
"""

import numpy as np
from einops import rearrange
from jaxtyping import Float, Int, UInt, UInt8, UInt64

BITS_PER_BYTE = 8
BITS_PER_WORD = 64


def pack(logits: Float[np.ndarray, "n bits"]) -> UInt8[np.ndarray, "n bytes"]:
    """Turn logits into packed codes; a logit of exactly 0 gives the bit 1.

    Raises:
        ValueError: The number of bits is not a multiple of 8.

    Example:
        >>> pack(np.array([[1.0, -1, 0, -2, -3, -1, -1, 5]]))
        array([[161]], dtype=uint8)
    """
    bits = logits.shape[1]
    if bits % BITS_PER_BYTE:
        raise ValueError(f"a code of {bits} bits does not fill whole bytes")
    return np.packbits(logits >= 0, axis=1)


def unpack(codes: UInt8[np.ndarray, "n bytes"]) -> Float[np.ndarray, "n bits"]:
    """Turn packed codes into -1 and +1.

    Example:
        >>> unpack(np.array([[161]], dtype=np.uint8))
        array([[ 1., -1.,  1., -1., -1., -1., -1.,  1.]], dtype=float32)
    """
    return np.unpackbits(codes, axis=1).astype(np.float32) * 2 - 1


def nested_lengths(bits: int) -> tuple[int, ...]:
    """Return the lengths of nested codes: bytes doubled as often as they fit, and the whole.

    Example:
        >>> nested_lengths(48)
        (8, 16, 32, 48)
    """
    doubled = [BITS_PER_BYTE << n for n in range(bits.bit_length()) if BITS_PER_BYTE << n < bits]
    return (*doubled, bits)


def hamming(
    queries: UInt8[np.ndarray, "q bytes"], gallery: UInt8[np.ndarray, "n bytes"]
) -> Int[np.ndarray, "q n"]:
    """Count the bits in which each query differs from each gallery code.

    Example:
        >>> hamming(np.array([[0b101]], dtype=np.uint8), np.array([[0], [255]], dtype=np.uint8))
        array([[2, 6]], dtype=int32)
    """
    return differing(words(queries), words(gallery)).astype(np.int32)


def words(codes: UInt8[np.ndarray, "n bytes"]) -> UInt64[np.ndarray, "words n"]:
    """Read eight bytes at a time, zeros after the last: at 64 bits four times as fast.

    Example:
        >>> words(np.array([[1, 0], [0, 1]], dtype=np.uint8)).shape
        (1, 2)
    """
    bytes_missing = -codes.shape[1] % 8
    padded = np.pad(codes, ((0, 0), (0, bytes_missing))) if bytes_missing else codes
    whole = np.ascontiguousarray(padded).view(np.uint64)
    return np.ascontiguousarray(rearrange(whole, "n words -> words n"))


def differing(
    queries: UInt64[np.ndarray, "words q"], gallery: UInt64[np.ndarray, "words n"]
) -> UInt[np.ndarray, "q n"]:
    """Count differing bits as `hamming` does, of codes read by `words`, in the narrowest type.

    Unsigned numbers wrap around below zero: for arithmetic take `hamming`.

    Example:
        >>> codes = words(np.array([[0b101], [0]], dtype=np.uint8))
        >>> differing(codes[:, :1], codes)
        array([[0, 2]], dtype=uint8)
    """
    narrowest = np.min_scalar_type(len(gallery) * BITS_PER_WORD)
    first: UInt8[np.ndarray, "q n"] = np.bitwise_count(queries[0, :, None] ^ gallery[0])
    counts = first.astype(narrowest, copy=False)
    for query, code in zip(queries[1:], gallery[1:], strict=True):
        counts += np.bitwise_count(query[:, None] ^ code)
    return counts
