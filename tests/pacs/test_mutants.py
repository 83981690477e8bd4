"""Damaged files through the guard: none ends this process, and each refusal is a known sentence.

The full count is 20 pieces of 5,000, of which `make test` runs the first; `make soak` runs all and
writes what came of them to `benchmarks/results/dicom_mutants.json`.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from acir.errors import UnreadableImageError
from acir.pacs.guard import Pool
from acir.pacs.reader import DicomPicture
from made_mutants import MUTATORS, SENTENCES, Seeds, mutant, seeds

KEY = bytes(range(32))
PIECE = 5000
PIECES = 20
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "dicom_mutants.json"
MAX_GROWTH = 256 * 2**20
STOPPED = ("its content made the decoder", "decoding it takes more")


@dataclass(frozen=True)
class Outcome:
    """What came of a piece: how often each thing was said, and what it cost."""

    said: Counter[str]
    replaced: int
    slowest_ms: float
    growth: int


@pytest.fixture(scope="module")
def files() -> Seeds:
    return seeds()


def run(piece: int, files: Seeds) -> Outcome:
    with Pool() as pool:

        def outcome(number: int) -> tuple[str, float]:
            begin = time.perf_counter()
            said = _said(pool, mutant(number, files))
            return said, time.perf_counter() - begin

        list(pool.map(outcome, range(200)))  # what a process takes once is no growth
        before, replaced = _resident(), pool.replaced
        outcomes = list(pool.map(outcome, range(piece * PIECE, (piece + 1) * PIECE)))
        said, seconds = zip(*outcomes, strict=True)
        growth = _resident() - before
        return Outcome(Counter(said), pool.replaced - replaced, max(seconds) * 1000, growth)


def _said(pool: Pool, data: bytes) -> str:
    try:
        found = pool.read(data, KEY, "a")
    except UnreadableImageError as error:
        assert SENTENCES.fullmatch(error.reason), error.reason
        return error.reason.split(";")[0]
    assert isinstance(found, DicomPicture)
    return "read"


def _resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        pytest.skip("this system has no /proc")
    return pages * os.sysconf("SC_PAGE_SIZE")


def _check(found: Outcome) -> None:
    assert found.said.total() == PIECE
    assert found.said["read"] > PIECE / 20
    assert found.growth < MAX_GROWTH


def test_each_mutator_damages_and_a_number_stands_for_one_file(files: Seeds) -> None:
    for place, mutator in enumerate(MUTATORS):
        made = [mutant(place + k * len(MUTATORS), files) for k in range(20)]
        assert sum(data not in files for data in made) > 10, mutator
    assert mutant(77, files) == mutant(77, files)


def test_five_thousand_damaged_files_are_read_or_refused_in_words(files: Seeds) -> None:
    _check(run(0, files))


@pytest.mark.soak
@pytest.mark.parametrize("piece", range(PIECES))
def test_a_hundred_thousand_damaged_files_are_read_or_refused(piece: int, files: Seeds) -> None:
    found = run(piece, files)
    _record(piece, found)
    _check(found)


def _record(piece: int, found: Outcome) -> None:
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    pieces = kept.get("pieces", {})
    pieces[str(piece)] = {
        "said": dict(sorted(found.said.items())),
        "children_replaced": found.replaced,
        "slowest_ms": round(found.slowest_ms),
        "memory_growth_mib": round(found.growth / 2**20, 1),
    }
    pieces = {key: pieces[key] for key in sorted(pieces, key=int)}
    RESULTS.write_text(json.dumps({**dict(_totals(pieces)), "pieces": pieces}, indent=1) + "\n")


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
