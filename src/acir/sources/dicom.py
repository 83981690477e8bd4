"""DICOM files below a folder, or one, read without identity."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from acir.errors import SourceError, UnreadableImageError
from acir.folders import exists, visible_files, walk_files
from acir.pacs import guard
from acir.pacs.files import DICOM_SUFFIXES, is_dicom_file
from acir.pacs.frames import CHOICES, MIDDLE
from acir.pacs.place import Place
from acir.pacs.reader import DicomPicture
from acir.pacs.record import dicom_record
from acir.pacs.series import SLICES, chosen, remarks, stacks
from acir.prep.decode import SUFFIXES, read_file
from acir.sources.base import Source, SourceOptions, folders_mean
from acir.types import ImageRecord, Split

TWICE = "it has the instance UID of an earlier file"
SERIES = re.compile(r"series([1-9][0-9]{0,2})?")  # and how many slices of each stack


@dataclass(frozen=True)
class _File:
    """A file, what an error calls it, what its folders say, and which slice of its series it is.

    The frame is one of several that are slices; None where the file is one picture.
    """

    path: Path
    name: str
    split: Split | None
    label: str | None
    more: Mapping[str, str] = field(default_factory=dict)
    frame: int | None = None


_Located = dict[tuple[Split | None, str], list[tuple[_File, Place]]]


class DicomSource(Source):
    """Files called `.dcm`, `.dicom` or `.ima`, and others that begin as DICOM does.

    Folders mean what they mean to `FolderSource`, except that one called after the patient or
    the study is no class. As a path could name a patient, records have none, and an error tells a
    file by its place in the order of the paths. `dicom:PLACE@max` and the like choose a frame; see
    `acir.pacs.frames.picture_of`.

    `dicom:PLACE@series` gives the slices that speak for each series, five of each of its stacks,
    and `@series9` nine; see `acir.pacs.series`. Frames that say where they lie are slices like any
    other, with the id `INSTANCE@FRAME`; see `acir.pacs.enhanced`.
    """

    schemes = ("dicom",)
    suffixes = DICOM_SUFFIXES

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(location, options)
        self.place, choice = _place_and_choice(location)
        series = SERIES.fullmatch(choice)
        self.slices = int(series[1] or SLICES) if series else None
        self.frame = MIDDLE if series else choice
        if not exists(self.place):
            raise SourceError(
                f"there is nothing at dicom:{location}; give a file or a folder, and of several "
                "frames, which: @first, @middle, @last, @mean, @max or a number; or @series"
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
        """Yield the pictures in the order of their paths; one that comes again is an error.

        Of series, what cannot be read comes first, then one series after the other in the order of
        their first paths, stack by stack along the normal of the slices.
        """
        self.remarks = []
        located: _Located = {}
        if self.slices:
            yield from self._unplaced(located)
        seen: set[str] = set()
        files = self._chosen(located, self.slices) if self.slices else self._files()
        for file, read in guard.warm().map(self._read, files):
            if isinstance(read, UnreadableImageError):
                yield read
                continue
            record = dicom_record(read, file.split, file.more, file.frame)
            if record.id in seen:
                yield UnreadableImageError(file.name, TWICE)
            elif record.split in self.options.splits:
                yield record
            seen.add(record.id)

    def _unplaced(self, located: _Located) -> Iterator[UnreadableImageError]:
        """Note where the slices of each series lie; yield the files that do not say it."""
        seen: set[str] = set()
        for file, places in guard.warm().map(self._locate, self._files()):
            if isinstance(places, UnreadableImageError):
                yield places
            elif (first := places[0]).id in seen:
                yield UnreadableImageError(file.name, TWICE)
            else:
                seen.add(first.id)
                series = located.setdefault((file.split, first.series or first.id), [])
                series += [(file, place) for place in places]

    def _chosen(self, located: _Located, count: int) -> Iterator[_File]:
        for (_, name), members in located.items():
            found = stacks([place for _, place in members])
            self.remarks += [f"series {name}: {sentence}" for sentence in remarks(found)]
            for number, words in chosen(found, count):
                file, place = members[number]
                yield replace(file, more=words, frame=place.frame)

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
            frame = str(file.frame or self.frame)
            return file, guard.warm().read(data, key, file.name, file.label, frame)
        except UnreadableImageError as error:
            return file, error

    def _locate(self, file: _File) -> tuple[_File, tuple[Place, ...] | UnreadableImageError]:
        try:
            data = read_file(file.path, file.name)
            return file, guard.warm().locate(data, self.options.key, file.name)
        except UnreadableImageError as error:
            return file, error


def _place_and_choice(location: str) -> tuple[Path, str]:
    place, _, choice = location.rpartition("@")
    known = CHOICES.fullmatch(choice) or SERIES.fullmatch(choice)
    if known and not exists(Path(location)):
        return Path(place), choice
    return Path(location), MIDDLE
