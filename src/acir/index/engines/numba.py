"""Exact Hamming search near the speed of memory, by a scan that numba compiles for this CPU.

Searching from several threads at once is safe, and they do run at once: the scan holds no lock.
The first search of a code length on a machine takes some seconds longer; see `acir.index.kernel`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from einops import rearrange
from jaxtyping import Bool, UInt8, UInt64

from acir import codes as packed
from acir.codes import BITS_PER_BYTE
from acir.errors import UsageError
from acir.index import kernel
from acir.index.engines.base import Allow, Engine, Found, Nearest, Queries, stacked

QUERIES = 1024  # of one scan: what it counts for each of them stays small


class Numba(Engine):
    """Scan all codes in blocks of 64.

    A scan counts, for each query, the codes that it has seen at each distance. So it knows the
    largest distance that can still be in the answer, and one comparison passes over a block that
    holds nothing as near.

    Raises:
        UsageError: There are more codes than a candidate can number.
    """

    def __init__(self, codes: UInt8[np.ndarray, "n bytes"]) -> None:
        """Take the gallery over."""
        super().__init__(codes)
        if self._shape[0] > 1 << kernel.ROW_BITS:
            raise UsageError(
                f"the engine numba holds at most {1 << kernel.ROW_BITS} codes, {self._shape[0]} "
                "were given; spread them over several indexes"
            )
        self._bits = codes.shape[1] * BITS_PER_BYTE
        missing = -len(codes) % kernel.LANES
        words = packed.words(np.pad(codes, ((0, missing), (0, 0))))
        blocks = rearrange(words, "word (block lane) -> block word lane", lane=kernel.LANES)
        self._blocks = np.ascontiguousarray(blocks)
        self._everywhere = self._marks(np.ones(len(codes), dtype=np.bool_))

    def _knn(self, queries: Queries, k: int, allow: Allow) -> Nearest:
        found = min(k, self.passing(allow))
        answers = list(self._answers(queries, _Ask(found, self._bits, ties=False), allow))
        return stacked(answers, found)

    def _within(self, queries: Queries, radius: int, allow: Allow, cap: int | None) -> list[Found]:
        everything = self._shape[0] + 1
        return list(self._answers(queries, _Ask(everything, radius, ties=False), allow))

    def _tie_complete(self, queries: Queries, k: int, allow: Allow) -> list[Found]:
        return list(self._answers(queries, _Ask(k, self._bits, ties=True), allow))

    def _answers(self, queries: Queries, ask: "_Ask", allow: Allow) -> Iterator[Found]:
        """Yield the answer to each query; without ties what follows the k-th is to be cut."""
        marks = self._everywhere if allow is None else self._marks(allow)
        gallery = kernel.Codes(self._blocks, marks, (0,) * self._blocks.shape[1])
        farthest = min(ask.radius, self._bits) if ask.k else -1
        for start in range(0, len(queries), QUERIES):
            words = np.ascontiguousarray(packed.words(queries[start : start + QUERIES]).T)
            limits = np.full(len(words), farthest, dtype=np.int64)
            seen = np.zeros((len(words), self._bits + 2), dtype=np.int64)
            search = kernel.Search(words, ask.k, ask.ties, limits, seen)
            yield from _split(np.sort(kernel.scan(gallery, search)), len(words))

    def _marks(self, allow: Bool[np.ndarray, " n"]) -> UInt64[np.ndarray, " blocks"]:
        marks = np.zeros((len(self._blocks), kernel.LANES // BITS_PER_BYTE), dtype=np.uint8)
        bits = np.packbits(allow, bitorder="little")
        marks.reshape(-1)[: len(bits)] = bits
        return marks.view("<u8")[:, 0]


@dataclass(frozen=True)
class _Ask:
    k: int
    radius: int
    ties: bool


def _split(candidates: UInt64[np.ndarray, " candidates"], queries: int) -> Iterator[Found]:
    """Yield distances and rows of each query's candidates, which are in order."""
    firsts = np.arange(1, queries, dtype=np.uint64) << kernel.TO_QUERY
    for each in np.split(candidates, np.searchsorted(candidates, firsts)):
        distances = (each >> kernel.TO_DISTANCE & kernel.DISTANCE).astype(np.int32)
        yield distances, (each & kernel.ROW).astype(np.int64)
