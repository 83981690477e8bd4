"""The files below a folder, in order, their names as text, and whether there may be more."""

import os
from collections.abc import Callable, Iterator
from errno import ENAMETOOLONG
from pathlib import Path
from stat import S_ISREG
from tempfile import TemporaryFile

from acir.errors import SourceError, StorageError


def readable(name: str) -> str:
    r"""Return the name of a file as text that can be stored: bytes that are no UTF-8 are spelt out.

    Example:
        >>> readable("m\udcfcller/1.png")
        'm\\xfcller/1.png'
    """
    return os.fsencode(name).decode(errors="backslashreplace")


def exists(path: Path) -> bool:
    """Whether there is something at a path.

    Raises:
        SourceError: Nobody may look.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: it has a zero byte
        return False
    except OSError as error:
        if error.errno == ENAMETOOLONG:  # as of an address with a long query
            return False
        raise SourceError(
            f"nobody can look at {path} ({error.strerror}); give access to it, or another path"
        ) from error
    return True


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder as they come; hidden ones are passed over.

    What may hold pictures and is not looked into comes itself: a folder that cannot be opened, a
    link to a folder, and what nobody may look at or a broken link leads to. Whoever reads it learns
    that it cannot be read, and counts it.

    Raises:
        SourceError: The folder itself cannot be opened.
    """
    return (path for path, _ in _visible(folder))


def walk_files(folder: Path, accept: Callable[[Path], bool]) -> list[Path]:
    """List the files below a folder that are accepted, in order; hidden ones are passed over.

    Among them is what is no file and may hold pictures; see `visible_files`.
    """
    return sorted(path for path, is_file in _visible(folder) if not is_file or accept(path))


def _visible(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield what `visible_files` does, each with whether it is a file."""
    closed = list[OSError]()
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(place, name) for name in files if not name.startswith(".")):
            is_file = _is_file(path)
            if is_file is not False:
                yield path, is_file is True
        links = (Path(place, name) for name in folders)
        yield from ((path, False) for path in links if path.is_symlink())
    for error in closed:
        if Path(error.filename) == folder:
            raise SourceError(
                f"the folder {folder} cannot be opened ({error.strerror}); give one that can"
            )
        yield Path(error.filename), False


def _is_file(path: Path) -> bool | None:
    """Whether it is a file; None where nobody can look what it is."""
    try:
        return S_ISREG(path.stat().st_mode)
    except OSError:
        return None


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
