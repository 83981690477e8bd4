"""The contract of a source, and the SOURCE argument of every command."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import ClassVar

from acir import registry
from acir.amounts import amount
from acir.errors import SourceError, UnreadableImageError, suggestion
from acir.folders import exists, readable
from acir.prep.arrays import ArrayFile
from acir.prep.decode import Picture
from acir.privacy.pseudonym import draw_key, pseudonym
from acir.splits import drawn_for_calibration, drawn_split
from acir.types import SPLITS, ImageRecord, Skipped, Split, pixel_hash

FAMILY = "acir.sources"
SPLIT_NAMES: Mapping[str, Split] = MappingProxyType(
    {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
)
LABEL_SEPARATOR = "|"


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


@dataclass(frozen=True)
class Entry:
    """What a source knows of a picture before it is decoded; see `ImageRecord`.

    Attributes:
        id: Key of the picture within its source.
        read: Decodes the picture.
        split: The split that the source names, or None to draw one.
        labels: Its class names.
        path: Path relative to the source.
        patient: The patient as the source names it; only a keyed hash goes further.
        metadata: Further columns that can be filtered.
    """

    id: str
    read: Callable[[], Picture]
    split: Split | None = None
    labels: tuple[str, ...] = ()
    path: str | None = None
    patient: str | None = field(default=None, repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def record(self, picture: Picture, key: bytes) -> ImageRecord:
        """Make a record of the decoded picture, draw what is left open, and hide the patient.

        Raises:
            UsageError: There is a patient to hide and no key.
        """
        drawn_from = draw_key(self.patient) if self.patient else pixel_hash(picture.pixels)
        return ImageRecord(
            id=self.id,
            pixels=picture.pixels,
            value_range=picture.value_range,
            inverted=picture.inverted,
            split=self.split or drawn_split(drawn_from),
            draw=drawn_for_calibration(drawn_from),
            labels=self.labels,
            patient=pseudonym(key, "patient", self.patient) if self.patient else None,
            path=self.path,
            metadata=MappingProxyType(dict(self.metadata)),
        )


class Source(ABC):
    """An iterable of `ImageRecord`s in a deterministic order.

    Iterating again gives the same records. What cannot be read is appended to `skipped`, or
    raised with `strict`. Reading starts with iteration, never in the constructor, which only
    checks that the place exists and can be what it claims.

    Attributes:
        schemes: Prefixes `name:` that choose this source.
        suffixes: File suffixes that choose this source.
        skipped: What the last iteration could not read.
        remarks: What else a person should know of what it read, a sentence each.
    """

    schemes: ClassVar[tuple[str, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, location: str, options: SourceOptions) -> None:
        self.location = location
        self.options = options
        self.skipped: list[Skipped] = []
        self.remarks: list[str] = []

    @classmethod
    def claims(cls, path: Path) -> bool:
        """Whether this source reads what is at a path that exists; suffixes decide by default."""
        return path.is_file() and path.suffix.lower() in cls.suffixes

    @abstractmethod
    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield each picture of the wanted splits, or the reason why it cannot be read."""

    def decoded(self, entries: Iterable[Entry]) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the wanted ones of some entries; those of another named split stay undecoded."""
        several, splits = 0, self.options.splits
        for entry in (e for e in entries if e.split is None or e.split in splits):
            try:
                picture = entry.read()
            except UnreadableImageError as error:
                yield error
                continue
            record = entry.record(picture, self.options.key)
            if record.split in splits:
                several += picture.has_more_pages
                yield record
        said = f"read the first page alone of TIFF files with several: {several}"
        if several and said not in self.remarks:  # pictures may be read more than once
            self.remarks.append(said)

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
            said = (
                f"{self.location} holds no picture of the split {wanted}; give a source that does"
                if len(self.options.splits) < len(SPLITS)
                else f"{self.location} holds no picture; expected images in class folders, "
                "or another source that `acir --help` names"
            )
            raise SourceError("; ".join((said, *self.remarks)))


def open_source(text: str, options: SourceOptions | None = None) -> Source:
    """Open the SOURCE argument of a command.

    `SOURCE#train`, `#val` or `#test` names a split and replaces `options.splits`. A scheme
    `name:` chooses the source, else what is at the path: a folder, or the suffix of a file.

    Args:
        text: What the user wrote.
        options: How to read it.

    Raises:
        SourceError: The place is empty, does not exist, or no source reads such a file.
    """
    options = options or SourceOptions()
    place = text
    if "#" in text and not exists(Path(text)):
        place, _, split = text.rpartition("#")
        options = replace(options, splits=frozenset({_named_split(text, split)}))
    if not place:  # which would be the current folder
        raise SourceError(
            f"the SOURCE {text!r} names no place; give a path, or `.` for this folder"
        )
    path, kinds = Path(place), _kinds()
    if not exists(path):
        return _by_scheme(place, kinds, options)
    for kind in kinds:
        if kind.claims(path):
            return kind(place, options)
    known = sorted(s for kind in kinds for s in kind.suffixes)
    raise SourceError(f"no source reads {place}; give a folder or a file of {', '.join(known)}")


def _kinds() -> list[type[Source]]:
    """List the sources by name: a folder of DICOM files is `dicom` before it is `folder`."""
    return [registry.find(FAMILY, Source, name) for name in registry.names(FAMILY)]


def passed_over(names: Sequence[str]) -> list[str]:
    """Remark on files that a source of pictures does not read; a name could be a patient's."""
    if not names:
        return []
    kinds = (k for k in _kinds() if k.schemes)
    fit = [k.schemes[0] for k in kinds if any(n.lower().endswith(k.suffixes) for n in names)]
    advice = f"; {' or '.join(f'{scheme}:FOLDER' for scheme in fit)} reads such" if fit else ""
    most = Counter(PurePath(name).suffix.lower() or "no suffix" for name in names).most_common(3)
    files = amount(len(names), "file that is", "files that are")
    kinds_met = ", ".join(suffix for suffix, _ in most)
    return [f"passed over {files} no PNG, JPEG, TIFF or BMP ({kinds_met}){advice}"]


