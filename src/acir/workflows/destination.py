"""Refuse a place for results before there is any work to lose."""

from pathlib import Path

from acir.errors import UsageError


def refuse_file(out: Path) -> None:
    """Refuse a file, or what would lie below one, as the folder of the results.

    Raises:
        UsageError: It is.
    """
    nearest = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise UsageError(f"{nearest} is a file; give a folder as --out")
