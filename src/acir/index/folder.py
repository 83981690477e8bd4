"""The folder of an index."""

from pathlib import Path

from acir.errors import StorageError, StoreError
from acir.index.database import FILE


def require_index(folder: Path) -> None:
    """Refuse a folder without an index.

    Raises:
        StoreError: There is none.
    """
    if not (folder / FILE).is_file():
        raise StoreError(
            f"there is no index at {folder}; give the folder of one, or build it with acir index "
            "build"
        )


def refuse_taken(folder: Path) -> None:
    """Refuse a place for a new index where something is.

    Raises:
        StoreError: There is something in the folder, or it is a file.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise StoreError(
            f"there is something at {folder} already; name a new folder, or add to the index "
            "with acir index add"
        )


def make_folder(folder: Path) -> None:
    """Make a folder for a new index, or take an empty one.

    Raises:
        StoreError: There is something in the folder, or it is a file.
        StorageError: The folder cannot be written.
    """
    refuse_taken(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {folder} ({error.strerror}); name one that can be written"
        ) from error


def size_of(folder: Path) -> int:
    """Count the bytes of a folder, but for SQLite's shared memory: it goes on closing."""
    found = folder.rglob("*")
    return sum(f.stat().st_size for f in found if f.is_file() and f.suffix != ".sqlite-shm")
