"""Dead letters: the pictures that an index was given and could not take, each with the reason."""

from collections.abc import Iterable, Sequence
from json import dumps
from sqlite3 import Connection

from acir.index.database import Database
from acir.types import Skipped

# Made by the first letter: an index of an earlier version has no such table.
TABLE = """create table if not exists dead_letter (
    source text not null, name text not null, reason text not null, code text not null,
    primary key (source, name)) without rowid"""
EXISTS = "select 1 from sqlite_master where type = 'table' and name = 'dead_letter'"
ALL = "select name, reason, code from dead_letter order by name, source"
FORGET = """delete from dead_letter
    where source = ? or name in (select id from item where id = dead_letter.name)"""
BY_NAME = "delete from dead_letter where name in (select value from json_each(?))"
SETTLE = """delete from dead_letter
    where source = ? and name in (select value from json_each(?))"""
INSERT = "insert or replace into dead_letter values (?, ?, ?, ?)"


def keep(database: Database, source: str, failed: Sequence[Skipped]) -> None:
    """Put what failed of a source in the place of what failed of it before.

    A letter of another source goes too once the index holds a picture of its name.
    """
    here = bool(database.read(EXISTS))
    if not (failed or here):
        return
    with database.transaction() as connection:
        connection.execute(TABLE)
        connection.execute(FORGET, (source,))
        connection.executemany(INSERT, [(source, s.path, s.reason, s.code) for s in failed])


def forget(database: Database, names: Sequence[str]) -> int:
    """Delete the letters of these names and return how many there were."""
    if not database.read(EXISTS):
        return 0
    with database.transaction() as connection:
        return connection.execute(BY_NAME, (dumps(list(names)),)).rowcount


def change(
    connection: Connection, source: str, settled: Iterable[str], failed: Sequence[Skipped]
) -> None:
    """Forget the letters of some names of a source, and keep new ones, within a transaction."""
    connection.execute(TABLE)
    connection.execute(SETTLE, (source, dumps(list(settled))))
    connection.executemany(INSERT, [(source, s.path, s.reason, s.code) for s in failed])


def kept(database: Database) -> list[Skipped]:
    """Return all letters, by name."""
    if not database.read(EXISTS):
        return []
    return [Skipped(*row) for row in database.read(ALL)]
