"""Words about metadata to the rows that they describe."""

from collections.abc import Collection, Mapping
from json import dumps

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
COLLECTION = "collection"  # the key of the collection that a picture belongs to
DEFAULT = "default"  # the collection of pictures without one
BY_COLLECTION = """
    select row from metadata where key = 'collection' and value in (select value from json_each(?))
"""
BY_NO_COLLECTION = """
    select row from item where not exists (
        select 1 from metadata
        where metadata.row = item.row and key = 'collection' and value <> '')"""


def matching(
    database: Database, where: Mapping[str, str], within: Collection[str] | None = None
) -> list[int]:
    """Return the rows that meet every condition, of which there is at least one, in no order.

    Args:
        database: Where to look.
        where: Values by key; the key is `label`, `collection` or a key of the pictures' metadata.
        within: Collections whose keys count; None for all. Rows of others are among those returned.

    Raises:
        UsageError: No picture of these collections has such a key.
    """
    queries, values = list[str](), list[str]()
    for key, value in where.items():
        if key == LABEL:
            queries.append(BY_LABEL)
            values.append(value)
        elif key == COLLECTION:
            # A compound of its own, as `intersect` and `union` bind alike.
            queries.append(f"select row from ({_belonging([value])})")
            values.append(dumps([value]))
        else:
            _check(database, key, within)
            queries.append(BY_METADATA)
            values += [key, value]
    return [row for (row,) in database.read(" intersect ".join(queries), *values)]


def belonging(database: Database, collections: Collection[str]) -> list[int]:
    """Return the rows that belong to any of these collections, in no order.

    A picture belongs to the collection that its metadata name, and to `DEFAULT` where they name
    none.
    """
    sql = _belonging(collections)
    return [row for (row,) in database.read(sql, dumps(sorted(collections)))]


def keys(database: Database, within: Collection[str] | None = None) -> list[str]:
    """Return the keys of the metadata of these collections, None for all, in their order."""
    sql = "select distinct key from metadata"
    if within is None:
        found = database.read(f"{sql} order by key")
    else:
        those = f"where row in ({_belonging(within)})"
        found = database.read(f"{sql} {those} order by key", dumps(sorted(within)))
    return [key for (key,) in found]


def collection_of(metadata: Mapping[str, str]) -> str:
    """Return the collection of a picture with these metadata."""
    return metadata.get(COLLECTION) or DEFAULT


def collections(database: Database) -> dict[str, int]:
    """Return how many pictures each collection has, by name."""
    named = "select value, count(*) from metadata where key = ? and value <> '' group by 1"
    counts: dict[str, int] = dict(database.read(named, COLLECTION))
    ((without,),) = database.read(f"select count(*) from ({BY_NO_COLLECTION})")
    if without:
        counts[DEFAULT] = counts.get(DEFAULT, 0) + without
    return dict(sorted(counts.items()))


def _belonging(collections: Collection[str]) -> str:
    return BY_COLLECTION + (f" union {BY_NO_COLLECTION}" if DEFAULT in collections else "")


def _check(database: Database, key: str, within: Collection[str] | None) -> None:
    if within is None and database.read("select 1 from metadata where key = ? limit 1", key):
        return
    known = [LABEL, COLLECTION, *keys(database, within)]
    if key in known:
        return
    raise UsageError(
        f"the index has nothing named {key!r} to filter by; use {', '.join(sorted(set(known)))}."
        f"{suggestion(key, known)}"
    )
