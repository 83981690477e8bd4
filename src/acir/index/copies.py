"""Where copies of an index were made: whoever erases a patient must erase them there too."""

from datetime import UTC, datetime
from pathlib import Path

from acir.index.database import Database

# Made by the first copy: an index of an earlier version has no such table.
TABLE = "create table if not exists copy (place text primary key, day text not null) without rowid"
EXISTS = "select 1 from sqlite_master where type = 'table' and name = 'copy'"
INSERT = "insert or replace into copy values (?, ?)"
FORGET = "delete from copy where place = ?"
ALL = "select place, day from copy order by place"


def keep(database: Database, place: Path) -> None:
    """Remember that a copy is made at a place, before it is."""
    day = datetime.now(UTC).date().isoformat()
    with database.transaction() as connection:
        connection.execute(TABLE)
        connection.execute(INSERT, (str(place.absolute()), day))


def forget(database: Database, place: Path) -> None:
    """Forget a copy that was not made after all."""
    with database.transaction() as connection:
        connection.execute(FORGET, (str(place.absolute()),))


def kept(database: Database) -> dict[Path, str]:
    """Return the places of all copies, each with the day in UTC, such as `2026-01-31`."""
    if not database.read(EXISTS):
        return {}
    return {Path(place): day for place, day in database.read(ALL)}
