"""Official MedMNIST files by name, from their usual folder or downloaded there when asked."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest, md5
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar
from urllib.request import urlopen

from acir.errors import SourceError, StorageError, UnreadableImageError, suggestion
from acir.prep.arrays import ArrayFile
from acir.sources.base import Source, SourceOptions, array_entries
from acir.types import ImageRecord

ROOT_VARIABLE = "MEDMNIST_ROOT"
SIDE = "28"
CHUNK = 2**20
SECONDS = 60


@dataclass(frozen=True)
class Official:
    """What is known of a file: its class names by label number, and the MD5 of its bytes."""

    classes: tuple[str, ...]
    md5: str


def official() -> Mapping[str, Official]:
    """Read the table of official files, such as `breastmnist` and `breastmnist_64`."""
    text = files("acir.sources").joinpath("medmnist.toml").read_text(encoding="utf-8")
    return {
        name if side == SIDE else f"{name}_{side}": Official(tuple(row["classes"]), digest)
        for name, row in tomllib.loads(text).items()
        for side, digest in row["md5"].items()
    }


class MedmnistSource(Source):
    """`medmnist:breastmnist` for 28 pixels a side, `medmnist:breastmnist_64` for 64, and so on.

    The file is looked for where the `medmnist` package keeps it, in `~/.medmnist`, or in the
    folder that `MEDMNIST_ROOT` names. Every byte of it is checked before it is read.
    """

    schemes = ("medmnist",)
    mirror: ClassVar[str] = "https://zenodo.org/records/10519652/files"

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(f"medmnist:{location}", options)
        known = official()
        if location not in known:
            raise SourceError(
                f"there is no {self.location}; give one of "
                f"{', '.join(name for name in known if '_' not in name)}, with _64, _128 or _224 "
                f"for larger pictures.{suggestion(location, known)}"
            )
        self._official = known[location]
        self._path = _root() / f"{location}.npz"
        self._url = f"{self.mirror}/{location}.npz"

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the pictures in the order of the arrays, of train, val and test.

        Raises:
            SourceError: The file is missing and may not be downloaded, or is not the official
                one.
            StorageError: The download cannot be written.
        """
        if self._path.exists():
            _check(self._path, str(self._path), self._official.md5)
        elif self.options.download:
            _download(self._url, self._path, self._official.md5)
        else:
            raise SourceError(
                f"{self.location} is not at {self._path}; add --download, or fetch "
                f"{self._url} and put it there"
            )
        arrays = ArrayFile(self._path, self._official.classes)
        yield from self.decoded(array_entries(arrays, self.options.splits))


def _root() -> Path:
    given = os.environ.get(ROOT_VARIABLE)
    return Path(given) if given else Path.home() / ".medmnist"


def _check(path: Path, what: str, expected: str) -> None:
    with path.open("rb") as file:
        found = file_digest(file, partial(md5, usedforsecurity=False)).hexdigest()
    if found != expected:
        raise SourceError(
            f"{what} is not the official file: {path.stat().st_size:,} bytes with the MD5 {found}, "
            f"expected {expected}; remove it and fetch it again"
        )


def _download(url: str, path: Path, expected: str) -> None:
    """Fetch a file to its place, which it takes only when it is complete and right."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In a folder of its own, as another process may fetch the same file meanwhile.
        with TemporaryDirectory(prefix=".", dir=path.parent, ignore_cleanup_errors=True) as own:
            part = Path(own, path.name)
            with part.open("wb") as file:
                for chunk in _fetched(url):
                    file.write(chunk)
            _check(part, f"what {url} gave", expected)
            part.replace(path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}; free some space") from error


def _fetched(url: str) -> Iterator[bytes]:
    try:
        with urlopen(url, timeout=SECONDS) as answer:
            while chunk := answer.read(CHUNK):
                yield chunk
    except (OSError, HTTPException) as error:
        raise SourceError(
            f"cannot download {url}: {error}; try again, or fetch it by other means and put it "
            f"into the folder that {ROOT_VARIABLE} names"
        ) from error
