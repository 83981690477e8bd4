"""The instances that a query finds on a DICOMweb server."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from acir.errors import PacsError, SourceError, UnreachableError, UnreadableImageError
from acir.pacs import guard
from acir.pacs.settings import SERVER, load
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

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the pictures in the order of their identifiers; one that comes again is an error.

        Raises:
            UsageError: The query, the address or the credentials cannot be used.
            PacsError: The server cannot be.
        """
        # Here, as whoever reads other sources may not have what it needs.
        from acir.pacs.qido import DicomWeb, check_query  # noqa: PLC0415

        check_query(self._query)
        seen: set[str] = set()
        with closing(DicomWeb(self._server)) as server:
            handles = sorted(server.search(self._query))
            named = [(f"instance {n} of {len(handles)}", h) for n, h in enumerate(handles, start=1)]
            read = partial(_read, server, self.options.key)
            for name, found in guard.warm().map(read, named):
                if isinstance(found, UnreadableImageError):
                    yield found
                elif found.id in seen:
                    yield UnreadableImageError(name, "it has the UID of an earlier instance")
                else:
                    seen.add(found.id)
                    record = dicom_record(found)
                    if record.split in self.options.splits:
                        yield record


def _read(
    server: "DicomWeb", key: bytes, instance: tuple[str, str]
) -> tuple[str, "DicomPicture | UnreadableImageError"]:
    name, handle = instance
    try:
        return name, guard.warm().read(server.file(handle), key, name)
    except UnreachableError:
        raise
    except PacsError as error:
        return name, UnreadableImageError(name, str(error))
    except UnreadableImageError as error:
        return name, error
