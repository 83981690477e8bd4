"""What is derived from a large index in plain files, so that opening need not derive it again.

Each may be thrown away at any time. The gallery is a line of JSON that says which state it is of,
then keys and codes as they lie in memory; what is stale is brought up to date. What the engine
learned says itself what it is of. What is torn or altered is not used.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np

from acir.durable import part_of, whole
from acir.errors import StorageError
from acir.index.changes import Moment
from acir.index.gallery import Gallery

FILE, LEARNED = "gallery.cache", "engine.cache"
LEAST = 100_000  # pictures from which on it saves more than it costs
KEY = np.dtype("<i8")
CHUNK = 1 << 20
DIGEST_BYTES = 16


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
    _replace(folder / FILE, json.dumps(head).encode() + b"\n", keys, codes)


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


def write_learned(folder: Path, content: bytes) -> None:
    """Replace what the engine learned; interrupted, that before stays.

    Raises:
        OSError: The folder cannot be written.
    """
    _replace(folder / LEARNED, blake2b(content, digest_size=DIGEST_BYTES).digest(), content)


def read_learned(folder: Path) -> bytes | None:
    """Return what an engine learned; None where that is unusable."""
    try:
        found = (folder / LEARNED).read_bytes()
    except OSError:
        return None
    digest, content = found[:DIGEST_BYTES], found[DIGEST_BYTES:]
    return content if blake2b(content, digest_size=DIGEST_BYTES).digest() == digest else None


def wipe(folder: Path) -> None:
    """Overwrite and remove the files, which hold the codes of what is about to be deleted.

    Raises:
        StorageError: One cannot be removed.
    """
    files = (folder / FILE, folder / LEARNED)
    for path in (*files, *map(part_of, files)):
        try:
            if path.exists():
                _overwrite(path)
                path.unlink()
        except OSError as error:
            raise StorageError(
                f"cannot remove {path} ({error.strerror}), which holds codes of what is to be "
                "deleted; remove it and delete again"
            ) from error


def _replace(path: Path, *content: bytes | memoryview) -> None:
    with whole(path) as part, part.open("wb") as file:
        for each in content:
            file.write(each)


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        left = path.stat().st_size
        while left > 0:
            left -= file.write(bytes(min(left, CHUNK)))


def _digest(head: Mapping[str, object], keys: memoryview, codes: memoryview) -> str:
    digest = blake2b(json.dumps(head).encode(), digest_size=DIGEST_BYTES)
    digest.update(keys)
    digest.update(codes)
    return digest.hexdigest()
