"""Codes to measure with: clustered as those of a trained model, or without any structure."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from acir.codes import BITS_PER_BYTE

CENTRES = 64
FLIPS = np.linspace(0.02, 0.15, CENTRES, dtype=np.float32)  # chance of a bit, by centre
PART = 50_000  # codes drawn at once: their chances take four bytes a bit


@dataclass(frozen=True)
class Drawn:
    """A gallery, queries of the same kind that are not in it, and the centre of each code."""

    codes: UInt8[np.ndarray, "n bytes"]
    queries: UInt8[np.ndarray, "q bytes"]
    centres: Int[np.ndarray, " n"]

    @property
    def bits(self) -> int:
        """Length of a code."""
        return int(self.codes.shape[1]) * BITS_PER_BYTE

    def query(self, number: int) -> UInt8[np.ndarray, "1 bytes"]:
        """Return one query; after the last comes the first."""
        place = number % len(self.queries)
        return np.asarray(self.queries[place : place + 1])


def draw(kind: str, rows: int, bits: int, queries: int, seed: int) -> Drawn:
    """Draw codes.

    Args:
        kind: `clustered`: bits of one of 64 centres, each flipped with a chance of 2 to 15 %
            that belongs to the centre; `uniform`: each bit by itself.
        rows: Codes of the gallery.
        bits: Length of a code.
        queries: Codes beside it.
        seed: Of everything.
    """
    random = np.random.default_rng(seed)
    centres = random.integers(0, 2, (CENTRES, bits), dtype=np.uint8)
    of = random.integers(0, CENTRES, rows + queries)
    codes = np.empty((rows + queries, bits // BITS_PER_BYTE), dtype=np.uint8)
    for start in range(0, len(codes), PART):
        part = slice(start, start + PART)
        if kind == "uniform":
            codes[part] = random.integers(0, 256, codes[part].shape, dtype=np.uint8)
        else:
            chance = random.random((len(of[part]), bits), dtype=np.float32)
            codes[part] = np.packbits(centres[of[part]] ^ (chance < FLIPS[of[part], None]), axis=1)
    return Drawn(codes[:rows], codes[rows:], of[:rows])
