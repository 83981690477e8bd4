"""Old records move to a file, and nothing of the chain is lost."""

import json
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from acir.errors import AuditError, UsageError
from acir.governance import audit
from acir.governance.archive import archive, archived
from acir.governance.audit import AuditLog, Head
from acir.governance.verification import problems
from made_log import EVENT, WHO, made_log, today


class _Yesterday(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) - timedelta(days=1)


def _aged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AuditLog:
    """Make a log with three records of yesterday and two of today."""
    monkeypatch.setattr(audit, "datetime", _Yesterday)
    log = made_log(folder, 3)
    monkeypatch.undo()
    log.append(EVENT)
    log.append(EVENT)
    return log


def test_old_records_move_to_a_file_and_the_chain_stays_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _aged(tmp_path, monkeypatch) as log:
        third = list(log.records())[2]
        kept = log.head().sha256
        to = tmp_path / "old.jsonl"
        assert archive(log, today(), to, WHO) == 3
        assert [record.seq for record in log.records()] == [4, 5, 6]
        lines = to.read_bytes().splitlines()
        assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
        assert archived([to]) == (Head(3, third.sha256), [])
        last = list(log.records())[-1]
        assert last.event.action == "archive"
        assert last.event.count == 3
        digest = sha256(to.read_bytes()).hexdigest()
        assert last.event.detail == f"3 {third.sha256} old.jsonl {digest}"
        assert problems(log, kept) == []
        assert problems(log, third.sha256) == []
        log.append(EVENT)
        assert problems(log) == []


def test_archiving_takes_no_memory_for_each_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, to = 5000, tmp_path / "old.jsonl"
    with made_log(tmp_path, 0) as log:
        monkeypatch.setattr(audit, "datetime", _Yesterday)
        log.append(*[EVENT] * count)
        monkeypatch.undo()
        tracemalloc.start()
        assert archive(log, today(), to, WHO) == count
        assert archived([to]) == (log.anchor(), [])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert problems(log) == []
    assert peak < to.stat().st_size  # of which a thousand records are looked at together


def test_records_that_are_removed_behind_a_forged_anchor_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _aged(tmp_path, monkeypatch) as log:
        third = list(log.records())[2]
        with log.writing() as connection:
            connection.execute("delete from record where seq <= 3")
            connection.execute("update anchor set seq = 3, sha256 = ?", (third.sha256,))
        assert problems(log) == [
            "the records up to 3 are gone, and no record says that they were archived"
        ]


def test_an_altered_archive_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    to = tmp_path / "old.jsonl"
    with _aged(tmp_path, monkeypatch) as log:
        archive(log, today(), to, WHO)
    to.write_bytes(to.read_bytes().replace(b"ada", b"eve", 1))
    assert archived([to])[1] == ["old.jsonl, line 2: it does not follow the one before it"]


def test_what_cannot_be_archived_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _aged(tmp_path, monkeypatch) as log:
        head = log.head()
        with pytest.raises(UsageError, match=r"is yet to come; archive what is older"):
            archive(log, today() + timedelta(days=2), tmp_path / "a", WHO)
        with pytest.raises(UsageError, match=r"no record is older than 2000-01-01; nothing was"):
            archive(log, date(2000, 1, 1), tmp_path / "a", WHO)
        (tmp_path / "there").touch()
        with pytest.raises(UsageError, match=r"there is something at .*there already; name a new"):
            archive(log, today(), tmp_path / "there", WHO)
        with pytest.raises(AuditError, match=r"cannot write .*absent.* nothing was archived"):
            archive(log, today(), tmp_path / "absent" / "a", WHO)
        with pytest.raises(UsageError, match=r"cannot read the archive .*: No such file"):
            archived([tmp_path / "absent"])
        assert log.head() == head
        assert problems(log) == []
