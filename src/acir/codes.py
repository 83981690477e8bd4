"""Logits to bits to packed bytes to Hamming distance: bit order and sign(0), fixed here, once.

A bit is 1 where its logit is >= 0. Bits fill bytes from the most significant one, as
`numpy.packbits` does: bit 0 of a code is the highest bit of its byte 0.
"""

import numpy as np
from einops import rearrange
from jaxtyping import Float, Int, UInt8, UInt64

BITS_PER_BYTE = 8


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


def hamming(
    queries: UInt8[np.ndarray, "q bytes"], gallery: UInt8[np.ndarray, "n bytes"]
) -> Int[np.ndarray, "q n"]:
    """Count the bits in which each query differs from each gallery code.

    Example:
        >>> hamming(np.array([[0b101]], dtype=np.uint8), np.array([[0], [255]], dtype=np.uint8))
        array([[2, 6]], dtype=int32)
    """
    bits = queries.shape[1] * BITS_PER_BYTE
    distances = np.zeros((len(queries), len(gallery)), dtype=np.min_scalar_type(bits))
    for query, code in zip(_words(queries), _words(gallery), strict=True):
        distances += np.bitwise_count(query[:, None] ^ code[None, :])
    return distances.astype(np.int32)


def _words(codes: UInt8[np.ndarray, "n bytes"]) -> UInt64[np.ndarray, "words n"]:
    """Read eight bytes at a time, zeros after the last: at 64 bits four times as fast."""
    bytes_missing = -codes.shape[1] % 8
    padded = np.pad(codes, ((0, 0), (0, bytes_missing))).view(np.uint64)
    return np.ascontiguousarray(rearrange(padded, "n words -> words n"))
