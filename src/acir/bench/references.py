"""What an engine is set in relation to: reading the codes, bare FAISS, plain numpy."""

from collections.abc import Callable

import faiss
import numpy as np
from jaxtyping import Int, UInt8

from acir.bench.drawn import Drawn
from acir.bench.harness import Work
from acir.codes import BITS_PER_BYTE, words
from acir.errors import ComponentError
from acir.index import engines

READ, NUMPY, BARE = "read", "numpy", "bare FAISS"
RADIUS = 1 / 8  # of the bits
NUMBA_SUM, NUMPY_SUM = "a compiled sum of words", "numpy's sum of words"


def reading(codes: UInt8[np.ndarray, "n bytes"]) -> tuple[str, Callable[[], object]]:
    """Return how memory is read, and what reads all codes once.

    numpy's sum stands in where numba is missing; it is slower while codes fit into the cache.
    """
    line = words(codes).reshape(-1)
    try:
        engines.get("numba")
    except ComponentError:
        return NUMPY_SUM, line.sum
    from acir.index.kernel import total  # noqa: PLC0415 - needs numba

    return NUMBA_SUM, lambda: total(line)


def references(
    drawn: Drawn, k: int, bare: faiss.IndexBinaryFlat, read: Callable[[], object]
) -> dict[str, Work]:
    """Return contenders that take one query."""
    strict = radius_of(drawn.bits) + 1  # FAISS leaves the end out
    return {
        READ: lambda _: read(),
        BARE: lambda number: bare.search(drawn.query(number), k),
        f"{BARE} radius": lambda number: bare.range_search(drawn.query(number), strict),
        NUMPY: lambda number: nearest(drawn.codes, drawn.query(number)[0], k),
    }


def bare_faiss(codes: UInt8[np.ndarray, "n bytes"]) -> faiss.IndexBinaryFlat:
    """Return FAISS's own index, which uses one thread."""
    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(codes.shape[1] * BITS_PER_BYTE)
    index.add(codes)
    return index


def nearest(
    codes: UInt8[np.ndarray, "n bytes"], query: UInt8[np.ndarray, " bytes"], k: int
) -> tuple[Int[np.ndarray, " found"], Int[np.ndarray, " found"]]:
    """Return distances and rows of the k nearest codes, by sorting all stably."""
    distances = np.bitwise_count(codes ^ query).sum(axis=1, dtype=np.uint16)
    rows = np.argsort(distances, kind="stable")[:k]
    return distances[rows].astype(np.int32), rows


def radius_of(bits: int) -> int:
    """Return the radius that is measured."""
    return int(RADIUS * bits)
