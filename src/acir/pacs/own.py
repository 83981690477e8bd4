"""How results of acir are told from pictures: by who made them, or by the codes they use.

A result that came back as if it were a picture would be found as similar to what it is about.
"""

from collections.abc import Iterable

from pydicom import Dataset

MANUFACTURER = "acir"
DESIGNATOR = "99ACIR"  # PS3.16 section 8.2: designators that begin with 99 are private


def is_ours(manufacturer: str, designators: Iterable[str]) -> bool:
    """Whether an object is a result of acir; either mark is enough, as others may remove one.

    Args:
        manufacturer: Manufacturer (0008,0070).
        designators: Of the coding schemes that the object identifies (0008,0110).

    Example:
        >>> is_ours("acir ", []), is_ours("", ["DCM", "99ACIR"]), is_ours("ACME", ["99ACME"])
        (True, True, False)
    """
    return manufacturer.strip() == MANUFACTURER or DESIGNATOR in map(str.strip, designators)


def is_our_result(dataset: Dataset) -> bool:
    """Whether a file is a result of acir."""
    schemes = dataset.get("CodingSchemeIdentificationSequence") or []
    return is_ours(
        str(dataset.get("Manufacturer") or ""),
        [str(item.get("CodingSchemeDesignator") or "") for item in schemes],
    )
