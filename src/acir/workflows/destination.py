"""Refuse a place for results before there is any work to lose."""

import os
from pathlib import Path

from acir.errors import UsageError
from acir.folders import readable, require_writable


def refuse_unwritable(out: Path, given_as: str = "--out") -> None:
    """Refuse a folder for results that cannot be made or written; nothing is left behind.

    Args:
        out: The folder.
        given_as: What names it on the command line.

    Raises:
        UsageError: It is a file, or would lie below one.
        StorageError: No file can be made where it is or would be.
    """
    nearest = next(path for path in (out, *out.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise UsageError(f"{nearest} is a file; give a folder as {given_as}")
    require_writable(nearest)


def refuse_not_utf8(out: Path, given_as: str = "--out") -> None:
    """Refuse a path that is not in UTF-8: safetensors and pyarrow open no other.

    Args:
        out: The path.
        given_as: What names it on the command line.

    Raises:
        UsageError: It is not.
    """
    shown = readable(str(out))
    if shown != str(out):
        raise UsageError(f"{shown} is no name in UTF-8; give another one as {given_as}")
