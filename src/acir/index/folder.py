"""The folder of an index."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from acir.durable import whole_folder
from acir.errors import StorageError, StoreError
from acir.index.database import FILE, can_be_written


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


def refuse_read_only(folder: Path) -> None:
    """Refuse an index that cannot be changed, before there is work to lose.

    Raises:
        StorageError: It or its folder cannot be written.
    """
    if not can_be_written(folder / FILE):
        raise StorageError(
            f"the index at {folder} cannot be written, so nothing was begun; give access to the "
            f"folder and to {FILE} in it, or add to a copy that acir index backup makes"
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


def refuse_immovable(folder: Path) -> None:
    """Refuse a place for a new index that another folder cannot take.

    Raises:
        StoreError: It is the current folder, or something is mounted there.
    """
    if folder.is_mount() or folder.resolve() == Path.cwd():
        raise StoreError(
            f"{folder} is the current folder, or one where something is mounted, whose place no "
            "other can take; name a folder inside it"
        )


def refuse_within(folder: Path, place: Path) -> None:
    """Refuse a place for a copy inside the index that is copied.

    Raises:
        StoreError: It lies there.
    """
    if folder.resolve() in place.resolve().parents:
        raise StoreError(f"{place} lies inside the index at {folder}; name a place outside of it")


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


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """Fill a new or empty folder under another name; it gets its own when all is on the disk.

    Interrupted, it leaves nothing; killed, the empty folder and one with a dot before its name.

    Raises:
        StoreError: There is something in it, it is the current folder, or something is mounted
            there.
        StorageError: There is no room, or it cannot be written.
    """
    make_folder(folder)
    refuse_immovable(folder)
    try:
        with whole_folder(folder, contended=True) as part:
            part.chmod(0o700)  # there is a key in it
            yield part
    except OSError as error:
        raise StorageError(
            f"cannot write {folder} ({error.strerror}); name a place that can be written and has "
            "room"
        ) from error
    finally:
        with suppress(OSError):  # only where it is still empty
            folder.rmdir()


def size_of(folder: Path) -> int:
    """Count the bytes of a folder, but for SQLite's shared memory: it goes on closing."""
    found = folder.rglob("*")
    return sum(f.stat().st_size for f in found if f.is_file() and f.suffix != ".sqlite-shm")
