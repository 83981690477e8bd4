"""Whole slides below a folder, or one, as tiles with tissue; needs the extra `wsi`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

from acir.errors import SourceError, UnreadableImageError, suggestion
from acir.folders import exists, readable, walk_files
from acir.pacs import guard
from acir.pacs.files import is_dicom_file
from acir.pacs.levels import Level, head_of
from acir.prep.decode import Picture
from acir.privacy.pseudonym import draw_key, pseudonym
from acir.slides.opened import OpenedSlide
from acir.slides.tiles import Tile, UnfitError, Wanted, tiles_of
from acir.sources.base import Entry, Source, SourceOptions, folders_mean
from acir.splits import drawn_split
from acir.types import ImageRecord, Split

# A TIFF file may be a plain picture; below `slide:` it is a slide.
TIFF = (".tif", ".tiff")
NO_LEVEL = "it is a label or an overview of a slide, of which there is no level beside it"
RANGE = (0.0, 255.0)
LIMITS = {"mpp": (0.05, 100), "side": (32, 2048), "tissue": (0, 1), "most": (1, 1_000_000)}
WHOLE = ("side", "most")


@dataclass(frozen=True)
class _File:
    """A slide, what an error calls it, whose it is, and what its place in the folder says."""

    path: Path
    name: str
    hidden: str
    patient: str
    split: Split
    labels: tuple[str, ...]


class SlideSource(Source):
    """Tiles of the whole slides that OpenSlide reads; `slide:FOLDER` for many.

    `slide:PLACE?mpp=0.5&side=256&tissue=0.5&most=100` are the defaults; `acir.slides.tiles` says
    what they mean. Folders mean what they mean to `FolderSource`. Slides are called after patients
    and cases, so records have no path; a slide is known by a keyed hash of its path within the
    source, and an error tells it by its place in the order of the paths. A tile has the id
    `SLIDE#X,Y,LEVEL`. A slide stands for a patient, as it names none that could be relied on.

    Behind `slide:`, DICOM files of one folder and series are one slide, whose folder is no class.
    It is known by the keyed hash of the series; its patient is the Patient ID.
    """

    schemes = ("slide",)
    suffixes = (
        ".bif", ".czi", ".mrxs", ".ndpi", ".scn", ".svs", ".svslide", ".vms", ".vmu",
    )  # fmt: skip

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(location, options)
        self.place, self.wanted = _place_and_wanted(location)
        if not exists(self.place):
            raise SourceError(
                f"there is nothing at slide:{location}; give a file or a folder, and behind it, if "
                "need be, ?mpp=0.5&side=256&tissue=0.5&most=100"
            )

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the tiles, slide by slide in the order of their paths, row by row.

        What is damaged ends its slide, tiles that came before it stay.
        """
        for file in self._files():
            if isinstance(file, UnreadableImageError):
                yield file
                continue
            try:
                with OpenedSlide(file.path, file.name) as slide:
                    for found in self.decoded(self._tiles(slide, file)):
                        yield found
                        if isinstance(found, UnreadableImageError):
                            break
            except UnreadableImageError as error:
                yield error

    def _files(self) -> Iterator[_File | UnreadableImageError]:
        """List the slides of the wanted splits, each with a name that identifies no one."""
        place, kinds = self.place, {*self.suffixes, *TIFF}
        accept = lambda path: path.suffix.lower() in kinds or is_dicom_file(path)  # noqa: E731
        files = [place] if place.is_file() else walk_files(place, accept)
        slides = list(self._slides(files))
        for number, (path, found) in enumerate(slides, start=1):
            name = f"slide {number} of {len(slides)}"
            if isinstance(found, str):
                yield UnreadableImageError(name, found)
                continue
            file = self._of_dicom(path, name, found) if found else self._of_path(path, name)
            if file.split in self.options.splits:
                yield file

    def _slides(self, files: Sequence[Path]) -> Iterator[tuple[Path, Level | str | None]]:
        """Yield a file of each slide; of DICOM its first level, or why there is none."""
        parts = dict[tuple[Path, str], tuple[Path, Level | str | None]]()
        for path in files:
            found = self._part(path) if is_dicom_file(path) else None
            slide = path.parent, found.slide if isinstance(found, Level) else path.name
            if isinstance(found, Level) and not found.is_level:
                parts.setdefault(slide, (path, NO_LEVEL))
            elif slide not in parts or parts[slide][1] == NO_LEVEL:
                parts[slide] = path, found
        yield from parts.values()

    def _part(self, path: Path) -> Level | str:
        _, labels = self._folders(path.parent)
        try:
            head, label = head_of(path, path.name), next(iter(labels), None)
            return guard.warm().level(head, self.options.key, path.name, label)
        except UnreadableImageError as error:
            return error.reason

    def _of_dicom(self, path: Path, name: str, found: Level) -> _File:
        named, _ = self._folders(path.parent)
        split = named or drawn_split(draw_key(found.patient))
        labels = (found.label,) if found.label else ()
        return _File(path, name, found.slide, found.patient, split, labels)

    def _of_path(self, path: Path, name: str) -> _File:
        named, labels = self._folders(path)
        inside = path.name if self.place.is_file() else path.relative_to(self.place).as_posix()
        relative = readable(inside)
        hidden = pseudonym(self.options.key, "slide", relative)
        split = named or drawn_split(draw_key(relative))
        return _File(path, name, hidden, relative, split, labels)

    def _folders(self, path: Path) -> tuple[Split | None, tuple[str, ...]]:
        """Read split and class off the folders of a slide within the source."""
        inside = self.place.is_dir() and path != self.place
        return folders_mean(path.relative_to(self.place).parts if inside else (path.name,))

    def _tiles(self, slide: OpenedSlide, file: _File) -> Iterator[Entry]:
        try:
            tiles = tiles_of(slide.look(), self.wanted)
        except UnfitError as error:
            raise UnreadableImageError(file.name, str(error)) from None
        for tile in tiles:
            yield Entry(
                id=f"{file.hidden}#{tile.x},{tile.y},{tile.level}",
                read=partial(self._picture, slide, tile),
                split=file.split,
                labels=file.labels,
                patient=file.patient,
                metadata={
                    "slide": file.hidden,
                    "x": str(tile.x),
                    "y": str(tile.y),
                    "mpp": "unknown" if tile.mpp is None else f"{tile.mpp:.3g}",
                },
            )

    def _picture(self, slide: OpenedSlide, tile: Tile) -> Picture:
        return Picture(slide.tile(tile, self.wanted.side), RANGE)


def _place_and_wanted(location: str) -> tuple[Path, Wanted]:
    place, mark, text = location.rpartition("?")
    if not mark or exists(Path(location)):
        return Path(location), Wanted()
    texts = {key: str(value) for key, value in asdict(Wanted()).items()}
    for key, value in parse_qsl(text, keep_blank_values=True):
        if key not in texts:
            raise SourceError(
                f"slide: has no option {key!r}; it has {', '.join(texts)}."
                f"{suggestion(key, list(texts))}"
            )
        texts[key] = value
    wanted = Wanted(
        mpp=_number(texts, "mpp"),
        side=int(_number(texts, "side")),
        tissue=_number(texts, "tissue"),
        most=int(_number(texts, "most")),
    )
    return Path(place), wanted


def _number(texts: Mapping[str, str], key: str) -> float:
    low, high = LIMITS[key]
    try:
        number = float(texts[key])
    except ValueError:
        number = low - 1
    if not low <= number <= high or (key in WHOLE and number % 1):
        raise SourceError(
            f"slide: has {key}={texts[key]}, expected a {'whole ' if key in WHOLE else ''}number "
            f"from {low:g} to {high:g}"
        )
    return number
