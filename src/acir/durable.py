"""Wait until what was written is on the disk, so that a power failure does not undo it."""

import os
from pathlib import Path


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
