"""What is looked for: the code and the embedding of a picture, and what may not be a hit of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float16, Float64, Int, UInt8

from acir.codes import BITS_PER_BYTE, pack
from acir.content import logits_of
from acir.index.entry import Entry

# Weights of the query, of the mean liked and of the mean disliked picture: Manning, Raghavan and
# Schuetze, Introduction to Information Retrieval, section 9.1.1, after Rocchio (1971).
QUERY, LIKED, DISLIKED = 1.0, 0.75, 0.15


@dataclass(frozen=True, eq=False)
class Probe:
    """One view of what is looked for.

    Attributes:
        code: Packed bits.
        embedding: As an index keeps it.
        barred: Positions that may not be hits, ascending, none twice.
    """

    code: UInt8[np.ndarray, " bytes"]
    embedding: Float16[np.ndarray, " dim"]
    barred: Int[np.ndarray, " m"]


Views = Sequence[Probe]
"""What is looked for together, with the same barred positions; mostly one probe."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Stored pictures that someone called like or unlike what is looked for.

    Attributes:
        liked: Their mean counts `LIKED`.
        disliked: Their mean counts `DISLIKED`.
        barred: The positions of all.
    """

    liked: Sequence[Entry]
    disliked: Sequence[Entry]
    barred: Int[np.ndarray, " m"]


def moved(probe: Probe, examples: Examples) -> Probe:
    """Move a probe towards stored pictures and away from others, after Rocchio (1971).

    The embedding moves as a unit vector. Its part of hash logits moves with it, and the new code
    is the signs of that. The examples do not come back as hits.
    """
    if not (examples.liked or examples.disliked):
        return probe
    vector = QUERY * _unit(probe.embedding)
    vector += LIKED * _mean(examples.liked, probe) - DISLIKED * _mean(examples.disliked, probe)
    (code,) = pack(logits_of(vector, len(probe.code) * BITS_PER_BYTE)[None])
    barred = np.union1d(probe.barred, examples.barred)
    return Probe(code, _unit(vector).astype(np.float16), barred)


def _mean(entries: Sequence[Entry], probe: Probe) -> Float64[np.ndarray, " dim"]:
    total = np.zeros(len(probe.embedding))
    for entry in entries:
        total += _unit(entry.embedding) / len(entries)
    return total


def _unit(vector: Float[np.ndarray, " dim"]) -> Float64[np.ndarray, " dim"]:
    wide = vector.astype(np.float64)
    length = np.sqrt(np.einsum("j,j->", wide, wide))
    return wide / length if length else wide
