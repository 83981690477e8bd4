"""Lay embeddings out in a plane; run as a program, because that takes long and much memory.

It reads a matrix in NumPy's format from standard input and writes one to standard output.
"""

import sys
from io import BytesIO

import numpy as np
from jaxtyping import Float, Float32

NEIGHBOURS = 15
SEED = 0
FEWEST = NEIGHBOURS + 1  # pictures that can be laid out


def lay_out(embeddings: Float[np.ndarray, "n dim"]) -> Float32[np.ndarray, "n 2"]:
    """Return a place in the unit square for each embedding, near ones near each other.

    UMAP (McInnes, Healy and Melville, 2018, https://arxiv.org/abs/1802.03426) by the cosine,
    seeded, so that the same embeddings have the same places on one machine.
    """
    from umap import UMAP  # noqa: PLC0415 - an extra, and slow to import

    maker = UMAP(n_neighbors=NEIGHBOURS, metric="cosine", random_state=SEED, n_jobs=1)
    return within_square(maker.fit_transform(np.asarray(embeddings, dtype=np.float32)))


def within_square(places: Float[np.ndarray, "n 2"]) -> Float32[np.ndarray, "n 2"]:
    """Move and scale places, both axes alike, so that they just fit into the unit square."""
    low, high = places.min(axis=0), places.max(axis=0)
    span = max(float((high - low).max()), np.finfo(np.float32).tiny)
    centred = (places - (low + high) / 2) / span
    return np.asarray(centred + 0.5, dtype=np.float32)


def main() -> None:
    """Lay out what comes in."""
    given = np.load(BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    np.save(sys.stdout.buffer, lay_out(given), allow_pickle=False)


if __name__ == "__main__":
    main()
