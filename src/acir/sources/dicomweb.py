"""The instances that a query finds on a DICOMweb server."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from acir.errors import PacsError, SourceError, UnreachableError, UnreadableImageError
from acir.pacs import guard
from acir.pacs.frames import MIDDLE
from acir.pacs.patience import Patience
from acir.pacs.place import Place
from acir.pacs.record import dicom_record
from acir.pacs.series import SLICES, chosen, remarks, stacks
from acir.pacs.settings import LEVEL, LEVELS, SERVER, load
from acir.privacy.pseudonym import pseudonym
from acir.sources.base import Source, SourceOptions
from acir.types import ImageRecord

if TYPE_CHECKING:
    from acir.pacs.qido import DicomWeb

UNNAMED = "the server fails to name it; see whether it can read its files"


@dataclass(frozen=True)
class _Slice:
    """What is wanted of an instance: a frame, or None for its only picture; and words about it."""

    frame: int | None = None
    words: Mapping[str, str] = field(default_factory=dict)


class DicomWebSource(Source):
    """`dicomweb:CONFIG?server=NAME&KEYWORD=VALUE...`: what meets all of the query.

    The server is one of the configuration, which is that of `acir pacs`; where it has only one,
    `server` may be left out. Records have no path, and an error tells an instance by its place in
    the order of the identifiers.

    With `level=series` in the query, each series of which it finds an instance gives the slices
    that speak for it, as of `dicom:PLACE@series`; no other instance is fetched.
    """

    schemes = ("dicomweb",)

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(location, options)
        place, _, text = location.partition("?")
        if not Path(place).is_file():
            raise SourceError(
                f"there is no configuration at {place}; give dicomweb:CONFIG?KEYWORD=VALUE, as in "
                "dicomweb:pacs.toml?Modality=CT"
            )
        self._query = dict(parse_qsl(text, keep_blank_values=True))
        self._server = load(Path(place)).server(self._query.pop(SERVER, ""))
        self._level = self._query.pop(LEVEL, "instance")
        if self._level not in LEVELS:
            raise SourceError(f"level is {self._level!r}, expected one of {', '.join(LEVELS)}")

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the pictures in the order of their identifiers; one that comes again is an error.

        Raises:
            UsageError: The query, the address or the credentials cannot be used.
            PacsError: The server cannot be, or is silent about one instance after another.
        """
        # Here, as whoever reads other sources may not have what it needs.
        from acir.pacs.qido import DicomWeb, check_query  # noqa: PLC0415

        check_query(self._query)
        self.remarks = []
        seen: set[str] = set()
        patience = Patience(self._server.name)
        with closing(DicomWeb(self._server)) as server:
            listing = server.search(self._query)
            wanted = self._wanted(server, patience, listing.handles)
            total = len(wanted) + listing.unnamed
            named = [
                (f"instance {n} of {total}", handle, slices)
                for n, (handle, slices) in enumerate(wanted.items(), start=1)
            ]
            read = partial(_read, server, patience, self.options.key)
            for name, slices in guard.warm().map(read, named):
                for found in slices:
                    if isinstance(found, UnreadableImageError):
                        yield found
                    elif found.id in seen:
                        yield UnreadableImageError(name, "it has the UID of an earlier instance")
                    else:
                        seen.add(found.id)
                        if found.split in self.options.splits:
                            yield found
            for n in range(len(wanted), total):
                yield UnreadableImageError(f"instance {n + 1} of {total}", UNNAMED)

    def _wanted(
        self, server: "DicomWeb", patience: Patience, handles: Iterable[str]
    ) -> dict[str, list[_Slice] | PacsError]:
        """Return what is wanted of each instance by its handle, or why that cannot be told."""
        ordered = sorted(handles)
        if self._level == "instance":
            return {handle: [_Slice()] for handle in ordered}
        wanted = dict[str, list[_Slice] | PacsError]()
        for series, found in groupby(ordered, lambda handle: handle.rpartition("/")[0]):
            wanted |= self._speaking(series, _places(server, patience, series, found))
        return wanted

    def _speaking(
        self, series: str, places: Mapping[str, tuple[Place, ...] | PacsError]
    ) -> dict[str, list[_Slice] | PacsError]:
        """Choose the slices that speak for what the server gives of a series."""
        wanted = dict[str, list[_Slice] | PacsError]()
        members = list[tuple[str, Place]]()
        for handle, found in places.items():
            if isinstance(found, PacsError):
                wanted[handle] = found
            else:
                members += [(handle, place) for place in found]
        ordered = stacks([place for _, place in members])
        name = pseudonym(self.options.key, "series", series.rpartition("/")[2])
        self.remarks += [f"series {name}: {sentence}" for sentence in remarks(ordered)]
        slices = dict[str, list[_Slice]]()
        for number, words in chosen(ordered, SLICES):
            handle, place = members[number]
            slices.setdefault(handle, []).append(_Slice(place.frame, words))
        return {**wanted, **slices}


def _places(
    server: "DicomWeb", patience: Patience, series: str, handles: Iterable[str]
) -> Mapping[str, tuple[Place, ...] | PacsError]:
    """Ask where the slices of a series lie; where it gives none, say so of what it has listed."""
    try:
        return server.places(series, patience)
    except UnreachableError:
        raise
    except PacsError as error:
        return dict.fromkeys(handles, error)


def _read(
    server: "DicomWeb",
    patience: Patience,
    key: bytes,
    instance: tuple[str, str, Sequence[_Slice] | PacsError],
) -> tuple[str, list[ImageRecord | UnreadableImageError]]:
    """Fetch an instance once, whatever is wanted of it, and read each slice."""
    name, handle, slices = instance
    if isinstance(slices, PacsError):
        return name, [UnreadableImageError(name, str(slices))]
    try:
        with patience.asking():
            data = server.file(handle)
        return name, [_record(data, key, name, one) for one in slices]
    except UnreachableError:
        raise
    except PacsError as error:
        return name, [UnreadableImageError(name, str(error))]


def _record(
    data: bytes, key: bytes, name: str, wanted: _Slice
) -> ImageRecord | UnreadableImageError:
    try:
        found = guard.warm().read(data, key, name, frame=str(wanted.frame or MIDDLE))
        return dicom_record(found, more=wanted.words, frame=wanted.frame)
    except UnreadableImageError as error:
        return error
