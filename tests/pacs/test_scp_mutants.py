"""Damaged files through the C-STORE listener: each is answered, and nothing dies.

The full count is 100 pieces of 1,000, of which `make test` runs the begin of the first; `make soak`
runs all and writes what came of them to `benchmarks/results/scp_mutants.json`. Senders stay on one
association: to begin one takes longer than to store a file.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from acir.errors import UnreadableImageError
from acir.pacs.codecs import CODECS, NATIVE
from acir.pacs.guard import Pool
from acir.pacs.scp import Listener, Status
from acir.pacs.settings import Listen
from made_mutants import SAMPLES, SENTENCES, Seeds, seeds, sent
from made_pieces import MAX_GROWTH, Outcome, record, resident
from made_ports import free_port
from made_sender import PATIENCE_SECONDS, Sender

KEY = bytes(range(32))
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "scp_mutants.json"
PIECE, PIECES = 1000, 100
WARM = 100  # files: what a process takes once is no growth
SENDERS = 3  # at once
SYNTAXES = tuple(map(str, (*NATIVE, *CODECS)))
TITLES = "MODALITY", "ACIR"
FIRST_ELEMENT = b"\x08\x00\x05\x00CS"  # behind the file meta


@pytest.fixture(scope="module")
def files() -> Seeds:
    return seeds()


class Reading:
    """Reads each file that comes, and remembers what was said of it."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.said = pool, list[str]()

    def __call__(self, data: bytes) -> Status:
        try:
            self.pool.read(data, KEY, "a")
        except UnreadableImageError as error:
            self.said.append(error.reason)
            return Status.CANNOT_UNDERSTAND
        self.said.append("read")
        return Status.STORED


def store(port: int, numbers: range, files: Seeds) -> list[tuple[Status, float]]:
    """Store damaged files on one association; return what is answered of each, and how soon."""
    found = []
    with Sender(port, TITLES, SYNTAXES) as sender:
        for number in numbers:
            content, said = sent(number, files)
            syntax = said if said in SYNTAXES else str(ExplicitVRLittleEndian)
            begin = time.perf_counter()
            status = Status(sender.store(content, syntax))
            found.append((status, time.perf_counter() - begin))
    return found


@contextmanager
def listening() -> Iterator[tuple[int, Reading]]:
    """Listen until the end of the block, at the port and with the reading that are yielded."""
    settings = Listen(
        ae_title=TITLES[1], calling=TITLES[:1], port=free_port(), timeout_seconds=PATIENCE_SECONDS
    )
    with Pool() as pool:
        reading = Reading(pool)
        with Listener(settings, reading):
            yield settings.port, reading


def run(numbers: range, files: Seeds) -> Outcome:
    """Store damaged files from several senders, then a whole one, and say what came of them."""
    with listening() as (port, reading), ThreadPoolExecutor(SENDERS) as threads:

        def through(several: range) -> list[tuple[Status, float]]:
            parts = [several[first::SENDERS] for first in range(SENDERS)]
            return list(chain(*threads.map(lambda part: store(port, part, files), parts)))

        through(range(WARM))
        before, replaced = resident(), reading.pool.replaced
        reading.said.clear()
        statuses, seconds = zip(*through(numbers), strict=True)
        growth, said = resident() - before, Counter(reading.said)
        with Sender(port, TITLES, SYNTAXES) as sender:
            assert sender.store(*whole()) == Status.STORED
    assert all(text == "read" or SENTENCES.fullmatch(text) for text in said)
    assert Counter(statuses) == {
        Status.STORED: said["read"],
        Status.CANNOT_UNDERSTAND: len(numbers) - said["read"],
    }
    short = Counter(text.split(";")[0] for text in said.elements())
    return Outcome(short, reading.pool.replaced - replaced, max(seconds) * 1000, growth)


def whole() -> tuple[bytes, str]:
    """Return the data set of a file that is not damaged, and its transfer syntax."""
    file = (SAMPLES / "CT_small.dcm").read_bytes()
    return file[file.index(FIRST_ELEMENT) :], str(ExplicitVRLittleEndian)


def test_damaged_files_are_answered_and_nothing_dies(files: Seeds) -> None:
    found = run(range(100), files)
    assert found.said.total() == 100
    assert found.growth < MAX_GROWTH


@pytest.mark.soak
@pytest.mark.parametrize("piece", range(PIECES))
def test_a_hundred_thousand_damaged_files_are_answered(piece: int, files: Seeds) -> None:
    found = run(range(piece * PIECE, (piece + 1) * PIECE), files)
    record(RESULTS, piece, found)
    assert found.said["read"] > PIECE / 20
    assert found.growth < MAX_GROWTH
