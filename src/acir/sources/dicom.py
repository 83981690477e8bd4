"""DICOM files below a folder, or one, read without identity."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acir.errors import SourceError, UnreadableImageError
from acir.pacs import guard
from acir.pacs.files import DICOM_SUFFIXES, is_dicom_file
from acir.pacs.frames import CHOICES, MIDDLE
from acir.pacs.reader import DicomPicture
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


@dataclass(frozen=True)
class _File:
    """A file, what an error calls it, and what its folders say."""

    path: Path
    name: str
    split: Split | None
    label: str | None


class DicomSource(Source):
    """Files called `.dcm`, `.dicom` or `.ima`, and others that begin as DICOM does.

    Folders mean what they mean to `FolderSource`, except that one called after the patient or
    the study is no class. As a path could name a patient, records have none, and an error tells a
    file by its place in the order of the paths. `dicom:PLACE@max` and the like choose a frame; see
    `acir.pacs.frames.picture_of`.
    """

    schemes = ("dicom",)
    suffixes = DICOM_SUFFIXES

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(location, options)
        self.place, self.frame = _place_and_frame(location)
        if not self.place.exists():
            raise SourceError(
                f"there is nothing at dicom:{location}; give a file or a folder, and of several "
                "frames, which: @first, @middle, @last, @mean, @max or a number"
            )

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
        for file, read in guard.warm().map(self._read, self._files()):
            found = read
            if isinstance(found, DicomPicture) and found.id in seen:
                found = UnreadableImageError(
                    file.name, "it has the instance UID of an earlier file"
                )
            if isinstance(found, UnreadableImageError):
                yield found
                continue
            seen.add(found.id)
            record = dicom_record(found, file.split)
            if record.split in self.options.splits:
                yield record

    def _files(self) -> Iterator[_File]:
        """List the files of the wanted splits, each with a name that identifies no one."""
        place = self.place
        files = [place] if place.is_file() else walk_files(place, is_dicom_file)
        for number, path in enumerate(files, start=1):
            split, labels = folders_mean(path.relative_to(place).parts or (path.name,))
            if split is None or split in self.options.splits:
                name = f"DICOM file {number} of {len(files)}"
                yield _File(path, name, split, next(iter(labels), None))

    def _read(self, file: _File) -> tuple[_File, DicomPicture | UnreadableImageError]:
        try:
            data, key = read_file(file.path, file.name), self.options.key
            return file, guard.warm().read(data, key, file.name, file.label, self.frame)
        except UnreadableImageError as error:
            return file, error


def _place_and_frame(location: str) -> tuple[Path, str]:
    place, _, frame = location.rpartition("@")
    if CHOICES.fullmatch(frame) and not Path(location).exists():
        return Path(place), frame
    return Path(location), MIDDLE
