"""From codes to candidates: the only calls of an engine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from acir.index.engines.base import Allow, Engine, Found, without
from acir.search.probe import Probe

FACTOR = 4
LEAST = 100
MOST = 5000  # beyond it a class of ties is cut, and the answer says so
GROWTH = 4  # where near-duplicates or cases leave too few hits


@dataclass(frozen=True, eq=False)
class Shortlist:
    """Candidates of one probe, in the order (distance, row).

    Attributes:
        distances: Hamming distances.
        rows: Positions in the gallery.
        complete: Whether a longer list would hold no more.
        notice: What a reader should know; mostly empty.
    """

    distances: Int[np.ndarray, " n"]
    rows: Int[np.ndarray, " n"]
    complete: bool
    notice: str = ""


def first_size(k: int) -> int:
    """Return how many candidates are asked for at first where k hits are wanted."""
    return max(FACTOR * k, LEAST)


def shortlists(
    engine: Engine,
    probes: Sequence[Probe],
    allowed: Allow,
    size: int,
    radius: int | None,
) -> list[Shortlist]:
    """Return the `size` nearest allowed pictures of each probe and all that tie with the last.

    With a radius, all within it. `allowed` marks the pictures that may be found; None allows all.
    A probe's barred pictures are asked for with the others and taken out after, so that one filter
    serves all probes; what is left is what a filter of its own would give.
    """
    if not probes:
        return []
    codes = np.stack([probe.code for probe in probes])
    if radius is not None:
        found = engine.within(codes, radius, allowed)
        return [
            _cut(without(f, p.barred), complete=True) for p, f in zip(probes, found, strict=True)
        ]
    more = max(len(probe.barred) for probe in probes)
    found = engine.tie_complete(codes, size + more, allowed)
    here = engine.passing(allowed)
    return [
        _nearest(without(f, p.barred), size, everything=len(f[1]) == here)
        for p, f in zip(probes, found, strict=True)
    ]


def _nearest(found: Found, size: int, *, everything: bool) -> Shortlist:
    distances, rows = found
    if len(rows) > size:
        tied = distances <= distances[size - 1]
        everything = everything and bool(tied.all())
        distances, rows = distances[tied], rows[tied]
    return _cut((distances, rows), complete=everything)


def _cut(found: Found, *, complete: bool) -> Shortlist:
    distances, rows = found
    if len(rows) <= MOST:
        return Shortlist(distances, rows, complete)
    notice = (
        f"{len(rows)} pictures are near enough by their codes; the first {MOST} by distance and id "
        "were ordered by content"
    )
    return Shortlist(distances[:MOST], rows[:MOST], complete=True, notice=notice)
