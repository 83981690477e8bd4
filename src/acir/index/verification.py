"""Reading every byte of an index to learn whether it still is what was stored."""

from collections.abc import Iterator

from acir.errors import StoreError
from acir.index import changes, rows
from acir.index.database import Database


def problems(database: Database) -> list[str]:
    """Return each problem in words; an empty list when all is well."""
    found: list[str] = []
    try:
        for problem in _each(database):
            found.append(problem)  # noqa: PERF402 - keeps those that come before a failure
    except StoreError as error:
        found.append(str(error))
    return found


def _each(database: Database) -> Iterator[str]:
    for (line,) in database.read("pragma integrity_check"):
        if line != "ok":
            yield f"the file is damaged: {line}"
    for table, row, *_ in database.read("pragma foreign_key_check"):
        yield f"row {row} of table {table} belongs to no picture"
    for generation in changes.altered(database):
        yield f"what changed in generation {generation} is not what was recorded"
    for batch in rows.batches(database):
        for _, name, entry in rows.read(database, batch):
            if entry is None:
                yield f"{name} is not what was stored"
