"""The files below a folder, in order, their names as text, and whether there may be more."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile

from acir.errors import SourceError, StorageError


def readable(name: str) -> str:
    r"""Return the name of a file as text that can be stored: bytes that are no UTF-8 are spelt out.

    Example:
        >>> readable("m\udcfcller/1.png")
        'm\\xfcller/1.png'
    """
    return os.fsencode(name).decode(errors="backslashreplace")


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder as they come; hidden ones are passed over.

    A folder below it that cannot be opened comes itself, in place of its files: whoever reads it
    learns that it cannot be read, and counts it.

    Raises:
        SourceError: The folder itself cannot be opened.
    """
    closed = list[OSError]()
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(place, name) for name in files if not name.startswith("."))
        yield from (path for path in visible if _may_be_read(path))
    for error in closed:
        if Path(error.filename) == folder:
            raise SourceError(
                f"the folder {folder} cannot be opened ({error.strerror}); give one that can"
            )
        yield Path(error.filename)


def _may_be_read(path: Path) -> bool:
    """Whether it is a file, or nobody may look what it is."""
    try:
        return path.is_file()
    except OSError:
        return True


def walk_files(folder: Path, accept: Callable[[Path], bool]) -> list[Path]:
    """List the files below a folder that are accepted, in order; hidden ones are passed over.

    Folders below it that cannot be opened are among them; see `visible_files`.
    """
    return sorted(path for path in visible_files(folder) if accept(path) or path.is_dir())


def require_writable(folder: Path) -> None:
    """Refuse a folder in which no file can be made; the one that is tried has no name and vanishes.

    Raises:
        StorageError: It is closed or read-only, or the disk is full.
    """
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"nothing can be written in the folder {folder} ({error.strerror}); give access to it "
            "or make room, or name another place"
        ) from error
