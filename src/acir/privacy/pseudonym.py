"""Keyed hashes in place of names: equal for equal names, and of no use without the key."""

import hmac
import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

from acir.errors import StorageError, UsageError

KEY_BYTES = 32
KEY_VARIABLE = "ACIR_KEY_FILE"
HEX_DIGITS = 32  # 128 bit: two of 2**40 names collide with a probability below 1e-14


Kind = Literal["patient", "instance", "series", "slide", "source", "uid", "shift", "file"]


def pseudonym(key: bytes, kind: Kind, name: str) -> str:
    """Return the HMAC-SHA256 of a name as 32 hexadecimal digits; blanks around it do not count.

    Args:
        key: The secret; who has it can test whether a known name is behind a pseudonym.
        kind: Keeps a patient and an instance of the same name apart.
        name: What must not be known.

    Raises:
        UsageError: There is no key.
    """
    if not key:
        raise UsageError(
            f"the {kind} must be hidden behind a keyed hash, but no key was given; pass "
            "SourceOptions(key=acir.privacy.pseudonym.load_key(path))"
        )
    said = f"{kind}:{name.strip()}".encode(errors="surrogateescape")  # a path may be no UTF-8
    return hmac.digest(key, said, sha256).hex()[:HEX_DIGITS]


def draw_key(patient: str) -> str:
    """Return what decides a patient's split: the same on every machine, whatever the key.

    It is not keyed, so it stays in memory and is never stored or shown.
    """
    return sha256(f"patient:{patient.strip()}".encode()).hexdigest()


def fresh_key() -> bytes:
    """Make a key that nobody keeps, for pseudonyms that need to hold for one run alone."""
    return secrets.token_bytes(KEY_BYTES)


def load_key(path: Path) -> bytes:
    """Read the secret key, or make one where there is none yet.

    `ACIR_KEY_FILE` names a file to be used in place of `path`; that one must exist. A new file
    can be read by its owner alone.

    Args:
        path: Where the key is kept, such as beside an index.

    Raises:
        UsageError: The file that `ACIR_KEY_FILE` names is missing, or a file is no key.
        StorageError: A new key cannot be written.
    """
    given = os.environ.get(KEY_VARIABLE)
    if given and not Path(given).is_file():
        raise UsageError(
            f"{KEY_VARIABLE} names {given}, which is no file; give a file of {KEY_BYTES} random "
            "bytes, or unset it"
        )
    place = Path(given) if given else path
    if not place.exists():
        _make_key(place)
    key = place.read_bytes()
    if len(key) != KEY_BYTES:
        raise UsageError(
            f"{place} holds {len(key)} bytes, expected a key of {KEY_BYTES}; restore it, as "
            "another key gives every patient another pseudonym"
        )
    return key


def _make_key(path: Path) -> None:
    """Write a new key and give it its name in one step, so that no one reads half a key."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=".key-") as draft:  # its mode is 0600
            draft.write(fresh_key())
            draft.flush()
            with suppress(FileExistsError):  # another process was faster; its key counts
                path.hardlink_to(draft.name)
    except OSError as error:
        raise StorageError(f"cannot write the key {path}: {error.strerror}") from error
