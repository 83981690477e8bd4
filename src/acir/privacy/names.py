"""Whether a text that someone chose, such as the name of a folder, tells whose picture it is."""

import re
import unicodedata
from itertools import permutations

from pydicom import Dataset

IDENTIFIERS = ("PatientID", "AccessionNumber", "StudyID", "StudyInstanceUID", "SeriesInstanceUID")
# Names come as DICOM's older character sets write them, and folders as people do.
SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})


def names_someone(label: str, dataset: Dataset) -> bool:
    """Whether a folder is called after the patient or the study, as archives often do.

    A name counts in any order and case, with digits behind it, without blanks between its parts,
    and with or without its accents and umlauts.

    Args:
        label: What the folder is called.
        dataset: What a file in it says.
    """
    words, together = set(_words(label)), "".join(_words(label))
    named = {word for word in _words(str(dataset.get("PatientName") or "")) if len(word) > 1}
    numbers = [_spaced(str(dataset.get(keyword) or "")) for keyword in IDENTIFIERS]
    return (
        "\\" in label  # a spelt out byte of another encoding, in which it may be anyone's name
        or bool(words & named)
        or any(first + last in together for first, last in permutations(named, 2))
        or any(number and number in _spaced(label) for number in numbers)
    )


def _words(text: str) -> list[str]:
    """Return the letters and the digits of a text, apart, in each spelling."""
    # Composed first: macOS writes a letter and its accent as two signs.
    whole = unicodedata.normalize("NFKC", text).casefold()
    spellings = dict.fromkeys((whole.translate(SPELT_OUT), whole))
    return [word for one in spellings for word in re.findall(r"[^\W\d_]+|\d+", _bare(one))]


def _bare(text: str) -> str:
    """Leave out the marks above and below letters."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in letters if not unicodedata.combining(sign))


def _spaced(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