def _named_split(text: str, split: str) -> Split:
    for known in SPLITS:
        if split == known:
            return known
    raise SourceError(
        f"{text} names the split {split!r}, expected one of {', '.join(SPLITS)}."
        f"{suggestion(split, SPLITS)}"
    )


def _by_scheme(place: str, kinds: Sequence[type[Source]], options: SourceOptions) -> Source:
    scheme, colon, rest = place.partition(":")
    for kind in kinds:
        if colon and scheme in kind.schemes:
            return kind(rest, options)
    schemes = sorted(s for kind in kinds for s in kind.schemes)
    raise SourceError(
        f"there is nothing at {place}; give a path that exists, or one of "
        f"{', '.join(f'{s}:' for s in schemes)}."
        f"{suggestion(scheme, schemes) if colon else ''}"
    )


def folders_mean(parts: Sequence[str]) -> tuple[Split | None, tuple[str, ...]]:
    """Read a split and a class off the folders of a path within a source.

    The first folder is the split where it is called so, in any case: train, val (or valid,
    validation) or test. The next one is the class; folders below it mean nothing.

    Args:
        parts: The path, folder by folder; the file's name comes last.

    Example:
        >>> folders_mean(("Train", "cat", "old", "1.png"))
        ('train', ('cat',))
        >>> folders_mean(("1.png",))
        (None, ())

    Raises:
        SourceError: The name of the class has what separates several labels.
    """
    folders = [readable(part) for part in parts[:-1]]
    split = SPLIT_NAMES.get(folders[0].lower()) if folders else None
    labels = tuple(folders[1:2] if split else folders[:1])
    if any(LABEL_SEPARATOR in label for label in labels):
        raise SourceError(
            f"the folder {labels[0]!r} cannot name a class, since {LABEL_SEPARATOR} stands between "
            "the labels of a picture of several; rename it, or list its pictures in a table"
        )
    return split, labels


def array_entries(arrays: ArrayFile, splits: frozenset[Split]) -> Iterator[Entry]:
    """List the pictures of an array file, split by split; only wanted splits are read."""
    for split in SPLITS:
        for item in arrays.items(split) if split in splits else ():
            name = f"{split}/{item.position:06d}"
            named = item.file if item.file and not PurePath(item.file).is_absolute() else None
            yield Entry(name, partial(item.picture, name), split, item.labels, path=named)
