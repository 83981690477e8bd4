"""Damaged files through the guard: none ends this process, and each refusal is a known sentence.

The full count is 20 pieces of 5,000, of which `make test` runs the first; `make soak` runs all and
writes what came of them to `benchmarks/results/dicom_mutants.json`.
"""

import time
from collections import Counter
from pathlib import Path

import pytest

from acir.errors import UnreadableImageError
from acir.pacs.guard import Pool
from acir.pacs.reader import DicomPicture
from made_mutants import MUTATORS, SENTENCES, Seeds, mutant, seeds
from made_pieces import MAX_GROWTH, PIECE, PIECES, Outcome, record, resident

KEY = bytes(range(32))
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "dicom_mutants.json"


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
        before, replaced = resident(), pool.replaced
        outcomes = list(pool.map(outcome, range(piece * PIECE, (piece + 1) * PIECE)))
        said, seconds = zip(*outcomes, strict=True)
        growth = resident() - before
        return Outcome(Counter(said), pool.replaced - replaced, max(seconds) * 1000, growth)


def _said(pool: Pool, data: bytes) -> str:
    try:
        found = pool.read(data, KEY, "a")
    except UnreadableImageError as error:
        assert SENTENCES.fullmatch(error.reason), error.reason
        return error.reason.split(";")[0]
    assert isinstance(found, DicomPicture)
    return "read"


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
    record(RESULTS, piece, found)
    _check(found)
