"""Whole slides below a folder, or one, as tiles with tissue; needs the extra `wsi`."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

from acir.errors import SourceError, UnreadableImageError, suggestion
from acir.prep.decode import Picture
from acir.privacy.pseudonym import draw_key, pseudonym
from acir.slides.opened import OpenedSlide
from acir.slides.tiles import Tile, UnfitError, Wanted, tiles_of
from acir.sources.base import (
    Entry,
    Source,
    SourceOptions,
    folders_mean,
    walk_files,
)
from acir.splits import drawn_split
from acir.types import ImageRecord, Split

# A TIFF file may be a plain picture; below `slide:` it is a slide.
TIFF = (".tif", ".tiff")
RANGE = (0.0, 255.0)
LIMITS = {"mpp": (0.05, 100), "side": (32, 2048), "tissue": (0, 1), "most": (1, 1_000_000)}
WHOLE = ("side", "most")


@dataclass(frozen=True)
class _File:
    """A slide, what an error calls it, and what its place in the folder says."""

    path: Path
    name: str
    relative: str
    split: Split
    labels: tuple[str, ...]


class SlideSource(Source):
    """Tiles of the whole slides that OpenSlide reads; `slide:FOLDER` for many.

    `slide:PLACE?mpp=0.5&side=256&tissue=0.5&most=100` are the defaults; `acir.slides.tiles` says
    what they mean. Folders mean what they mean to `FolderSource`. Slides are called after patients
    and cases, so records have no path; a slide is known by a keyed hash of its path within the
    source, and an error tells it by its place in the order of the paths. A tile has the id
    `SLIDE#X,Y,LEVEL`. A slide stands for a patient, as it names none that could be relied on.
    """

    schemes = ("slide",)
    suffixes = (
        ".bif", ".czi", ".mrxs", ".ndpi", ".scn", ".svs", ".svslide", ".vms", ".vmu",
    )  # fmt: skip

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(location, options)
        self.place, self.wanted = _place_and_wanted(location)
        if not self.place.exists():
            raise SourceError(
                f"there is nothing at slide:{location}; give a file or a folder, and behind it, if "
                "need be, ?mpp=0.5&side=256&tissue=0.5&most=100"
            )

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the tiles, slide by slide in the order of their paths, row by row.

        What is damaged ends its slide, tiles that came before it stay.
        """
        for file in self._files():
            try:
                with OpenedSlide(file.path, file.name) as slide:
                    for found in self.decoded(self._tiles(slide, file)):
                        yield found
                        if isinstance(found, UnreadableImageError):
                            break
            except UnreadableImageError as error:
                yield error

    def _files(self) -> Iterator[_File]:
        """List the slides of the wanted splits, each with a name that identifies no one."""
        place = self.place
        kinds = {*self.suffixes, *TIFF}
        accept = lambda path: path.suffix.lower() in kinds  # noqa: E731
        files = [place] if place.is_file() else walk_files(place, accept)
        for number, path in enumerate(files, start=1):
            relative = path.name if place.is_file() else path.relative_to(place).as_posix()
            named, labels = folders_mean(Path(relative).parts)
            split = named or drawn_split(draw_key(relative))
            if split in self.options.splits:
                yield _File(path, f"slide {number} of {len(files)}", relative, split, labels)

    def _tiles(self, slide: OpenedSlide, file: _File) -> Iterator[Entry]:
        try:
            tiles = tiles_of(slide.look(), self.wanted)
        except UnfitError as error:
            raise UnreadableImageError(file.name, str(error)) from None
        hidden = pseudonym(self.options.key, "slide", file.relative)
        for tile in tiles:
            yield Entry(
                id=f"{hidden}#{tile.x},{tile.y},{tile.level}",
                read=partial(self._picture, slide, tile),
                split=file.split,
                labels=file.labels,
                patient=file.relative,
                metadata={
                    "slide": hidden,
                    "x": str(tile.x),
                    "y": str(tile.y),
                    "mpp": "unknown" if tile.mpp is None else f"{tile.mpp:.3g}",
                },
            )

    def _picture(self, slide: OpenedSlide, tile: Tile) -> Picture:
        return Picture(slide.tile(tile, self.wanted.side), RANGE)


def _place_and_wanted(location: str) -> tuple[Path, Wanted]:
    place, mark, text = location.rpartition("?")
    if not mark or Path(location).exists():
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
