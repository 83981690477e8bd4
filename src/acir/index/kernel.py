"""The scan of the numba engine, compiled for the CPU that it runs on.

LLVM turns the comparison with a block of 64 codes into vector instructions of whatever CPU it
finds (with AVX-512 `vpopcntq`), so that one package serves all and no compiler has to be there.
Compiling takes seconds, once for each length of codes; numba keeps the result on disk if it can.
`no_type_check` keeps tests from wrapping what is compiled: numba could not read it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int64, UInt64
from llvmlite.ir import Instruction, IRBuilder, Value
from numba import njit, types
from numba.extending import intrinsic, overload

Words = UInt64[np.ndarray, " words"]
Blocks = UInt64[np.ndarray, "blocks words 64"]
Candidates = UInt64[np.ndarray, " candidates"]
Limits = Int64[np.ndarray, " queries"]

LANES = 64  # codes of a block: one word marks those that are near
TILE_BYTES = 32_768  # codes that stay in the nearest cache while one query after another reads them
# A candidate is one number whose order is that of the answers: query, then distance, then row.
ROW_BITS, DISTANCE_BITS = 32, 16
TO_QUERY, TO_DISTANCE = np.uint64(ROW_BITS + DISTANCE_BITS), np.uint64(ROW_BITS)
ROW, DISTANCE = np.uint64((1 << ROW_BITS) - 1), np.uint64((1 << DISTANCE_BITS) - 1)
ROOM = 256  # candidates of a query before the list of all has to grow

WORD_BYTES = 8
ONE = np.uint64(1)


class Codes(NamedTuple):
    """What is searched.

    Attributes:
        blocks: Codes in words: (blocks, words, 64), zeros after the last.
        marks: A word a block, whose bits mark the codes that may be returned.
        width: As many zeros as a code has words.
    """

    blocks: Blocks
    marks: UInt64[np.ndarray, " blocks"]
    width: tuple[int, ...]


class Search(NamedTuple):
    """What is looked for, and how much of it was seen.

    Attributes:
        queries: Codes in words.
        k: Codes wanted of each query, at least 1; more than there are for all up to the limit.
        ties: Whether all that are as far away as the k-th are wanted too.
        limits: The largest distance that can still be in the answer of each query.
        seen: Codes counted by distance for each query, and in the last place those up to its limit.
    """

    queries: UInt64[np.ndarray, "queries words"]
    k: int
    ties: bool
    limits: Limits
    seen: Int64[np.ndarray, "queries distances"]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function at its first call; keep the result where a folder can be written.

    Example:
        >>> compiled(no_type_check(lambda a, b: a + b))(1, 2)
        3
    """
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba finds no folder for it
        return njit(nogil=True)(function)


@no_type_check
@intrinsic
def ones(context: object, word: types.Type) -> tuple[object, Callable[..., Instruction]]:
    """Count the ones of a word: numba has no function of its own for this one instruction."""

    def emit(
        context: object, builder: IRBuilder, signature: object, arguments: list[Value]
    ) -> Instruction:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), emit


@no_type_check
def near(
    blocks: Blocks, block: int, query: Words, limit: np.uint64, width: tuple[int, ...]
) -> np.uint64:
    """Mark the codes of a block that differ from a query in at most `limit` bits."""


@no_type_check
@overload(near, strict=False)  # strict: with the same annotations
def near_at(
    blocks: types.Type,
    block: types.Type,
    query: types.Type,
    limit: types.Type,
    width: types.UniTuple,
) -> Callable[..., np.uint64]:
    """Write `near` for codes of so many words, which the type of the tuple `width` tells.

    With all words of a code in one expression the sums stay in registers; a loop whose length
    LLVM does not know takes twice as long.
    """
    words = width.count

    def marks(
        blocks: Blocks, block: int, query: Words, limit: np.uint64, width: tuple[int, ...]
    ) -> np.uint64:
        found = np.uint64(0)
        for lane in range(LANES):
            differing = np.uint64(0)
            for word in range(words):
                differing += ones(blocks[block, word, lane] ^ query[word])
            found |= np.uint64(differing <= limit) << np.uint64(lane)
        return found

    return marks


