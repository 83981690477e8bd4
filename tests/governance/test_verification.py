"""Whatever is altered in the log is found."""

import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest

from acir.governance.audit import AuditLog, canonical
from acir.governance.verification import MOST, problems
from made_log import EVENT, made_log

COUNT = 4


def _altered(folder: Path, *statements: str, head: str | None = None) -> list[str]:
    """Make a small log, alter it with SQL and verify it."""
    made_log(folder, COUNT).close()
    with sqlite3.connect(folder / "audit.sqlite") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    with AuditLog.open(folder) as log:
        return problems(log, head)


def test_a_log_as_it_was_written_has_no_problem(tmp_path: Path) -> None:
    with made_log(tmp_path, COUNT) as log:
        assert problems(log, log.head().sha256) == []


def test_any_altered_byte_of_any_line_is_found(tmp_path: Path) -> None:
    with made_log(tmp_path, COUNT) as log:
        length = len(log._database.read("select line from record where seq = 2")[0][0])
        for place in range(length):
            with log.writing() as connection:
                (line,) = connection.execute("select line from record where seq = 2").fetchone()
                altered = bytearray(line)
                altered[place] ^= 1
                connection.execute("update record set line = ? where seq = 2", (bytes(altered),))
            assert problems(log) == ["record 2: it was altered"]
            with log.writing() as connection:
                connection.execute("update record set line = ? where seq = 2", (line,))
        assert problems(log) == []


FIELDS = ["'x'", "null", "1", "x'00'", "''"]
CELLS = [
    f"update {table} set {column} = {value} {where}"
    for table, column, wheres in (
        ("record", "line", [f"where seq = {seq}" for seq in range(1, COUNT + 1)]),
        ("record", "sha256", [f"where seq = {seq}" for seq in range(1, COUNT + 1)]),
        ("head", "seq", [""]),
        ("head", "sha256", [""]),
        ("anchor", "seq", [""]),
        ("anchor", "sha256", [""]),
    )
    for where in wheres
    for value in FIELDS
    if value != "null"
]


@pytest.mark.parametrize("statement", CELLS)
def test_every_cell_that_is_altered_is_found(tmp_path: Path, statement: str) -> None:
    assert _altered(tmp_path, statement)


@pytest.mark.parametrize("seq", range(1, COUNT + 1))
def test_every_record_that_is_removed_moved_or_doubled_is_found(tmp_path: Path, seq: int) -> None:
    for name, statement in {
        "removed": f"delete from record where seq = {seq}",
        "moved": f"update record set seq = 9 where seq = {seq}",
        "doubled": f"insert into record select 9, line, sha256 from record where seq = {seq}",
    }.items():
        (tmp_path / name).mkdir()
        assert _altered(tmp_path / name, statement), name


def test_two_records_that_change_places_are_found(tmp_path: Path) -> None:
    found = _altered(
        tmp_path,
        "update record set seq = 9 where seq = 2",
        "update record set seq = 2 where seq = 3",
        "update record set seq = 3 where seq = 9",
    )
    assert "record 2: it was written as record 3" in found
    assert "record 2: it does not follow the record before it" in found


def test_a_line_and_its_hash_altered_together_break_the_record_behind(tmp_path: Path) -> None:
    with made_log(tmp_path, COUNT) as log:
        first = next(log.records())
        forged = first.values | {"count": 99}
        del forged["sha256"]
        line = canonical(forged)
        with log.writing() as connection:
            connection.create_function("sha", 1, _sha)
            connection.execute(
                "update record set line = ?1, sha256 = sha(?1) where seq = 1", [line]
            )
        assert problems(log) == ["record 2: it does not follow the record before it"]


def test_a_cut_tail_is_told_by_the_head(tmp_path: Path) -> None:
    found = _altered(tmp_path, "delete from record where seq > 2")
    assert found == [
        "the log ends at record 2, but its head names record 4: records at the end were removed "
        "or added"
    ]


def test_a_cut_tail_with_a_forged_head_is_told_by_a_head_kept_elsewhere_alone(
    tmp_path: Path,
) -> None:
    with made_log(tmp_path, COUNT) as log:
        kept = log.head().sha256
        second = list(log.records())[1].sha256
        with log.writing() as connection:
            connection.execute("delete from record where seq > 2")
            connection.execute("update head set seq = 2, sha256 = ?", (second,))
        assert problems(log) == []
        assert problems(log, kept) == [f"the head {kept} that was kept elsewhere is not in the log"]
        log.append(EVENT)
        assert problems(log, second) == []


def test_many_problems_are_told_as_a_hundred_and_more(tmp_path: Path) -> None:
    with made_log(tmp_path, MOST + 10) as log:
        with log.writing() as connection:
            connection.execute("update record set line = x'00'")
        found = problems(log)
        assert len(found) == MOST + 1
        assert found[-1] == "there are more problems than are listed here"


def test_a_missing_anchor_and_a_forged_one_are_found(tmp_path: Path) -> None:
    assert "the anchor, which says where the log begins, was altered" in _altered(
        tmp_path, "delete from anchor"
    )


def _sha(value: bytes) -> str:
    return sha256(value).hexdigest()
