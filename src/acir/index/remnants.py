"""Whether bytes of deleted pictures are left anywhere in the files of an index."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt64

from acir.errors import StorageError
from acir.index.entry import Entry
from acir.index.view import View

PREFIX = np.dtype("<u8")  # compared first, at every place at once
LENGTH = 24  # bytes of a blob that tell it from others
LEAST = 12  # different ones among them: an even area of a picture tells nothing
CHUNK = 1 << 22
NAME = "an id or a path"


def traces(entries: Iterable[Entry]) -> dict[bytes, str]:
    """Return what would show that pictures are still there, each with what it is in words.

    That is their id, path, pixel hash, and a part of embedding and thumbnail, which nothing else
    has by chance. What is shorter than eight bytes is left out.
    """
    found = dict[bytes, str]()
    for entry in entries:
        found[entry.id.encode()] = found[(entry.path or "").encode()] = NAME
        found[entry.pixel_hash.encode()] = "a pixel hash"
        found[_part(entry.embedding.tobytes())] = "an embedding"
        found[_part(entry.thumbnail or b"")] = "a thumbnail"
    return {needle: name for needle, name in found.items() if len(needle) >= PREFIX.itemsize}


def unshared(
    needles: Mapping[bytes, str], entries: Iterable[Entry], view: View
) -> dict[bytes, str]:
    """Return those traces that no picture which is still there has by right.

    Args:
        needles: The `traces` of `entries`.
        entries: The deleted pictures.
        view: The state after.
    """
    kept = dict(needles)
    for entry in entries:
        if len(view.same_pixels(entry.pixel_hash)):
            for shared in traces([entry]):
                if needles.get(shared) != NAME:
                    kept.pop(shared, None)
        for word in (entry.id, entry.path or ""):
            if word and view.has_within(word):
                kept.pop(word.encode(), None)
    return kept


def found(folder: Path, needles: Mapping[bytes, str], beside: Iterable[str] = ()) -> list[str]:
    """Read every byte of a folder and return in words what was found where.

    Args:
        folder: Of the index.
        needles: What to look for, each at least eight bytes.
        beside: Files and folders in it that are not read, by the beginnings of their names.

    Raises:
        StorageError: A file cannot be read.
    """
    skipped = tuple(beside)
    files = [file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file()]
    return [
        f"{name} in {file}"
        for file in files
        if not str(file).startswith(skipped)
        for name in _in(folder / file, needles)
    ]


def _in(file: Path, needles: Mapping[bytes, str]) -> list[str]:
    overlap = max(map(len, needles), default=0)
    first = np.array([np.frombuffer(needle, PREFIX, 1)[0] for needle in needles], PREFIX)
    seen, before = set[bytes](), b""
    try:
        with file.open("rb") as opened:
            while part := opened.read(CHUNK):
                part = before + part
                for place in _places(part, np.unique(first)):
                    seen |= {needle for needle in needles if part.startswith(needle, place)}
                before = part[-overlap:]
    except OSError as error:
        raise StorageError(f"cannot read {file} ({error.strerror}); run the same again") from error
    return sorted({needles[needle] for needle in seen})


def _places(part: bytes, first: UInt64[np.ndarray, " n"]) -> Iterator[int]:
    """Yield each place of `part` where eight bytes are the first ones of a needle."""
    for shift in range(min(PREFIX.itemsize, len(part))):
        count = (len(part) - shift) // PREFIX.itemsize
        words = np.frombuffer(part, PREFIX, count, shift)
        for hit in np.flatnonzero(np.isin(words, first)):
            yield shift + int(hit) * PREFIX.itemsize


def _part(blob: bytes) -> bytes:
    part = blob[len(blob) // 2 :][:LENGTH]
    return part if len(set(part)) >= LEAST else b""
