"""The private coding scheme 99ACIR: the terms of a result that no public scheme has.

`docs/reference/coding-scheme.md` prints it. A code that was once published keeps its meaning.
"""

from collections.abc import Mapping
from types import MappingProxyType

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.sr.coding import Code

from acir.pacs.own import DESIGNATOR

NAME = "acir, retrieval of similar medical images"
VERSION = "1"

# Code value -> (code meaning, definition). A meaning has at most 64 letters.
TERMS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "boundary": (
            "Boundary of what the model knows",
            "A finding about the picture as a whole: is it of a kind that the model knows?",
        ),
        "verdict": ("Verdict", "The answer of the gate to that question."),
        "known": ("Known", "The picture is of a kind that the model knows."),
        "caution": ("Caution", "Unusual among ordinary pictures; answered with a warning."),
        "unknown": ("Unknown", "Of a kind that the model does not know; no answer is given."),
        "reason": ("Reason of the verdict", "The strongest evidence, as a reason code."),
        "p-value": (
            "p-value of the verdict",
            "Share of ordinary pictures that look at least as unusual, in (0, 1].",
        ),
        "similar-case": (
            "Similar stored case",
            "A picture of the index that is like this one; it is no finding in this one.",
        ),
        "rank": ("Rank", "1 for the most similar case."),
        "similarity": (
            "Similarity",
            "In [0, 1]: the calibrated probability that the case is of this picture's class.",
        ),
        "distance": ("Hamming distance", "Bits in which the codes of the two pictures differ."),
        "class": ("Class", "What the index calls the class of the case."),
        "deviation": (
            "Standardised residual",
            "How far the model's reconstruction misses a pixel, in standard deviations from the "
            "mean of its training pictures; above 0 where it misses by more than usual.",
        ),
    }
)


def term(value: str) -> Code:
    """Return the code of a term of the scheme."""
    return Code(value, DESIGNATOR, TERMS[value][0])


def reason(code: str) -> Code:
    """Return a reason code of the gate as a code of the scheme.

    Every detector brings its own, so they are not listed here: the word itself is the code.

    Example:
        >>> reason("nearest-neighbour").meaning
        'nearest neighbour'
    """
    return Code(code, DESIGNATOR, code.replace("-", " "))


def scheme() -> CodingSchemeIdentificationItem:
    """Say in an object what the scheme is (PS3.3 C.12.1.1.7)."""
    return CodingSchemeIdentificationItem(
        DESIGNATOR, name=NAME, version=VERSION, responsible_organization="acir"
    )
