"""What a server says of an instance: a row of QIDO-RS or WADO-RS, in the DICOM JSON model."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydicom.datadict import tag_for_keyword

from acir.pacs.enhanced import FRAMES, GROUPS, INDICES, POINTER, slices_of
from acir.pacs.feed import Description
from acir.pacs.own import is_ours
from acir.pacs.place import KEYWORDS, Place, places_of

TAGS = {"uid": "00080018", "sop_class": "00080016", "modality": "00080060", "body_part": "00180015"}
ROWS = "00280010"
MANUFACTURER = "00080070"
REFERENCE = "FrameOfReferenceUID"
SCHEMES, DESIGNATOR = "00080110", "00080102"


def described(row: Mapping[str, Any]) -> Description:
    """Return what decides whether an instance is wanted."""
    words = {key: value(row, tag) for key, tag in TAGS.items()}
    designators = [value(item, DESIGNATOR) for item in _items(row, SCHEMES)]
    ours = is_ours(value(row, MANUFACTURER), designators)
    return Description(**words, is_picture=ROWS in row, is_ours=ours)


def places(row: Mapping[str, Any]) -> tuple[Place, ...]:
    """Return where the slices of a picture lie; of what is none, none."""
    found = described(row)
    return _places(row, found.uid) if found.is_picture and not found.is_ours else ()


def value(row: Mapping[str, Any], tag: str) -> str:
    """Return the first value of an attribute of the DICOM JSON model, or an empty text."""
    return next(iter(_values(row, tag)), "")


def _places(row: Mapping[str, Any], uid: str) -> tuple[Place, ...]:
    words = {keyword: _written(row, keyword) for keyword in (*KEYWORDS, FRAMES)}
    shared, own = (_items(row, _tag(keyword)) for keyword in GROUPS)
    slices = slices_of(
        words,
        partial(_in_group, shared[0] if shared else {}),
        [partial(_in_group, group) for group in own],
        [_pointed(index) for index in _items(row, _tag(INDICES))],
    )
    return places_of(slices, id=uid, series="", reference=value(row, _tag(REFERENCE)))


def _in_group(group: Mapping[str, Any], macro: str, keyword: str) -> str:
    items = _items(group, _tag(macro))
    return _written(items[0], keyword) if items else ""


def _pointed(index: Mapping[str, Any]) -> int:
    """Return the tag that an index points to; 0 for what is none."""
    try:
        return int(value(index, _tag(POINTER)), 16)
    except ValueError:
        return 0


def _written(row: Mapping[str, Any], keyword: str) -> str:
    """Return the values of an attribute as DICOM writes them: with backslashes between."""
    return "\\".join(_values(row, _tag(keyword)))


def _tag(keyword: str) -> str:
    """Write a tag as the DICOM JSON model does."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    return f"{tag:08X}"


def _values(row: Mapping[str, Any], tag: str) -> list[str]:
    """Return the values of an attribute of the DICOM JSON model."""
    element = row.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    return [str(value).strip("\0 ") for value in values] if isinstance(values, list) else []


def _items(row: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    """Return the items of a sequence of the DICOM JSON model."""
    element = row.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    items = values if isinstance(values, list) else []
    return [item for item in items if isinstance(item, Mapping)]
