"""The codes of a large index in one plain file, so that opening need not gather them row by row.

The file is derived and may be thrown away at any time: a line of JSON that says which state it is
of, then the keys and the codes of the gallery as they lie in memory. What is stale is brought up to
date, what is torn or altered is not used.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np

from acir.errors import StorageError
from acir.index.changes import Moment
from acir.index.gallery import Gallery

FILE = "gallery.cache"
LEAST = 100_000  # pictures from which on it saves more than it costs
KEY = np.dtype("<i8")
CHUNK = 1 << 20


def write(folder: Path, moment: Moment, gallery: Gallery) -> None:
    """Replace the file; interrupted, the one before stays.

    Raises:
        OSError: The folder cannot be written.
    """
    keys = gallery.keys.astype(KEY).data
    codes = np.ascontiguousarray(gallery.codes).data
    head = {
        "generation": moment.generation,
        "stamp": moment.stamp.hex(),
        "n": len(gallery.keys),
    }
    head["digest"] = _digest(head, keys, codes)
    part = folder / f"{FILE}.part"
    with part.open("wb") as file:
        file.write(json.dumps(head).encode() + b"\n")
        file.write(keys)
        file.write(codes)
    part.replace(folder / FILE)


def read(folder: Path, size: int) -> tuple[Moment, Gallery] | None:
    """Return the state that was kept and its codes of `size` bytes; None where it is unusable."""
    try:
        with (folder / FILE).open("rb") as file:
            head = json.loads(file.readline())
            moment = Moment(int(head["generation"]), bytes.fromhex(head["stamp"]))
            keys = np.fromfile(file, dtype=KEY, count=head["n"])
            codes = np.fromfile(file, dtype=np.uint8)
        codes = codes.reshape(head["n"], size)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError):
        return None
    if head.pop("digest", None) != _digest(head, keys.data, codes.data):
        return None
    return moment, Gallery(keys.astype(np.int64, copy=False), codes)


def wipe(folder: Path) -> None:
    """Overwrite and remove the file, which holds the codes of what is about to be deleted.

    Raises:
        StorageError: It cannot be removed.
    """
    for path in (folder / FILE, folder / f"{FILE}.part"):
        try:
            if path.exists():
                _overwrite(path)
                path.unlink()
        except OSError as error:
            raise StorageError(
                f"cannot remove {path} ({error.strerror}), which holds codes of what is to be "
                "deleted; remove it and delete again"
            ) from error


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        left = path.stat().st_size
        while left > 0:
            left -= file.write(bytes(min(left, CHUNK)))


def _digest(head: Mapping[str, object], keys: memoryview, codes: memoryview) -> str:
    digest = blake2b(json.dumps(head).encode(), digest_size=16)
    digest.update(keys)
    digest.update(codes)
    return digest.hexdigest()
