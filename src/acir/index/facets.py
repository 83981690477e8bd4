"""What the pictures of an index can be filtered by, for a person to choose from."""

from collections import Counter
from collections.abc import Collection
from json import dumps

from acir.index.database import Database
from acir.index.filters import COLLECTION, LABEL, belonging
from acir.index.rows import GIVEN

MOST_VALUES = 64  # of one key


def facets(database: Database, within: Collection[str] | None) -> dict[str, dict[str, int]]:
    """Return how many pictures have each value of each key, both in their order.

    A picture with several labels counts for each. A key with more than `MOST_VALUES` values has an
    empty mapping. The collection is no key here.

    Args:
        database: Where to look.
        within: Collections that are counted; None for all.
    """
    given = () if within is None else (dumps(belonging(database, within)),)
    rows = "" if within is None else f"and {GIVEN}"
    labels = Counter[str]()
    counted = f"select label, count(*) from item where label <> '' {rows} group by label"
    for joined, count in database.read(counted, *given):
        labels.update(dict.fromkeys(joined.split("|"), count))
    found = {LABEL: dict(sorted(labels.items()))} if labels else {}
    keys = f"select distinct key from metadata where key <> ? {rows} order by key"
    for (key,) in database.read(keys, COLLECTION, *given):
        values = f"""select value, count(*) from metadata where key = ? {rows}
            group by value order by value limit {MOST_VALUES + 1}"""
        found[key] = dict(database.read(values, key, *given))
    return {k: values if len(values) <= MOST_VALUES else {} for k, values in found.items()}
