"""The files below a folder, in order, and their names as text."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from acir.errors import SourceError


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
