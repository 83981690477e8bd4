"""Files that are whole or not there, and on the disk, so that a power failure does not undo it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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


def part_of(path: Path) -> Path:
    """Return where `whole` has a file written, which no walk through the folder takes for one."""
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
