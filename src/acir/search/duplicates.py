"""Near-duplicates: pictures that a reader would take for one another, folded into the best hit.

Two pictures are near-duplicates when their codes differ in few bits, their embeddings point the
same way, and the structures in them do. How the limits were measured is said in
`docs/decisions/0017-near-duplicates-are-folded.md`.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float16, Int, UInt8

from acir.codes import BITS_PER_BYTE
from acir.content import structure_of
from acir.ranking.base import cosine
from acir.search.probe import Probe

SHARE = 1 / 8  # of the bits of the code, may differ
LIKENESS = 0.98  # least cosine of the embeddings
STRUCTURE = 0.995  # least correlation of the fingerprints

Code = UInt8[np.ndarray, " bytes"]
Embedding = Float16[np.ndarray, " dim"]


class Originals:
    """Pictures that were met; the next is asked whether it is nearly one of them.

    Args:
        views: Those that were met before the first.
    """

    def __init__(self, views: Iterable[Probe]) -> None:
        self._codes = b""  # one after another: to stack them for each picture would take longest
        self._embeddings: list[Embedding] = []
        for view in views:
            self._add(view.code, view.embedding)

    def fold(
        self,
        codes: UInt8[np.ndarray, "n bytes"],
        embeddings: Float16[np.ndarray, "n dim"],
        k: int,
    ) -> tuple[Int[np.ndarray, " m"], int]:
        """Leave out near-duplicates of any picture before them, until k are found.

        Returns:
            The positions of the k that stay and of all that follow the last of them, which were
            not looked at, and how many were left out.
        """
        kept: list[int] = []
        seen = 0
        while seen < len(codes) and len(kept) < k:
            if not self._have(codes[seen], embeddings[seen]):
                self._add(codes[seen], embeddings[seen])
                kept.append(seen)
            seen += 1
        order = np.array([*kept, *range(seen, len(codes))], dtype=np.int64)
        return order, seen - len(kept)

    def _have(self, code: Code, embedding: Embedding) -> bool:
        codes = np.frombuffer(self._codes, np.uint8).reshape(-1, len(code))
        differing = np.bitwise_count(codes ^ code).sum(axis=1)
        near = np.flatnonzero(differing <= SHARE * len(code) * BITS_PER_BYTE)
        if not near.size:
            return False
        others = np.stack([self._embeddings[i] for i in near])
        alike = cosine(embedding, others) >= LIKENESS
        structured = cosine(structure_of(embedding), structure_of(others)) >= STRUCTURE
        return bool((alike & structured).any())

    def _add(self, code: Code, embedding: Embedding) -> None:
        self._codes += code.tobytes()
        self._embeddings.append(embedding)
