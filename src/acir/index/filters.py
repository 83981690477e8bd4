"""Words about metadata to the rows that they describe."""

from collections.abc import Mapping

from acir.errors import UsageError, suggestion
from acir.index.database import Database

LABEL = "label"
# A picture with several labels is found by each of them. The few distinct labels are walked along
# their index; comparing every row took 50 times as long with a million of them.
BY_LABEL = """
    select row from item where label in (
        with recursive known (label) as (
            select min(label) from item union all
            select (select min(label) from item where label > known.label)
            from known where known.label is not null)
        select label from known where instr('|' || label || '|', '|' || ? || '|'))"""
BY_METADATA = "select row from metadata where key = ? and value = ?"


def matching(database: Database, where: Mapping[str, str]) -> list[int]:
    """Return the rows that meet every condition, of which there is at least one, in no order.

    Args:
        database: Where to look.
        where: Values by key; the key is `label` or a key of the pictures' metadata.

    Raises:
        UsageError: No picture has such a key.
    """
    queries, values = list[str](), list[str]()
    for key, value in where.items():
        if key == LABEL:
            queries.append(BY_LABEL)
            values.append(value)
        else:
            _check(database, key)
            queries.append(BY_METADATA)
            values += [key, value]
    return [row for (row,) in database.read(" intersect ".join(queries), *values)]


def _check(database: Database, key: str) -> None:
    if database.read("select 1 from metadata where key = ? limit 1", key):
        return
    known = [LABEL, *(k for (k,) in database.read("select distinct key from metadata"))]
    raise UsageError(
        f"the index has nothing named {key!r} to filter by; use {', '.join(sorted(known))}."
        f"{suggestion(key, known)}"
    )
