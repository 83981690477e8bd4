"""A PACS that speaks DICOMweb: instances are found by QIDO-RS and fetched by WADO-RS (PS3.18).

Without a feed of changes, what is new is found by asking again for the studies of the last days,
and all else by the comparison with everything that there is.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from email.message import Message
from functools import partial
from time import time
from typing import Any

from pydicom.datadict import keyword_dict

from acir.errors import FailedError, GoneError, PacsError, UnreachableError, UsageError, suggestion
from acir.pacs.client import Client
from acir.pacs.feed import Changes, Description, Feed, Listing
from acir.pacs.pages import listed
from acir.pacs.patience import Patience
from acir.pacs.place import Place
from acir.pacs.rows import described, places, value
from acir.pacs.settings import PacsTable

IDENTIFIER = re.compile(r"[0-9]+(\.[0-9]+)*")  # PS3.5 9.1
LONGEST = 64
LEVELS = ("0020000D", "0020000E", "00080018")  # study, series, instance
KEYWORDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
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
        found = self.search({"StudyDate": f"{start:%Y%m%d}-"})
        return Changes(found.handles, max(now, since))

    def last(self) -> int:
        """Return the time, in seconds, if the server answers at all."""
        now = int(time())
        with suppress(FailedError):  # it answers, though it may have lost its first instance
            self._client.json(["instances"], {"limit": "1"}, "application/dicom+json")
        return now

    def listing(self) -> Listing:
        """Return all instances.

        Pages shift when something is deleted between two of them, so all are asked for twice: who
        is missing both times is gone.
        """
        first, second = self.search({}), self.search({})
        handles = dict.fromkeys([*first.handles, *second.handles])
        return Listing(tuple(handles), max(first.unnamed, second.unnamed))

    def search(self, query: Mapping[str, str]) -> Listing:
        """Return the instances that meet all of a query.

        Args:
            query: Values by keyword of the attribute.

        Raises:
            PacsError: The server cannot be used, or does not answer as QIDO-RS.
        """
        return listed(partial(self._page, query))

    def _page(self, query: Mapping[str, str], limit: int, offset: int) -> list[str]:
        paged = {**query, "limit": str(limit), "offset": str(offset)}
        page = self._client.json(["instances"], paged, "application/dicom+json")
        if page is None:  # status 204: there is none
            return []
        if not isinstance(page, list):
            raise self._odd()
        return ["/".join(self._identifiers(row)) for row in page]

    def named(self, uid: str) -> Listing:
        """Return an instance, or all those of a series or a study.

        They are in the order in which a device counts.

        Raises:
            UsageError: It is no UID.
            GoneError: There is nothing of that name.
            FailedError: There is, and the server fails to name any of it.
            PacsError: The server cannot be used, or answers with something else.
        """
        if not is_uid(uid):
            raise UsageError("that is no UID; expected digits and dots, at most 64 characters")
        for place, keyword in reversed(list(enumerate(KEYWORDS))):
            found = self.search({keyword: uid})
            if any(handle.split("/")[place] != uid for handle in found.handles):
                raise PacsError(
                    f"the server {self._name} answers with other instances than those of the UID "
                    "that it was asked for, so it cannot be asked by UID"
                )
            if found.handles:
                return Listing(tuple(sorted(found.handles, key=_numbers)), found.unnamed)
            if found.unnamed:
                raise FailedError(
                    f"the server {self._name} fails to name what it has there; see whether it can "
                    "read its files"
                )
        raise GoneError(f"the server {self._name} has nothing of that name; check it")

    def describe(self, handle: str) -> Description:
        """Return what decides whether an instance is wanted."""
        found = self._client.json([*_path(handle), "metadata"], None, "application/dicom+json")
        if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], Mapping):
            raise self._odd()
        return described(found[0])

    def places(self, series: str, patience: Patience) -> dict[str, tuple[Place, ...] | PacsError]:
        """Return where the slices of a series lie, by instance, or why the server does not say.

        Several are the frames of an instance, see `acir.pacs.enhanced`; what is no picture has
        none. Some servers give nothing of a series of which they have lost a file; then each
        instance is asked for by itself.

        Args:
            series: `study/series`.
            patience: With the server.

        Raises:
            GoneError: There is no such series.
            UnreachableError: The server does not answer, or was silent about too many.
            PacsError: The server cannot be used, or does not answer as QIDO-RS.
        """
        try:
            with patience.asking():
                found = self._metadata(series)
            return {handle: places(row) for handle, row in found.items()}
        except UnreachableError:
            raise
        except PacsError:
            query = dict(zip(KEYWORDS, series.split("/"), strict=False))
            listing = self.search(query).handles
            handles = [handle for handle in listing if handle.rpartition("/")[0] == series]
            if not handles:
                raise
            return {handle: self._slices_or_error(handle, patience) for handle in handles}

    def _slices_or_error(self, handle: str, patience: Patience) -> tuple[Place, ...] | PacsError:
        try:
            with patience.asking():
                return places(self._metadata(handle)[handle])
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
        found = tuple(value(row, tag) for tag in LEVELS) if isinstance(row, Mapping) else ()
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
