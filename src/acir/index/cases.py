"""Cases: the pictures that share a value of a key, such as a patient or a series."""

from collections.abc import Collection, Iterable, Sequence
from json import dumps

from acir.errors import UsageError, suggestion
from acir.index.database import Database
from acir.index.filters import keys
from acir.index.rows import GIVEN

COLUMNS = ("label", "patient")
AMONG = "in (select value from json_each(?))"


def values(
    database: Database, rows: Sequence[int], name: str, within: Collection[str] | None = None
) -> dict[int, str]:
    """Return the value of each of these rows that has one.

    Args:
        database: Where to look.
        rows: Rows of the tables.
        name: `label`, `patient` or a key of the pictures' metadata.
        within: Collections that the rows are of, whose keys count; None for all.

    Raises:
        UsageError: No picture of these collections has such a key; the known ones are named.
    """
    if name in COLUMNS:
        sql = f"select row, {name} from item where {name} is not null and {GIVEN}"
        return dict(database.read(sql, dumps(rows)))
    sql = f"select row, value from metadata where key = ? and {GIVEN}"
    found: dict[int, str] = dict(database.read(sql, name, dumps(rows)))
    if not found:
        _check(database, name, within)
    return found


def members(database: Database, name: str, wanted: Iterable[str]) -> list[int]:
    """Return the rows that have any of these values, in no order."""
    chosen = dumps(sorted(wanted))
    if name in COLUMNS:
        found = database.read(f"select row from item where {name} {AMONG}", chosen)
    else:
        sql = f"select row from metadata where key = ? and value {AMONG}"
        found = database.read(sql, name, chosen)
    return [row for (row,) in found]


def _check(database: Database, name: str, within: Collection[str] | None) -> None:
    known = [*COLUMNS, *keys(database, within)]
    if name not in known:
        raise UsageError(
            f"the index has nothing named {name!r} to make cases of; use "
            f"{', '.join(sorted(known))}.{suggestion(name, known)}"
        )
