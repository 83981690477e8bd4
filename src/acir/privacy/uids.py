"""UIDs: those that the standard defines stay, every other is replaced by a keyed hash."""

from pydicom import config
from pydicom.uid import UID

from acir.privacy.pseudonym import pseudonym


def keyed_uid(key: bytes, uid: str) -> str:
    """Return the UID that stands for another: `2.25.` and 128 bit of its keyed hash (PS3.5 B.2)."""
    return f"2.25.{int(pseudonym(key, 'uid', uid), 16)}"


def is_of_the_standard(uid: str) -> bool:
    """Whether a UID is one that PS3.6 defines, which names no one."""
    return UID(uid, validation_mode=config.IGNORE).name != uid
