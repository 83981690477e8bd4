"""Counts of records, by hand."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from acir.errors import UsageError
from acir.governance.audit import Actor, AuditEvent, AuditLog, AuditRecord
from acir.governance.report import chosen, counts
from made_log import EVENT, today

DAY = timedelta(days=1)


@pytest.fixture
def records(tmp_path: Path) -> list[AuditRecord]:
    with AuditLog.create(tmp_path) as log:
        log.append(
            EVENT,
            replace(EVENT, collection="ct|mr", verdict="unknown", patients=()),
            AuditEvent("login", Actor("bob"), "denied"),
        )
        return list(log.records())


def test_records_are_counted_by_all_that_a_report_names(records: list[AuditRecord]) -> None:
    assert counts(records) == {
        "user": {"ada": 2, "bob": 1},
        "action": {"login": 1, "search": 2},
        "outcome": {"denied": 1, "success": 2},
        "verdict": {"known": 1, "unknown": 1},
        "collection": {"ct": 2, "mr": 1},
        "day": {records[0].time[:10]: 3},
    }


def test_records_are_chosen_by_day_and_by_patient(records: list[AuditRecord]) -> None:
    assert list(chosen(records, today() - DAY, today() + DAY, None)) == records
    assert list(chosen(records, today() + DAY, None, None)) == []
    assert list(chosen(records, None, date(2000, 1, 1), None)) == []
    assert list(chosen(records, None, None, EVENT.patients[1])) == records[:1]
    assert list(chosen(records, None, None, "f" * 32)) == []


def test_a_name_is_no_pseudonym(records: list[AuditRecord]) -> None:
    with pytest.raises(UsageError, match="'Doe' is no pseudonym of a patient; give the 32"):
        list(chosen(records, None, None, "Doe"))
