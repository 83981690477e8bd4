"""Whether a text that someone chose, a folder's name or a value in a file, tells whose it is."""

import re
import unicodedata
from itertools import permutations

from pydicom import Dataset
from pydicom.multival import MultiValue

IDENTIFIERS = ("PatientID", "AccessionNumber", "StudyID", "StudyInstanceUID", "SeriesInstanceUID")
# Whom else a file names: relatives, and those who asked for it, took it or read it.
OTHERS = (
    *("OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson"),
    *("ReferringPhysicianName", "ConsultingPhysicianName", "RequestingPhysician", "OrderEnteredBy"),
    *("PerformingPhysicianName", "ScheduledPerformingPhysicianName", "HumanPerformerName"),
    *("OperatorsName", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "ReviewerName"),
    *("SecondaryReviewerName", "VerifyingObserverName", "EvaluatorName", "ROIInterpreter"),
    *("ContentCreatorName", "NamesOfIntendedRecipientsOfResults"),
)
# Names come as DICOM's older character sets write them, and folders as people do.
SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
NAME_PARTS = 3  # family, given and middle name; then come titles (PS3.5 6.2.1.1)
FEWEST_SIGNS = 3  # of an identifier that is looked for within a file: "1" is in any version number
FEWEST_OF_OTHERS = 3  # letters of their names: operators write initials, such as MR
FEWEST_IN_CODE = 3  # letters of a name in a code string: CT, MR and NO are codes, and names
# What the standard writes itself is nobody's, also where the patient is called so.
TERMS = frozenset(
    (
        *("abdomen", "ankle", "arm", "back", "brain", "breast", "calf", "cheek", "chest"),
        *("elbow", "extremity", "eye", "face", "finger", "foot", "forearm", "hand", "head"),
        *("heart", "hip", "jaw", "kidney", "knee", "leg", "liver", "lung", "neck", "nose"),
        *("orbit", "pelvis", "rib", "shoulder", "skull", "spine", "thigh", "thorax", "thumb"),
        *("toe", "whole", "body", "wrist", "left", "right", "both", "primary", "secondary"),
        *("original", "derived", "mixed", "axial", "localizer", "volume", "volumetric"),
        *("image", "text", "code", "container", "color", "monochrome", "palette", "rgb", "ybr"),
        *("full", "yes", "no", "none"),
    )
)


def names_someone(label: str, dataset: Dataset) -> bool:
    """Whether a folder is called after the patient or the study, as archives often do.

    A name counts in any order and case, with digits behind it, without blanks between its parts,
    and with or without its accents and umlauts.

    Args:
        label: What the folder is called.
        dataset: What a file in it says.
    """
    words, together = set(_words(label)), "".join(_words(label))
    named = {
        word for name in _names(dataset, "PatientName") for word in _words(name) if len(word) > 1
    }
    numbers = [_spaced(str(dataset.get(keyword) or "")) for keyword in IDENTIFIERS]
    return (
        "\\" in label  # a spelt out byte of another encoding, in which it may be anyone's name
        or bool(words & named)
        or any(first + last in together for first, last in permutations(named, 2))
        or any(number and number in _spaced(label) for number in numbers)
    )


class Person:
    """Whom and what study a file names, to be looked for among its values.

    A name counts as in `names_someone`, but not by its titles, its digits alone, or a word of
    `TERMS`: a head is a head, also Mr Head's. Of those in `OTHERS`, physicians and operators among
    them, words of three letters count. Identifiers count where they stand by themselves.

    Args:
        dataset: The file, before anything of it is removed.
    """

    def __init__(self, dataset: Dataset) -> None:
        patient = _names(dataset, "PatientName")
        others = [name for keyword in OTHERS for name in _names(dataset, keyword)]
        each = [_letters(name, 2) for name in patient]
        each += [_letters(name, FEWEST_OF_OTHERS) for name in others]
        self._words = set[str]().union(*each) - TERMS
        self._joined = [a + b for words in each for a, b in permutations(words, 2)]
        said = [str(dataset.get(keyword) or "") for keyword in IDENTIFIERS]
        numbered = [name for name in (*patient, *others) if any(s.isdigit() for s in name)]
        numbers = {" ".join(_parts(text)) for text in (*said, *numbered)}
        self._numbers = [n for n in numbers if len(n.replace(" ", "")) >= FEWEST_SIGNS]

    def is_named_by(self, text: str, fewest: int = 2) -> bool:
        """Whether a value holds a name or an identifier.

        Args:
            text: The value.
            fewest: Letters that a word of a name has at least.
        """
        words = _words(text)
        whole, together = f" {' '.join(_parts(text))} ", "".join(words)
        return (
            any(len(word) >= fewest for word in self._words.intersection(words))
            or any(name in together for name in self._joined)
            or any(f" {number} " in whole for number in self._numbers)
        )


def _names(dataset: Dataset, keyword: str) -> list[str]:
    """Return the names of an attribute, each in all its scripts, without titles."""
    value = dataset.get(keyword) or ""
    return [
        " ".join(" ".join(group.split("^")[:NAME_PARTS]) for group in str(name).split("="))
        for name in (value if isinstance(value, MultiValue) else [value])
    ]


def _letters(name: str, fewest: int) -> set[str]:
    return {word for word in _words(name) if len(word) >= fewest and word.isalpha()}


def _words(text: str) -> list[str]:
    """Return the letters and the digits of a text, apart, in each spelling."""
    # Composed first: macOS writes a letter and its accent as two signs.
    whole = unicodedata.normalize("NFKC", text).casefold()
    spellings = dict.fromkeys((whole.translate(SPELT_OUT), whole))
    return [word for one in spellings for word in _parts(one)]


def _parts(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", _bare(text.casefold()))


def _bare(text: str) -> str:
    """Leave out the marks above and below letters."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in letters if not unicodedata.combining(sign))


def _spaced(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
