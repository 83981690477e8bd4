"""One picture as an index keeps it, and the checks that tell when a disk has changed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct
from types import MappingProxyType
from typing import Any
from zlib import crc32

import numpy as np
from jaxtyping import Float16, UInt8

SEAL_BYTES = 4
LITTLE = Struct("<I").pack
# CRC-32 of any bytes followed by their own little-endian CRC-32 is this constant.
RESIDUE = 0x2144DF1C
CHECKSUM_BYTES = 16
EMPTY = blake2b(digest_size=CHECKSUM_BYTES)

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Entry:
    """One picture of an index.

    Attributes:
        id: Key of the picture, unique in the index.
        code: Packed bits.
        embedding: Unit vector.
        label: Class names joined by `|`, empty when unknown.
        path: Path relative to the source, or None where paths are not kept.
        patient: Keyed hash of the patient, or None; never a name or a number of the hospital.
        pixel_hash: `acir.types.pixel_hash` of the stored pixels.
        thumbnail: A PNG file, or None where thumbnails are not kept.
        metadata: What can be filtered besides the label.
    """

    id: str
    code: UInt8[np.ndarray, " bytes"]
    embedding: Float16[np.ndarray, " dim"]
    label: str
    pixel_hash: str
    path: str | None = None
    patient: str | None = None
    thumbnail: bytes | None = None
    metadata: Mapping[str, str] = field(default_factory=lambda: _EMPTY)


def checksum(words: Sequence[object], blobs: Sequence[bytes]) -> bytes:
    """Hash words of any type and blobs.

    Hashed is what `ascii` writes of the words and the blobs' lengths, followed by the blobs: no
    two rows make the same bytes.
    """
    return hashed(b"(%a, %a)%b" % (words, [*map(len, blobs)], b"".join(blobs)))


def hashed(content: bytes) -> bytes:
    """Return the checksum of bytes that no two rows share."""
    digest = EMPTY.copy()  # in two thirds of the time of a new one
    digest.update(content)
    return digest.digest()


def seal(content: bytes) -> bytes:
    """Append the CRC-32, so that many blobs can be checked without reading the rest of the row."""
    return content + LITTLE(crc32(content))


def unseal(blobs: Sequence[Any], size: int) -> UInt8[np.ndarray, "n size"] | None:
    """Return the contents of sealed blobs as a matrix, or None when any of them was altered.

    Args:
        blobs: What the file gives, which may be of any type when it is damaged.
        size: Bytes of each content.
    """
    whole = size + SEAL_BYTES
    alike = set(map(type, blobs)) <= {bytes} and set(map(len, blobs)) <= {whole}
    return _contents(b"".join(blobs), whole) if alike and _intact(blobs) else None


def unseal_joined(blobs: bytes, size: int) -> UInt8[np.ndarray, "n size"] | None:
    """Do what `unseal` does with sealed blobs that follow one another."""
    whole = size + SEAL_BYTES
    if len(blobs) % whole:
        return None
    apart = np.frombuffer(blobs, dtype=f"V{whole}").tolist()
    return _contents(blobs, whole) if _intact(apart) else None


def _intact(blobs: Sequence[bytes]) -> bool:
    # `map` with a function in C: a million blobs pass here before the first query.
    return set(map(crc32, blobs)) <= {RESIDUE}


def _contents(blobs: bytes, whole: int) -> UInt8[np.ndarray, "n size"]:
    sealed = np.frombuffer(blobs, dtype=np.uint8).reshape(-1, whole)
    return np.ascontiguousarray(sealed[:, :-SEAL_BYTES])


def unsealed(blob: object) -> bytes | None:
    """Return the content of one sealed blob, or None when it was altered."""
    return blob[:-SEAL_BYTES] if isinstance(blob, bytes) and crc32(blob) == RESIDUE else None
