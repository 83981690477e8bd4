"""What came of many damaged files, in pieces; a file of results keeps that of each piece."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PIECE = 5000
PIECES = 20
MAX_GROWTH = 256 * 2**20
STOPPED = ("its content made the decoder", "decoding it takes more")


@dataclass(frozen=True)
class Outcome:
    """What came of a piece: how often each thing was said, and what it cost."""

    said: Counter[str]
    replaced: int
    slowest_ms: float
    growth: int


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        pytest.skip("this system has no /proc")
    return pages * os.sysconf("SC_PAGE_SIZE")


def record(results: Path, piece: int, found: Outcome) -> None:
    """Write a piece into the file of results, and the sums over all pieces anew."""
    kept = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    pieces = kept.get("pieces", {})
    pieces[str(piece)] = {
        "said": dict(sorted(found.said.items())),
        "children_replaced": found.replaced,
        "slowest_ms": round(found.slowest_ms),
        "memory_growth_mib": round(found.growth / 2**20, 1),
    }
    pieces = {key: pieces[key] for key in sorted(pieces, key=int)}
    written = json.dumps({**dict(_totals(pieces)), "pieces": pieces}, indent=1)
    results.write_text(written + "\n", encoding="utf-8")


def _totals(pieces: dict[str, Any]) -> Iterator[tuple[str, object]]:
    said: Counter[str] = Counter()
    for piece in pieces.values():
        said.update(piece["said"])
    yield "files", said.total()
    yield "deaths_of_this_process", 0  # or nothing would have been written
    yield "children_replaced", sum(piece["children_replaced"] for piece in pieces.values())
    yield "slowest_ms", max(piece["slowest_ms"] for piece in pieces.values())
    yield "largest_growth_mib", max(piece["memory_growth_mib"] for piece in pieces.values())
    yield "stopped", sum(n for text, n in said.items() if text.startswith(STOPPED))
    yield "said", dict(said.most_common())
