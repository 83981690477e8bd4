"""Cases: the pictures that share a value of a key, such as a patient or a series."""

from collections.abc import Iterable, Sequence
from json import dumps

from acir.errors import UsageError, suggestion
from acir.index.database import Database
from acir.index.rows import GIVEN

COLUMNS = ("label", "patient")
AMONG = "in (select value from json_each(?))"
KNOWN = "select distinct key from metadata"


def values(database: Database, keys: Sequence[int], name: str) -> dict[int, str]:
    """Return the value of each of these rows that has one.

    Args:
        database: Where to look.
        keys: Rows of the tables.
        name: `label`, `patient` or a key of the pictures' metadata.

    Raises:
        UsageError: No picture has such a key; the known ones are named.
    """
    _check(database, name)
    if name in COLUMNS:
        sql = f"select row, {name} from item where {name} is not null and {GIVEN}"
        return dict(database.read(sql, dumps(keys)))
    sql = f"select row, value from metadata where key = ? and {GIVEN}"
    return dict(database.read(sql, name, dumps(keys)))


def members(database: Database, name: str, wanted: Iterable[str]) -> list[int]:
    """Return the rows that have any of these values, in no order."""
    chosen = dumps(sorted(wanted))
    if name in COLUMNS:
        found = database.read(f"select row from item where {name} {AMONG}", chosen)
    else:
        sql = f"select row from metadata where key = ? and value {AMONG}"
        found = database.read(sql, name, chosen)
    return [row for (row,) in found]


def _check(database: Database, name: str) -> None:
    known = [*COLUMNS, *(key for (key,) in database.read(KNOWN))]
    if name not in known:
        raise UsageError(
            f"the index has nothing named {name!r} to make cases of; use "
            f"{', '.join(sorted(known))}.{suggestion(name, known)}"
        )
