"""The instances that a query finds on a DICOMweb server."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from acir.errors import PacsError, SourceError, UnreachableError, UnreadableImageError
from acir.pacs import guard
from acir.pacs.series import SLICES, chosen, remarks, stacks
from acir.pacs.settings import LEVEL, LEVELS, SERVER, load
from acir.privacy.pseudonym import pseudonym
from acir.sources.base import Source, SourceOptions, dicom_record
from acir.types import ImageRecord

if TYPE_CHECKING:
    from acir.pacs.qido import DicomWeb
    from acir.pacs.reader import DicomPicture


class DicomWebSource(Source):
    """`dicomweb:CONFIG?server=NAME&KEYWORD=VALUE...`: what meets all of the query.

    The server is one of the configuration, which is that of `acir pacs`; where it has only one,
    `server` may be left out. Records have no path, and an error tells an instance by its place in
    the order of the identifiers.

    With `level=series` in the query, each series of which it finds an instance gives the slices
    that speak for it, as of `dicom:PLACE@series`; no other slice is fetched.
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
            PacsError: The server cannot be.
        """
        # Here, as whoever reads other sources may not have what it needs.
        from acir.pacs.qido import DicomWeb, check_query  # noqa: PLC0415

        check_query(self._query)
        self.remarks = []
        seen: set[str] = set()
        with closing(DicomWeb(self._server)) as server:
            wanted = self._wanted(server)
            named = [
                (f"instance {n} of {len(wanted)}", handle, more)
                for n, (handle, more) in enumerate(wanted.items(), start=1)
            ]
            read = partial(_read, server, self.options.key)
            for name, found, more in guard.warm().map(read, named):
                if isinstance(found, UnreadableImageError):
                    yield found
                elif found.id in seen:
                    yield UnreadableImageError(name, "it has the UID of an earlier instance")
                else:
                    seen.add(found.id)
                    record = dicom_record(found, more=more)
                    if record.split in self.options.splits:
                        yield record

    def _wanted(self, server: "DicomWeb") -> dict[str, Mapping[str, str]]:
        """Return the handles of what is to be fetched, each with words about it."""
        handles = sorted(server.search(self._query))
        if self._level == "instance":
            return {handle: {} for handle in handles}
        wanted = dict[str, Mapping[str, str]]()
        for series in dict.fromkeys(handle.rpartition("/")[0] for handle in handles):
            places = server.places(series)
            found, members = stacks(list(places.values())), list(places)
            name = pseudonym(self.options.key, "series", series.rpartition("/")[2])
            self.remarks += [f"series {name}: {sentence}" for sentence in remarks(found)]
            wanted |= {members[number]: words for number, words in chosen(found, SLICES)}
        return wanted


def _read(
    server: "DicomWeb", key: bytes, instance: tuple[str, str, Mapping[str, str]]
) -> tuple[str, "DicomPicture | UnreadableImageError", Mapping[str, str]]:
    name, handle, more = instance
    try:
        return name, guard.warm().read(server.file(handle), key, name), more
    except UnreachableError:
        raise
    except PacsError as error:
        return name, UnreadableImageError(name, str(error)), more
    except UnreadableImageError as error:
        return name, error, more
