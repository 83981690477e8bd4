"""A zip of a folder of class folders, read without unpacking it."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath

from acir.errors import SourceError, UnreadableImageError
from acir.prep.decode import MAX_BYTES, SUFFIXES, Picture, decode, oversized
from acir.sources.base import SPLIT_NAMES, Entry, Source, SourceOptions, folders_mean, passed_over
from acir.types import ImageRecord

# The standard library unpacks other methods without a limit.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ZipSource(Source):
    """The picture files of a zip; others are passed over, and said, but for hidden ones.

    Folders mean what they mean to `FolderSource`. One folder around all class or split folders, as
    zipping a folder by its name gives it, is not taken for a class. A member that is larger than
    a picture file may be is unreadable, not unpacked.
    """

    suffixes = (".zip",)

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(location, options)
        if not zipfile.is_zipfile(location):
            raise SourceError(
                f"{location} is not a complete zip file; make it again, or unpack it and give the "
                "folder"
            )

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the pictures in the order of their paths.

        Raises:
            SourceError: The list of members is damaged.
        """
        try:
            archive = zipfile.ZipFile(self.location)
        # A list of members made of arbitrary bytes raises more than BadZipFile.
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise SourceError(
                f"{self.location} is a damaged zip file; make it again, or unpack it and give the "
                "folder"
            ) from error
        with archive:
            others = [p for p, i in _visible(archive) if not (_is_picture(p) or i.is_dir())]
            self.remarks = passed_over(sorted(map(str, others)))
            yield from self.decoded(_entries(archive))


def _entries(archive: zipfile.ZipFile) -> Iterator[Entry]:
    members = sorted((m for m in _visible(archive) if _is_picture(m[0])), key=lambda m: str(m[0]))
    depth = _wrapping_folders([path for path, _ in members])
    seen: set[PurePosixPath] = set()
    for path, info in members:
        name = str(path)
        split, labels = folders_mean(path.parts[depth:])
        read = partial(_read, archive, info, name, path in seen)
        seen.add(path)
        yield Entry(name, read, split, labels, path=name)


def _visible(archive: zipfile.ZipFile) -> Iterator[tuple[PurePosixPath, zipfile.ZipInfo]]:
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if not any(p == "__MACOSX" or (p.startswith(".") and p != "..") for p in path.parts):
            yield path, info


def _is_picture(path: PurePosixPath) -> bool:
    return path.suffix.lower() in SUFFIXES


def _wrapping_folders(paths: Sequence[PurePosixPath]) -> int:
    """Return 1 where a single folder holds several classes or any split, else 0."""
    tops = {path.parts[0] if path.parts[1:] else "" for path in paths}
    if len(tops) != 1 or "" in tops or tops & SPLIT_NAMES.keys():
        return 0
    below = {path.parts[1] for path in paths if path.parts[2:]}
    return int(len(below) > 1 or any(name.lower() in SPLIT_NAMES for name in below))


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, again: bool) -> Picture:
    if again:
        raise UnreadableImageError(name, "the zip has an earlier file of this name")
    if ".." in PurePosixPath(name).parts or name.startswith("/"):
        raise UnreadableImageError(name, "its name points out of the zip")
    if info.compress_type not in METHODS:
        raise UnreadableImageError(name, "it is packed by another method than deflate")
    if info.file_size > MAX_BYTES:
        raise oversized(name)
    try:
        with archive.open(info) as member:
            # Given a size, it unpacks no more than that; ZipFile.read would unpack everything
            # first and then compare.
            data = member.read(info.file_size)
    except EOFError as error:
        raise UnreadableImageError(name, "the zip ends within it", "truncated") from error
    except RuntimeError as error:
        raise UnreadableImageError(name, "it is encrypted") from error
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError) as error:
        raise UnreadableImageError(name, "it is damaged within the zip") from error
    return decode(data, name)
