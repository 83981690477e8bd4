"""How well a gallery uses its codes; a high mAP can hide a collapse."""

import numpy as np
from jaxtyping import UInt8

from acir.codes import unpack


def bit_balance(codes: UInt8[np.ndarray, "n bytes"]) -> float:
    """Return the mean over bits of 1 - |2p - 1|, p being the share of codes with the bit set.

    1 when every bit is set in half of the codes, 0 when no bit ever changes.

    Example:
        >>> bit_balance(np.array([[0b1111_0000], [0b1111_1111]], dtype=np.uint8))
        0.5
    """
    means = unpack(codes).mean(axis=0, dtype=np.float64)  # of -1 and +1, hence 2p - 1
    return float((1 - np.abs(means)).mean())


def distinct_codes(codes: UInt8[np.ndarray, "n bytes"]) -> int:
    """Count the different codes.

    Example:
        >>> distinct_codes(np.array([[7], [7], [9]], dtype=np.uint8))
        2
    """
    return len(np.unique(codes, axis=0))
