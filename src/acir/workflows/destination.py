"""Refuse a place for results before there is any work to lose."""

import os
from pathlib import Path

from acir.errors import UsageError
from acir.folders import require_writable


def refuse_unwritable(out: Path) -> None:
    """Refuse a folder for results that cannot be made or written; nothing is left behind.

    Raises:
        UsageError: It is a file, or would lie below one.
        StorageError: No file can be made where it is or would be.
    """
    nearest = next(path for path in (out, *out.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise UsageError(f"{nearest} is a file; give a folder as --out")
    require_writable(nearest)
