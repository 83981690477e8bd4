"""Pictures below a folder, a class a folder, or one picture file."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from acir.errors import UnreadableImageError
from acir.folders import readable, walk_files
from acir.prep.decode import SUFFIXES, decode_file
from acir.sources.base import Entry, Source, folders_mean, passed_over
from acir.types import ImageRecord


class FolderSource(Source):
    """PNG, JPEG, TIFF and BMP files, recognised by their suffix; others are passed over, and said.

    `train/cat/1.png`, `cat/1.png` and `1.png` are all understood; `folders_mean` says how. The
    id of a picture is its path relative to the folder, with forward slashes.
    """

    suffixes = SUFFIXES

    @classmethod
    def claims(cls, path: Path) -> bool:
        """Whether it is a folder or a picture file."""
        return path.is_dir() or super().claims(path)

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the pictures in the order of their paths."""
        return self.decoded(self._entries())

    def _entries(self) -> Iterator[Entry]:
        place = Path(self.location)
        if place.is_file():
            name = readable(place.name)
            yield Entry(name, partial(decode_file, place, name), path=name)
            return
        others = list[str]()
        files = walk_files(place, partial(_is_picture, others))
        self.remarks = passed_over(sorted(others))
        for path in files:
            relative = path.relative_to(place)
            split, labels = folders_mean(relative.parts)
            name = readable(relative.as_posix())
            yield Entry(name, partial(decode_file, path, name), split, labels, path=name)


def _is_picture(others: list[str], path: Path) -> bool:
    """Whether a file is called as a picture is; if not, note its name."""
    if path.suffix.lower() in SUFFIXES:
        return True
    others.append(readable(path.name))
    return False
