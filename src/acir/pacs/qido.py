"""A PACS that speaks DICOMweb: instances are found by QIDO-RS and fetched by WADO-RS (PS3.18).

Without a feed of changes, what is new is found by asking again for the studies of the last days,
and all else by the comparison with everything that there is.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from email.message import Message
from functools import partial
from time import time
from typing import Any

from pydicom.datadict import keyword_dict, tag_for_keyword

from acir.errors import GoneError, PacsError, UnreachableError, UsageError, suggestion
from acir.pacs.client import Client
from acir.pacs.enhanced import FRAMES, GROUPS, INDICES, POINTER, slices_of
from acir.pacs.feed import Changes, Description, Feed
from acir.pacs.own import is_ours
from acir.pacs.patience import Patience
from acir.pacs.place import KEYWORDS as PLACE_KEYWORDS
from acir.pacs.place import Place, places_of
from acir.pacs.settings import PacsTable

PAGE = 500  # instances of one answer
IDENTIFIER = re.compile(r"[0-9]+(\.[0-9]+)*")  # PS3.5 9.1
LONGEST = 64
LEVELS = ("0020000D", "0020000E", "00080018")  # study, series, instance
KEYWORDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
TAGS = {"uid": "00080018", "sop_class": "00080016", "modality": "00080060", "body_part": "00180015"}
ROWS = "00280010"
MANUFACTURER = "00080070"
REFERENCE = "FrameOfReferenceUID"
SCHEMES, DESIGNATOR = "00080110", "00080102"
PARTS = 3  # what is before, the only one, and the end


class DicomWeb(Feed):
    """A server; a handle is `study/series/instance`, and changes are counted in seconds.

    Args:
        server: Of the configuration.
    """

    poll_seconds = 60.0
    is_news = False

    def __init__(self, server: PacsTable) -> None:
        self._name = server.name
        self._max_mib = server.max_mib
        self._client = Client(server, server.url)

    def changes(self, since: int) -> Changes:
        """Return the instances of studies from the day before `since` on."""
        now = int(time())
        start = date.fromtimestamp(since) - timedelta(days=1)
        return Changes(tuple(self.search({"StudyDate": f"{start:%Y%m%d}-"})), max(now, since))

    def last(self) -> int:
        """Return the time, in seconds, if the server answers at all."""
        now = int(time())
        self._client.json(["instances"], {"limit": "1"}, "application/dicom+json")
        return now

    def listing(self) -> list[str]:
        """Return all instances.

        Pages shift when something is deleted between two of them, so all are asked for twice: who
        is missing both times is gone.
        """
        return list(dict.fromkeys([*self.search({}), *self.search({})]))

    def search(self, query: Mapping[str, str]) -> list[str]:
        """Return the handles of the instances that meet all of a query, page by page.

        Args:
            query: Values by keyword of the attribute.

        Raises:
            PacsError: The server cannot be used, or does not answer as QIDO-RS.
        """
        found = dict[str, None]()
        while True:
            paged = {**query, "limit": str(PAGE), "offset": str(len(found))}
            page = self._client.json(["instances"], paged, "application/dicom+json")
            if page is None:  # status 204: there is none
                page = []
            if not isinstance(page, list):
                raise self._odd()
            before = len(found)
            found |= dict.fromkeys("/".join(self._identifiers(row)) for row in page)
            if len(found) == before:  # the end, or a server that has no pages
                return list(found)

    def named(self, uid: str) -> list[str]:
        """Return the handles of an instance, or of all those of a series or a study.

        They are in the order in which a device counts.

        Raises:
            UsageError: It is no UID.
            GoneError: There is nothing of that name.
            PacsError: The server cannot be used, or answers with something else.
        """
        if not is_uid(uid):
            raise UsageError("that is no UID; expected digits and dots, at most 64 characters")
        for place, keyword in reversed(list(enumerate(KEYWORDS))):
            found = self.search({keyword: uid})
            if any(handle.split("/")[place] != uid for handle in found):
                raise PacsError(
                    f"the server {self._name} answers with other instances than those of the UID "
                    "that it was asked for, so it cannot be asked by UID"
                )
            if found:
                return sorted(found, key=_numbers)
        raise GoneError(f"the server {self._name} has nothing of that name; check it")

    def describe(self, handle: str) -> Description:
        """Return what decides whether an instance is wanted."""
        found = self._client.json([*_path(handle), "metadata"], None, "application/dicom+json")
        if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], Mapping):
            raise self._odd()
        return _described(found[0])

    def places(self, series: str) -> dict[str, tuple[Place, ...] | PacsError]:
        """Return where the slices of a series lie, by instance, or why the server does not say.

        Several are the frames of an instance, see `acir.pacs.enhanced`; what is no picture has
        none. Some servers give nothing of a series of which they have lost a file; then each
        instance is asked for by itself.

        Args:
            series: `study/series`.

        Raises:
            GoneError: There is no such series.
            PacsError: The server cannot be used, or does not answer as QIDO-RS.
        """
        try:
            return {handle: _slices(row) for handle, row in self._metadata(series).items()}
        except UnreachableError:
            raise
        except PacsError:
            query = dict(zip(KEYWORDS, series.split("/"), strict=False))
            found = [h for h in self.search(query) if h.rpartition("/")[0] == series]
            if not found:
                raise
            patience = Patience(self._name)
            return {handle: self._slices_or_error(handle, patience) for handle in found}

    def _slices_or_error(self, handle: str, patience: Patience) -> tuple[Place, ...] | PacsError:
        try:
            with patience.asking():
                return _slices(self._metadata(handle)[handle])
        except UnreachableError:
            raise
        except PacsError as error:
            return error

    def _metadata(self, below: str) -> dict[str, Mapping[str, Any]]:
        """Return the rows of all instances below a handle, or of its own."""
        found = self._client.json([*_path(below), "metadata"], None, "application/dicom+json")
        if not isinstance(found, list) or not found:
            raise self._odd()
        rows = {"/".join(self._identifiers(row)): row for row in found}
        if not all(f"{handle}/".startswith(f"{below}/") for handle in rows):
            raise self._odd()
        return rows

    def file(self, handle: str) -> bytes:
        """Return the file of an instance, in the transfer syntax that it was stored in."""
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        content, kind = self._client.fetch(_path(handle), None, accept, self._max_mib)
        head = Message()
        head["Content-Type"] = kind
        if head.get_content_type() == "application/dicom":
            return content
        boundary = head.get_param("boundary")
        parts = content.split(f"--{boundary}".encode()) if isinstance(boundary, str) else []
        if len(parts) != PARTS:
            raise self._odd()
        return parts[1].partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _identifiers(self, row: object) -> tuple[str, ...]:
        found = tuple(_value(row, tag) for tag in LEVELS) if isinstance(row, Mapping) else ()
        if not found or not all(is_uid(uid) for uid in found):
            raise self._odd()
        return found

    def _odd(self) -> PacsError:
        return PacsError(
            f"the server {self._name} does not answer as DICOMweb does; check the key url"
        )


def is_uid(text: str) -> bool:
    """Whether a text is a UID, and so may stand in an address."""
    return len(text) <= LONGEST and IDENTIFIER.fullmatch(text) is not None


def check_query(query: Mapping[str, str]) -> None:
    """Refuse what a server might pass over, and so answer with everything.

    Raises:
        UsageError: A key is no keyword of the standard.
    """
    for key in query:
        if key not in keyword_dict:
            near = suggestion(key, keyword_dict)
            raise UsageError(
                f"the query names {key!r}, which is no keyword of DICOM; use one such as "
                f"StudyInstanceUID, StudyDate, PatientID or Modality.{near}"
            )


def _numbers(handle: str) -> list[list[int]]:
    return [[int(part) for part in uid.split(".")] for uid in handle.split("/")]


def _path(handle: str) -> list[str]:
    """Return the segments of the address of a study, a series or an instance."""
    names = zip(("studies", "series", "instances"), handle.split("/"), strict=False)
    return [segment for pair in names for segment in pair]


def _described(row: Mapping[str, Any]) -> Description:
    words = {key: _value(row, tag) for key, tag in TAGS.items()}
    designators = [_value(item, DESIGNATOR) for item in _items(row, SCHEMES)]
    ours = is_ours(_value(row, MANUFACTURER), designators)
    return Description(**words, is_picture=ROWS in row, is_ours=ours)


def _slices(row: Mapping[str, Any]) -> tuple[Place, ...]:
    """Return where the slices of a picture lie; of what is none, none."""
    described = _described(row)
    return _places(row, described.uid) if described.is_picture and not described.is_ours else ()


def _places(row: Mapping[str, Any], uid: str) -> tuple[Place, ...]:
    words = {keyword: _written(row, keyword) for keyword in (*PLACE_KEYWORDS, FRAMES)}
    shared, own = (_items(row, _tag(keyword)) for keyword in GROUPS)
    slices = slices_of(
        words,
        partial(_in_group, shared[0] if shared else {}),
        [partial(_in_group, group) for group in own],
        [_pointed(index) for index in _items(row, _tag(INDICES))],
    )
    return places_of(slices, id=uid, series="", reference=_value(row, _tag(REFERENCE)))


def _in_group(group: Mapping[str, Any], macro: str, keyword: str) -> str:
    items = _items(group, _tag(macro))
    return _written(items[0], keyword) if items else ""


def _pointed(index: Mapping[str, Any]) -> int:
    """Return the tag that an index points to; 0 for what is none."""
    try:
        return int(_value(index, _tag(POINTER)), 16)
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


def _value(row: Mapping[str, Any], tag: str) -> str:
    """Return the first value of an attribute of the DICOM JSON model, or an empty text."""
    return next(iter(_values(row, tag)), "")


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