@compiled
@no_type_check
def trim(candidates: Candidates, used: int, limits: Limits) -> int:
    """Drop what is farther away than the limit of its query; return how many remain."""
    kept = 0
    for number in range(used):
        candidate = candidates[number]
        distance = np.int64(candidate >> TO_DISTANCE & DISTANCE)
        if distance <= limits[candidate >> TO_QUERY]:
            candidates[kept] = candidate
            kept += 1
    return kept


@compiled
@no_type_check
def with_room(candidates: Candidates, used: int, limits: Limits) -> tuple[Candidates, int]:
    """Return a list that has room for those of one more block, and how much of it is used."""
    if used + LANES <= len(candidates):
        return candidates, used
    used = trim(candidates, used, limits)
    if 2 * used + LANES <= len(candidates):
        return candidates, used
    larger = np.empty(2 * len(candidates) + LANES, np.uint64)
    larger[:used] = candidates[:used]
    return larger, used


@compiled
@no_type_check
def admits(search: Search, query: int) -> int:
    """Return the largest distance that a code needs for being in the answer of a query."""
    # It comes after those as far away that were seen before.
    full = not search.ties and search.seen[query, -1] >= search.k
    return search.limits[query] - full


@compiled
@no_type_check
def count(search: Search, query: int, distance: int) -> None:
    """Count a code at its distance, which may bring the limit of the query nearer."""
    seen = search.seen[query]
    seen[distance] += 1
    seen[-1] += 1
    while seen[-1] - seen[search.limits[query]] >= search.k:
        seen[-1] -= seen[search.limits[query]]
        search.limits[query] -= 1


@compiled
@no_type_check
def visit(
    codes: Codes, search: Search, block: int, query: int, marked: np.uint64, room: Candidates
) -> int:
    """Write those of the marked codes of a block that a query admits; return how many."""
    written = 0
    while marked:
        lane = ones((marked & (~marked + ONE)) - ONE)  # of the lowest bit
        marked &= marked - ONE
        distance = np.uint64(0)
        for word in range(len(codes.width)):
            distance += ones(codes.blocks[block, word, lane] ^ search.queries[query, word])
        if np.int64(distance) <= admits(search, query):
            row = np.uint64(block * LANES) + lane
            room[written] = np.uint64(query) << TO_QUERY | distance << TO_DISTANCE | row
            written += 1
            count(search, query, distance)
    return written


@compiled
@no_type_check
def seek(codes: Codes, words: Words, limit: int, first: int, last: int) -> tuple[int, np.uint64]:
    """Return the first block from `first` on that holds near codes, with their marks, or zeros.

    A function of its own: here numba counts no references, which would take longer than the rest.
    """
    if limit >= 0:
        for block in range(first, last):
            if codes.marks[block]:
                marked = near(codes.blocks, block, words, np.uint64(limit), codes.width)
                marked &= codes.marks[block]
                if marked:
                    return block, marked
    return 0, np.uint64(0)


@compiled
@no_type_check
def scan(codes: Codes, search: Search) -> Candidates:
    """Return the candidates of all queries: the answers, and perhaps more of the last distance.

    Args:
        codes: A `Codes`.
        search: A `Search`, whose counts are used up.
    """
    candidates, used = np.empty(len(search.queries) * ROOM, np.uint64), 0
    tile = max(1, TILE_BYTES // (WORD_BYTES * LANES * len(codes.width)))
    for first in range(0, len(codes.blocks), tile):
        last = min(first + tile, len(codes.blocks))
        for query in range(len(search.queries)):
            words = search.queries[query]
            block, marked = seek(codes, words, admits(search, query), first, last)
            while marked:
                candidates, used = with_room(candidates, used, search.limits)
                used += visit(codes, search, block, query, marked, candidates[used:])
                block, marked = seek(codes, words, admits(search, query), block + 1, last)
    return candidates[: trim(candidates, used, search.limits)]


@compiled
@no_type_check
def total(words: Words) -> np.uint64:
    """Add up all words: what reading them takes at least, for benchmarks."""
    found = np.uint64(0)
    for number in range(len(words)):
        found += words[number]
    return found
