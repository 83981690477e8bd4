"""What PS3.15 demands for each attribute: table E.1-1 as dicom-anonymizer ships it.

The table is taken as data; the walk over a file is our own (`acir.privacy.deid`).
"""

from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Literal

EDITION = "2026c"
PACKAGE = "dicomanonymizer.dicom_anonymization_databases"

Action = Literal["remove", "empty", "replace"]

# Where the standard leaves a choice (X/Z, X/D, Z/D, X/Z/D) the kind of object decides, which an
# attribute does not know: the last one named keeps every kind valid. Sequences of references
# (X/Z/U*) and UIDs (U) are replaced too, the UIDs by keyed ones.
ACTIONS: tuple[tuple[str, Action], ...] = (
    ("X_TAGS", "remove"),
    ("Z_TAGS", "empty"),
    ("X_Z_TAGS", "empty"),
    ("D_TAGS", "replace"),
    ("Z_D_TAGS", "replace"),
    ("X_D_TAGS", "replace"),
    ("X_Z_D_TAGS", "replace"),
    ("X_Z_U_STAR_TAGS", "replace"),
    ("U_TAGS", "replace"),
)


@cache
def actions() -> dict[int, Action]:
    """Return what is to be done with each attribute that the standard names, by its tag.

    Repeating groups (curves 50xx, overlays 60xx) are left out: they always go.
    """
    table = import_module(f"{PACKAGE}.dicomfields_{EDITION}")
    return {
        group << 16 | element: action
        for name, action in ACTIONS
        for group, element, *mask in getattr(table, name)
        if not mask
    }


def description() -> str:
    """Name the table and its version, as every output states it."""
    return f"PS3.15 E.1-1 {EDITION}, dicom-anonymizer {version('dicom-anonymizer')}"
