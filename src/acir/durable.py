"""Files and folders, whole or not there, and on the disk: a power failure does not undo it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp


@contextmanager
def whole(path: Path, *, synchronised: bool = False) -> Iterator[Path]:
    """Yield the place beside a file where it is written; it takes its name when that went well.

    Else nothing stays of it; what a killed process left is overwritten by the next that writes.

    Args:
        path: The file; what is there is replaced.
        synchronised: Whether to wait until it is on the disk, and its name in its folder.
    """
    part = part_of(path)
    try:
        yield part
        if synchronised:
            synchronise(part)
        part.replace(path)
        if synchronised:
            synchronise(path.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


@contextmanager
def whole_folder(
    folder: Path, *, replacing: bool = False, contended: bool = False
) -> Iterator[Path]:
    """Yield the place where a folder is filled; it takes its name when all of it is on the disk.

    Until then its owner alone can look into it. Else nothing stays of it, and what was there keeps
    the name; what a killed process left is removed by the next that writes.

    Args:
        folder: The folder, missing or empty.
        replacing: Whether one that is not empty is replaced too.
        contended: Whether several may write it at once: the first that is done gives it its name,
            the others fail. What a killed process left stays then, as it could be in use.
    """
    if contended:
        place = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    else:
        place = part_of(folder.absolute())
        rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700, parents=True)
    new, old = place / "new", place / "old"
    try:
        new.mkdir()
        yield new
        synchronise_all(new)
        if replacing and folder.is_dir():
            folder.replace(old)
        new.replace(folder)
        synchronise(folder.parent)
    finally:
        if old.exists() and not folder.exists():
            old.replace(folder)
        rmtree(place, ignore_errors=True)


def part_of(path: Path) -> Path:
    """Return where what is to be whole is written, which no walk through the folder finds."""
    return path.with_name(f".{path.name}.part")


def synchronise(path: Path) -> None:
    """Wait for a file, or for the names in a folder."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def synchronise_all(folder: Path) -> None:
    """Wait for a folder and for everything below it."""
    for path in (*folder.rglob("*"), folder):
        synchronise(path)
