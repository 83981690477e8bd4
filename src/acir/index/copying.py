"""A second copy of a store for another engine: the rows stay what they are."""

from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree

from acir.index.about import SETTING
from acir.index.chosen import COLLECTION, SERVER, Choice
from acir.index.database import Database
from acir.index.folder import make_folder
from acir.index.store import Store


def copy_store(source: Store, folder: Path, choice: Choice) -> Store:
    """Copy a store into a new or empty folder and open the copy; writers may go on.

    Args:
        source: What is copied.
        folder: Where the copy is to be; nothing is left there when it fails.
        choice: Which engine is to search the copy.

    Raises:
        StoreError: There is something in the folder already.
        StorageError: The folder cannot be written, or the disk is full.
    """
    make_folder(folder)
    try:
        source.copy_to(folder)
        _set_engine(folder, choice)
        return Store.open(folder)
    except BaseException:
        rmtree(folder)
        raise


def _set_engine(folder: Path, choice: Choice) -> None:
    database = Database(folder)
    kept: Mapping[str, str] = {SETTING + key: value for key, value in choice.settings.items()}
    try:
        with database.transaction() as connection:
            for key in (SERVER, COLLECTION):
                connection.execute("delete from meta where key = ?", [SETTING + key])
            connection.execute("update meta set value = ? where key = 'engine'", [choice.engine])
            connection.executemany("insert into meta values (?, ?)", kept.items())
    finally:
        database.close()
