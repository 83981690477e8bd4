"""The file of an index written once more: in its own place, or as a copy."""

from collections.abc import Sequence
from pathlib import Path

from acir.errors import StoreError
from acir.index.about import SETTING
from acir.index.chosen import COLLECTION, fresh_collection
from acir.index.database import FILE, Database
from acir.index.folder import size_of
from acir.index.view import REPAIR

RENAME = "update meta set value = ? where key = ?"


def compact(database: Database, problems: Sequence[str]) -> int:
    """Do what `Store.compact` says, given what its `verify` found."""
    folder = database.folder
    if problems:
        raise StoreError(
            f"the index at {folder} was not rewritten, as it is damaged: {problems[0]}; {REPAIR}"
        )
    before = size_of(folder)
    database.rewrite()
    database.forget()
    return before - size_of(folder)


def copy(database: Database, folder: Path) -> None:
    """Do what `Store.copy_to` says."""
    database.copy_to(folder / FILE)
    made = Database(folder)
    try:
        with made.transaction() as connection:
            connection.execute(RENAME, (fresh_collection(), SETTING + COLLECTION))
    finally:
        made.close()
