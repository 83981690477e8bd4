"""`acir audit` on the log of an index."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from acir.governance import audit
from acir.governance.audit import AuditLog
from made_log import EVENT, made_log, today
from made_model import acir


class _Yesterday(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a log of two records of yesterday and two of today."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setattr(audit, "datetime", _Yesterday)
    with made_log(folder, 2) as log:
        monkeypatch.undo()
        log.append(EVENT, EVENT)
    return folder


def test_verifying_prints_the_head_and_checks_one_that_was_kept(index: Path) -> None:
    line = acir("audit", "verify", "--index", index, "--json").line()
    with AuditLog.open(index) as log:
        assert line == {"seq": 4, "head": log.head().sha256, "problems": []}
        log.append(EVENT)
    outcome = acir("audit", "verify", "--index", index, "--head", line["head"])
    assert outcome.code == 0
    assert outcome.out.startswith("the log is whole; record 5 is its head: ")
    outcome = acir("audit", "verify", "--index", index, "--head", "0" * 63 + "1")
    assert outcome.code == 1
    assert "that was kept elsewhere is not in the log" in outcome.out


def test_verifying_an_altered_log_fails_and_says_where(index: Path) -> None:
    with sqlite3.connect(index / "audit.sqlite") as connection:
        connection.execute("delete from record where seq = 2")
    connection.close()
    outcome = acir("audit", "verify", "--index", index)
    assert outcome.code == 1
    assert "record 3: it should be record 2; records were removed or moved" in outcome.out
    assert "was altered; keep it as evidence and compare it with a copy" in outcome.err


@pytest.mark.parametrize("name", ["jsonl", "fhir", "syslog"])
def test_records_are_exported_and_that_is_recorded(index: Path, tmp_path: Path, name: str) -> None:
    to = tmp_path / "out"
    words = ("--to", to, "--format", name, "--since", str(today()), "--json")
    assert acir("audit", "export", "--index", index, *words).line() == {"exported": 2}
    assert len(to.read_text().splitlines()) == (2 if name != "fhir" else 4)
    with AuditLog.open(index) as log:
        last = list(log.records())[-1].event
    assert (last.action, last.detail, last.count) == ("audit", f"exported as {name}", 2)


def test_an_impossible_export_writes_nothing(index: Path, tmp_path: Path) -> None:
    words = ("audit", "export", "--index", index, "--to")
    assert acir(*words, tmp_path / "a", "--format", "fire").refusal() == (
        "there is no format 'fire'; use one of jsonl, fhir, syslog. Did you mean 'fhir'?"
    )
    (tmp_path / "there").touch()
    assert "there is something at" in acir(*words, tmp_path / "there").refusal()
    outcome = acir(*words, tmp_path / "absent" / "a")
    assert outcome.code == 1
    assert "cannot write" in outcome.err
    assert {path.name for path in tmp_path.iterdir()} == {"index", "there"}


def test_a_report_counts_and_is_recorded(index: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    words = ("--until", str(today() - timedelta(days=1)), "--html", page, "--json")
    found = acir("audit", "report", "--index", index, *words).line()
    assert found["user"] == {"ada": 2}
    assert found["verdict"] == {"known": 2}
    assert "By collection" in page.read_text()
    assert "known" in acir("audit", "report", "--index", index, "--patient", "0" * 31 + "1").out
    with AuditLog.open(index) as log:
        assert [r.event.detail for r in log.records()][-2:] == ["report", "report"]


def test_a_report_whose_page_cannot_be_written_is_none_and_is_not_recorded(
    index: Path, tmp_path: Path
) -> None:
    page = tmp_path / "nowhere" / "report.html"
    said = acir("audit", "report", "--index", index, "--html", page).refusal()
    assert said == f"there is no folder {page.parent} for report.html; make it first"
    with AuditLog.open(index) as log:
        assert log.head().seq == 4


def test_an_archive_is_verified_with_the_log(index: Path, tmp_path: Path) -> None:
    to = tmp_path / "old.jsonl"
    words = ("--before", str(today()), "--to", to, "--json")
    line = acir("audit", "archive", "--index", index, *words).line()
    assert (line["archived"], line["seq"]) == (2, 5)
    verify = ("audit", "verify", "--index", index, "--archive", to)
    assert acir(*verify).code == 0
    lines = to.read_text().splitlines()
    assert [json.loads(one)["seq"] for one in lines] == [1, 2]
    to.write_text(lines[0] + "\n")
    outcome = acir(*verify)
    assert outcome.code == 1
    assert "the archives end at record 1, and the log does not begin behind it" in outcome.out


def test_an_index_without_a_log_says_so(tmp_path: Path) -> None:
    outcome = acir("audit", "verify", "--index", tmp_path)
    assert outcome.code == 1
    assert "is missing, and without its record nothing is done" in outcome.err
    assert "(an index that was built without --audited has none)" in outcome.err
