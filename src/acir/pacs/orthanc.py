"""An Orthanc followed by its own feed of changes, which is durable and never tells of deletions."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydicom.datadict import tag_for_keyword

from acir.errors import GoneError, PacsError, UnreachableError, UsageError
from acir.pacs.client import Client
from acir.pacs.feed import Changes, Description, Feed, Listing
from acir.pacs.own import is_ours
from acir.pacs.patience import Patience
from acir.pacs.place import KEYWORDS
from acir.pacs.qido import is_uid
from acir.pacs.settings import PacsTable

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
LEVELS = {
    "instances": "SOPInstanceUID",
    "series": "SeriesInstanceUID",
    "studies": "StudyInstanceUID",
}
REFERENCE = "FrameOfReferenceUID"


@dataclass(frozen=True)
class Series:
    """A series as it is now.

    Attributes:
        handle: Orthanc's identifier of it.
        instances: Those of its instances.
        is_stable: Whether nothing has come to it for a while.
    """

    handle: str
    instances: tuple[str, ...]
    is_stable: bool


@dataclass(frozen=True)
class Member:
    """An instance of a series, as Orthanc read it when it came; it stays in memory.

    Attributes:
        description: What decides whether it is wanted.
        reference: UID of its frame of reference, or empty.
        words: What `acir.pacs.place.place_of` reads.
    """

    description: Description
    reference: str
    words: Mapping[str, str]


class Orthanc(Feed):
    """An Orthanc; a handle is Orthanc's identifier of an instance."""

    poll_seconds = 0.25
    is_news = True
    change: ClassVar[str] = "NewInstance"

    def __init__(self, server: PacsTable) -> None:
        self._name = server.name
        self._max_mib = server.max_mib
        self._client = Client(server, server.orthanc)

    def changes(self, since: int) -> Changes:
        """Return the next changes after a number; those of another kind count, too."""
        query = {"since": str(since), "limit": str(PAGE)}
        found = self._object(self._client.json(["changes"], query))
        try:
            new = [c["ID"] for c in found["Changes"] if c["ChangeType"] == self.change]
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

    def listing(self) -> Listing:
        """Return all instances, as they are at one moment."""
        found = self._client.json(["instances"])
        if not isinstance(found, list):
            raise self._odd()
        return Listing(tuple(self._checked(found)))

    def describe(self, handle: str) -> Description:
        """Return what Orthanc read from the file when it came."""
        return _described(self._json("instances", handle, "tags"))

    def file(self, handle: str) -> bytes:
        """Return the file as it was stored."""
        content, _ = self._client.fetch(
            ["instances", handle, "file"], None, "application/dicom", self._max_mib
        )
        return content

    def uid_of(self, identifier: str) -> str:
        """Return the UID of an instance, a series or a study by what Orthanc calls it.

        Raises:
            UsageError: It is none of Orthanc's identifiers.
            GoneError: It has none of that name.
            PacsError: It cannot be used.
        """
        if not IDENTIFIER.fullmatch(identifier):
            raise UsageError(
                "that is none of Orthanc's identifiers; expected five groups of eight hex digits"
            )
        for level, keyword in LEVELS.items():
            try:
                found = self._object(self._client.json([level, identifier]))
            except GoneError:
                continue
            tags = found.get("MainDicomTags")
            uid = tags.get(keyword) if isinstance(tags, Mapping) else None
            if not isinstance(uid, str) or not is_uid(uid):
                raise self._odd()
            return uid
        raise GoneError(f"the server {self._name} has nothing of that name; check it")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _json(self, *path: str) -> Mapping[str, Any]:
        """Return an object whose tags are written short."""
        return self._object(self._client.json([*path], {"short": ""}))

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


class OrthancSeries(Orthanc):
    """An Orthanc followed series by series: what changes is a series that has become stable."""

    change = "StableSeries"

    def series(self) -> list[Series]:
        """Return all series with their instances, as they are at one moment."""
        found = self._client.json(["series"], {"expand": ""})
        if not isinstance(found, list):
            raise self._odd()
        try:
            return [
                Series(
                    self._checked([one["ID"]])[0],
                    tuple(self._checked(one["Instances"])),
                    one["IsStable"] is True,
                )
                for one in found
            ]
        except (KeyError, TypeError):
            raise self._odd() from None

    def members(self, handle: str, patience: Patience) -> dict[str, Member | PacsError]:
        """Return what Orthanc read of the instances of a series, or why it does not give it.

        By their handles. It gives nothing of a series of which it has lost a file; then each
        instance is asked for by itself.
        """
        try:
            with patience.asking():
                found = self._json("series", handle, "instances-tags")
            return {name: _member(self._object(found[name])) for name in self._checked(found)}
        except UnreachableError:
            raise
        except PacsError:
            listed = self._object(self._client.json(["series", handle])).get("Instances")
            if not isinstance(listed, list):
                raise self._odd() from None
            return {name: self._member_or_error(name, patience) for name in self._checked(listed)}

    def _member_or_error(self, handle: str, patience: Patience) -> Member | PacsError:
        try:
            with patience.asking():
                return _member(self._json("instances", handle, "tags"))
        except UnreachableError:
            raise
        except PacsError as error:
            return error


def _described(tags: Mapping[str, Any]) -> Description:
    words = {key: _word(tags, tag) for key, tag in TAGS.items()}
    return Description(**words, is_picture=ROWS in tags, is_ours=_is_ours(tags))


def _member(tags: Mapping[str, Any]) -> Member:
    words = {keyword: _word(tags, _short(keyword)) for keyword in KEYWORDS}
    return Member(_described(tags), _word(tags, _short(REFERENCE)), words)


def _word(tags: Mapping[str, Any], tag: str) -> str:
    return str(tags.get(tag, "")).strip("\0 ")


def _short(keyword: str) -> str:
    """Write a tag as Orthanc does where it is asked for short ones."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    return f"{tag >> 16:04x},{tag & 0xFFFF:04x}"


def _is_ours(tags: Mapping[str, Any]) -> bool:
    schemes = tags.get(SCHEMES)
    items = schemes if isinstance(schemes, list) else []
    designators = [str(item.get(DESIGNATOR)) for item in items if isinstance(item, Mapping)]
    return is_ours(str(tags.get(MANUFACTURER, "")), designators)
