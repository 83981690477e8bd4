"""The contract of a source, the SOURCE argument of every command, and how splits are drawn."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from acir import registry
from acir.errors import SourceError, UnreadableImageError, suggestion
from acir.types import SPLITS, ImageRecord, Skipped, Split

FAMILY = "acir.sources"
TRAIN_END = 0.7
VAL_END = 0.8


@dataclass(frozen=True)
class SourceOptions:
    """How a source is to be read.

    Attributes:
        splits: The splits to yield.
        strict: Raise at the first unreadable picture instead of counting it.
        download: Whether a source may fetch its official file.
        key: Secret for the keyed hashes of patients and of DICOM identifiers.
    """

    splits: frozenset[Split] = frozenset(SPLITS)
    strict: bool = False
    download: bool = False
    key: bytes = field(default=b"", repr=False)


class Source(ABC):
    """An iterable of `ImageRecord`s in a deterministic order.

    Iterating again gives the same records. What cannot be read is appended to `skipped`, or
    raised with `strict`. Reading starts with iteration, never in the constructor, which only
    checks that the place exists and can be what it claims.

    Attributes:
        schemes: Prefixes `name:` that choose this source.
        suffixes: File suffixes that choose this source.
        skipped: What the last iteration could not read.
    """

    schemes: ClassVar[tuple[str, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, location: str, options: SourceOptions) -> None:
        self.location = location
        self.options = options
        self.skipped: list[Skipped] = []

    @abstractmethod
    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield each picture of the wanted splits, or the reason why it cannot be read."""

    def __iter__(self) -> Iterator[ImageRecord]:
        """Yield the pictures that can be read.

        Raises:
            UnreadableImageError: One cannot be read and the source is strict.
            SourceError: There is no picture at all.
        """
        self.skipped = []
        empty = True
        for found in self.records():
            empty = False
            if isinstance(found, ImageRecord):
                yield found
            elif self.options.strict:
                raise found
            else:
                self.skipped.append(Skipped(found.path, found.reason, found.code))
        if empty:
            wanted = ", ".join(s for s in SPLITS if s in self.options.splits)
            raise SourceError(
                f"{self.location} holds no picture of the split {wanted}; give a source that does"
                if len(self.options.splits) < len(SPLITS)
                else f"{self.location} holds no picture; expected images in class folders, "
                "or another source that `acir --help` names"
            )


def open_source(text: str, options: SourceOptions | None = None) -> Source:
    """Open the SOURCE argument of a command.

    `SOURCE#train`, `#val` or `#test` names a split and replaces `options.splits`. A scheme
    `name:` chooses the source, else the suffix of a file, else it is a folder.

    Args:
        text: What the user wrote.
        options: How to read it.

    Raises:
        SourceError: The place does not exist, or no source reads such a file.
    """
    options = options or SourceOptions()
    place, _, split = text.partition("#")
    if split:
        if split not in SPLITS:
            raise SourceError(
                f"{text} names the split {split!r}, expected one of {', '.join(SPLITS)}."
                f"{suggestion(split, SPLITS)}"
            )
        chosen = frozenset(s for s in SPLITS if s == split)
        options = SourceOptions(chosen, options.strict, options.download, options.key)
    scheme, colon, rest = place.partition(":")
    kinds = [registry.find(FAMILY, Source, name) for name in registry.names(FAMILY)]
    if colon and not Path(place).exists():
        for kind in kinds:
            if scheme in kind.schemes:
                return kind(rest, options)
    path = Path(place)
    if not path.exists():
        raise SourceError(f"there is nothing at {place}; give a path that exists")
    suffix = path.suffix.lower() if path.is_file() else ""
    for kind in kinds:
        if suffix in kind.suffixes:
            return kind(place, options)
    known = sorted(s for kind in kinds for s in kind.suffixes if s)
    raise SourceError(f"no source reads {place}; give a folder or a file of {', '.join(known)}")


def uniform(key: str, purpose: str) -> float:
    """Draw a number in [0, 1), six decimals, from a key: the same on every machine.

    Six decimals tell too little to find the key again.

    Args:
        key: The patient where one is known, else the hash of the pixels.
        purpose: Keeps draws for different purposes independent.
    """
    digest = sha256(f"{purpose}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 1_000_000 / 1_000_000


def drawn_split(key: str) -> Split:
    """Assign a split by hash where a source gives none: 70 % train, 10 % val, 20 % test."""
    position = uniform(key, "split")
    if position < TRAIN_END:
        return "train"
    return "val" if position < VAL_END else "test"


def drawn_for_calibration(key: str) -> float:
    """Draw `ImageRecord.draw`, which decides which pictures are kept for calibration."""
    return uniform(key, "calibration")


def walk_files(folder: Path, accept: Callable[[Path], bool]) -> list[Path]:
    """List the files below a folder that are accepted, in order; hidden ones are passed over."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and accept(path)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
