"""DICOM files below a folder, or one, read without identity."""

from collections.abc import Iterator
from pathlib import Path

from acir.errors import SourceError, UnreadableImageError
from acir.pacs.files import DICOM_SUFFIXES, is_dicom_file
from acir.pacs.reader import read
from acir.prep.decode import SUFFIXES, read_file
from acir.sources.base import (
    Source,
    SourceOptions,
    dicom_record,
    folders_mean,
    visible_files,
    walk_files,
)
from acir.types import ImageRecord, Split


class DicomSource(Source):
    """Files called `.dcm`, `.dicom` or `.ima`, and others that begin as DICOM does.

    Folders mean what they mean to `FolderSource`, except that one called after the patient or
    the study is no class. As a path could name a patient, records have none, and an error tells a
    file by its place in the order of the paths.
    """

    schemes = ("dicom",)
    suffixes = DICOM_SUFFIXES

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(location, options)
        if not Path(location).exists():
            raise SourceError(f"there is nothing at dicom:{location}; give a file or a folder")

    @classmethod
    def claims(cls, path: Path) -> bool:
        """Whether it is a DICOM file, or a folder with such and without other pictures."""
        if path.is_file():
            return is_dicom_file(path)
        found = False
        for file in visible_files(path):
            if file.suffix.lower() in SUFFIXES:
                return False
            found = found or is_dicom_file(file)
        return found

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the pictures in the order of their paths; one that comes again is an error."""
        seen: set[str] = set()
        for path, name, split, labels in self._files():
            try:
                record = self._record(path, name, split, labels)
                if record.id in seen:
                    raise UnreadableImageError(name, "it has the instance UID of an earlier file")
            except UnreadableImageError as error:
                yield error
                continue
            seen.add(record.id)
            if record.split in self.options.splits:
                yield record

    def _files(self) -> Iterator[tuple[Path, str, Split | None, tuple[str, ...]]]:
        """List the files of the wanted splits, each with a name that identifies no one."""
        place = Path(self.location)
        files = [place] if place.is_file() else walk_files(place, is_dicom_file)
        for number, path in enumerate(files, start=1):
            split, labels = folders_mean(path.relative_to(place).parts or (path.name,))
            if split is None or split in self.options.splits:
                yield path, f"DICOM file {number} of {len(files)}", split, labels

    def _record(
        self, path: Path, name: str, split: Split | None, labels: tuple[str, ...]
    ) -> ImageRecord:
        found = read(read_file(path, name), self.options.key, name, next(iter(labels), None))
        return dicom_record(found, split)
