"""The cosine of every query with every gallery picture, in one matrix product."""

import numpy as np
from jaxtyping import Float

from acir.ranking.base import DECIMALS


def cosines(
    queries: Float[np.ndarray, "queries dim"], gallery: Float[np.ndarray, "n dim"]
) -> Float[np.ndarray, "queries n"]:
    """Return the cosine of every pair, rounded to six decimals; 0 with a vector of zeros.

    For float16 embeddings of unit length it is `acir.ranking.base.cosine` bit for bit: products
    of float16 are multiples of 2**-48 and those of unit vectors sum to about 1 at most, so
    float64 holds every partial sum exactly and a matrix product may add them in any order.

    Example:
        >>> cosines(np.array([[3.0, 4]]), np.array([[4.0, 3], [-6, -8], [0, 0]]))
        array([[ 0.96, -1.  ,  0.  ]])
    """
    asked, held = queries.astype(np.float64), gallery.astype(np.float64)
    lengths = np.sqrt(np.outer((asked**2).sum(axis=1), (held**2).sum(axis=1)))
    found = np.divide(asked @ held.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return found.round(DECIMALS)
