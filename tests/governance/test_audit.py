"""The log keeps what it was given, in order, and refuses rather than lose a record."""

import json
import multiprocessing
import resource
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pydicom.sr.codedict import codes

from acir.errors import AuditError
from acir.governance.audit import START, AuditEvent, AuditLog
from acir.governance.events import ACTIONS, OUTCOMES
from acir.governance.verification import problems
from made_log import EVENT, WHO, as_nobody, made_log


def test_a_record_is_one_line_of_canonical_json_that_names_the_hash_before_it(
    tmp_path: Path,
) -> None:
    with made_log(tmp_path, 2) as log, log.reading() as database:
        rows = database.read("select seq, line, sha256 from record order by seq")
    before = START
    for number, (seq, line, digest) in enumerate(rows, 1):
        found = json.loads(line)
        assert line == json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
        assert (seq, found["seq"], found["prev_sha256"]) == (number, number, before)
        assert found["actor"]["user"] == "ada"
        assert digest == (before := sha256(line).hexdigest())


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    with made_log(tmp_path, 3) as log:
        records = list(log.records())
        assert [record.event for record in records] == [EVENT] * 3
        assert [record.seq for record in records] == [1, 2, 3]
        assert (log.head().seq, log.head().sha256) == (3, records[-1].sha256)
        assert records == sorted(records, key=lambda record: record.time)
    with AuditLog.open(tmp_path) as again:
        assert again.append(EVENT).seq == 4
        assert problems(again) == []


def test_the_newest_record_can_come_first(tmp_path: Path) -> None:
    with made_log(tmp_path, 3) as log:
        assert list(log.records(newest_first=True)) == list(log.records())[::-1]


def test_creating_a_log_again_keeps_it(tmp_path: Path) -> None:
    made_log(tmp_path, 2).close()
    with AuditLog.create(tmp_path) as log:
        assert log.head().seq == 2


def test_a_record_reaches_the_disk_before_the_append_returns(tmp_path: Path) -> None:
    with made_log(tmp_path) as log:
        assert log._database.read("pragma synchronous") == [(2,)]  # FULL


def test_a_log_that_is_missing_is_not_begun_anew(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"the audit log at .* is missing, .* nothing is done"):
        AuditLog.open(tmp_path)


def test_an_event_holds_pseudonyms_and_hashes_only() -> None:
    with pytest.raises(ValueError, match="'look' is no action; use one of start, stop"):
        AuditEvent("look", WHO)
    for name in ("Doe^Jane", "0" * 31, "0" * 31 + "G", "0" * 33):
        with pytest.raises(ValueError, match="takes patients as keyed hashes of 32 hex digits"):
            AuditEvent("search", WHO, patients=(name,))
    with pytest.raises(ValueError, match="takes a query as its SHA-256 of 64 hex digits"):
        AuditEvent("search", WHO, query="scan.png")


def test_every_code_is_in_the_dictionary_of_the_standard() -> None:
    meanings = {code.value: code.meaning for code in map(codes.DCM.__getattr__, codes.DCM.dir())}
    for kind in ACTIONS.values():
        assert meanings[kind.code] == kind.meaning
        assert not kind.subcode or meanings[kind.subcode] == kind.submeaning
    assert OUTCOMES == {"success": 0, "denied": 4, "failed": 8}  # PS3.15 A.5.2


def _append(folder: Path, count: int) -> None:
    with AuditLog.open(folder) as log:
        for _ in range(count):
            log.append(EVENT)


def test_several_processes_append_to_one_chain(tmp_path: Path) -> None:
    made_log(tmp_path, 0).close()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append, args=(tmp_path, 10)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with AuditLog.open(tmp_path) as log:
        assert [record.seq for record in log.records()] == list(range(1, 31))
        assert problems(log) == []


def test_reading_does_not_keep_anyone_from_appending(tmp_path: Path) -> None:
    with made_log(tmp_path) as log:
        seen = [(record.seq, log.append(EVENT).seq) for record in log.records()]
        assert seen == [(1, 5), (2, 6), (3, 7), (4, 8)]


def test_a_log_that_cannot_be_written_refuses_with_one_sentence() -> None:
    with TemporaryDirectory() as name, as_nobody(Path(name)) as folder:
        made_log(folder).close()
        (folder / "audit.sqlite").chmod(0o444)
        with AuditLog.open(folder) as log:
            with pytest.raises(AuditError, match=r"audit\.sqlite cannot be used, and without its"):
                log.append(EVENT)
            assert log.head().seq == 4


def test_a_full_disk_refuses_the_record_and_leaves_the_log_whole(tmp_path: Path) -> None:
    with made_log(tmp_path) as log:
        log._database.forget()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            with pytest.raises(AuditError, match="without its record nothing is done"):
                log.append(EVENT)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        assert log.append(EVENT).seq == 5
        assert problems(log) == []


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from made_log import EVENT
from acir.governance.audit import AuditLog
with AuditLog.open(Path({folder!r})) as log:
    while True:
        print(log.append(EVENT).sha256, flush=True)
"""


def _assert_nothing_acknowledged_is_lost(folder: Path, rounds: int) -> None:
    """Kill an appending process after so many records, each time at another place."""
    made_log(folder, 0).close()
    code = CHILD.format(tests=str(Path(__file__).parents[1]), folder=str(folder))
    acknowledged: list[str] = []
    for number in range(rounds):
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            acknowledged += [child.stdout.readline().strip() for _ in range(1 + number % 3)]
            child.kill()
            acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    with AuditLog.open(folder) as log:
        assert problems(log) == []
        kept = [record.sha256 for record in log.records()]
        assert [digest for digest in kept if digest in set(acknowledged)] == acknowledged
        assert len(kept) - len(acknowledged) <= rounds  # written, and killed before saying so


def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    _assert_nothing_acknowledged_is_lost(tmp_path, 3)


@pytest.mark.soak
def test_killed_two_hundred_times_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    _assert_nothing_acknowledged_is_lost(tmp_path, 200)
