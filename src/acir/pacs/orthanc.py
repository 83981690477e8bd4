"""An Orthanc followed by its own feed of changes, which is durable and never tells of deletions."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from acir.errors import PacsError
from acir.pacs.client import Client
from acir.pacs.feed import Changes, Description, Feed
from acir.pacs.own import is_ours
from acir.pacs.settings import Server

PAGE = 100  # changes of one answer
IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
TAGS = {
    "uid": "0008,0018",
    "sop_class": "0008,0016",
    "modality": "0008,0060",
    "body_part": "0018,0015",
}
ROWS = "0028,0010"
MANUFACTURER = "0008,0070"
SCHEMES, DESIGNATOR = "0008,0110", "0008,0102"


class Orthanc(Feed):
    """An Orthanc; a handle is Orthanc's identifier of an instance."""

    poll_seconds = 0.25
    is_news = True

    def __init__(self, server: Server) -> None:
        self._name = server.name
        self._max_mib = server.max_mib
        self._client = Client(server, server.orthanc)

    def changes(self, since: int) -> Changes:
        """Return the next changes after a number; those of series, studies and patients count."""
        query = {"since": str(since), "limit": str(PAGE)}
        found = self._object(self._client.json(["changes"], query))
        try:
            new = [c["ID"] for c in found["Changes"] if c["ChangeType"] == "NewInstance"]
            return Changes(tuple(dict.fromkeys(self._checked(new))), int(found["Last"]))
        except (KeyError, TypeError, ValueError):
            raise self._odd() from None

    def last(self) -> int:
        """Return the number of the last change; 0 before the first."""
        found = self._object(self._client.json(["changes"], {"last": ""}))
        try:
            return int(found["Last"])
        except (KeyError, TypeError, ValueError):
            raise self._odd() from None

    def listing(self) -> list[str]:
        """Return all instances, as they are at one moment."""
        found = self._client.json(["instances"])
        if not isinstance(found, list):
            raise self._odd()
        return self._checked(found)

    def describe(self, handle: str) -> Description:
        """Return what Orthanc read from the file when it came."""
        tags = self._object(self._client.json(["instances", handle, "tags"], {"short": ""}))
        words = {key: str(tags.get(tag, "")).strip("\0 ") for key, tag in TAGS.items()}
        return Description(**words, is_picture=ROWS in tags, is_ours=_is_ours(tags))

    def file(self, handle: str) -> bytes:
        """Return the file as it was stored."""
        content, _ = self._client.fetch(
            ["instances", handle, "file"], None, "application/dicom", self._max_mib
        )
        return content

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _checked(self, identifiers: Iterable[Any]) -> list[str]:
        found = list(identifiers)
        if not all(isinstance(i, str) and IDENTIFIER.fullmatch(i) for i in found):
            raise self._odd()
        return found

    def _object(self, found: object) -> Mapping[str, Any]:
        if not isinstance(found, Mapping):
            raise self._odd()
        return found

    def _odd(self) -> PacsError:
        return PacsError(
            f"the server {self._name} does not answer as an Orthanc does; check the key orthanc"
        )


def _is_ours(tags: Mapping[str, Any]) -> bool:
    schemes = tags.get(SCHEMES)
    items = schemes if isinstance(schemes, list) else []
    designators = [str(item.get(DESIGNATOR)) for item in items if isinstance(item, Mapping)]
    return is_ours(str(tags.get(MANUFACTURER, "")), designators)
