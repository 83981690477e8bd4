"""How pictures are drawn for train, val, test and calibration where no source says so."""

from hashlib import sha256

from acir.types import Split

TRAIN_END = 0.7
VAL_END = 0.8


def uniform(key: str, purpose: str) -> float:
    """Draw a number in [0, 1), six decimals, from a key: the same on every machine.

    Six decimals tell too little to find the key again.

    Args:
        key: The patient where one is known, else the hash of the pixels.
        purpose: Keeps draws for different purposes independent.
    """
    digest = sha256(f"{purpose}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 1_000_000 / 1_000_000


def drawn_split(key: str) -> Split:
    """Assign a split by hash where a source gives none: 70 % train, 10 % val, 20 % test."""
    position = uniform(key, "split")
    if position < TRAIN_END:
        return "train"
    return "val" if position < VAL_END else "test"


def drawn_for_calibration(key: str) -> float:
    """Draw `ImageRecord.draw`, which decides which pictures are kept for calibration."""
    return uniform(key, "calibration")
