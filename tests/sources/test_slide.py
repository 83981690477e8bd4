"""Whole slides as a source: which tiles, under which names, in which split."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from acir.errors import SourceError, UnreadableImageError
from acir.privacy.pseudonym import pseudonym
from acir.slides import tiles
from acir.slides.opened import OpenedSlide
from acir.sources.base import SourceOptions, open_source
from acir.types import SPLITS, ImageRecord
from made_slides import GLASS, PINK, Page, glass, pyramid, tiff

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def data() -> bytes:
    """Return 1024 x 512 pixels at 0.5 micrometres, tissue from x 256 to 768 and below y 128."""
    pixels = glass(1024, 512)
    pixels[128:, 256:768] = PINK
    return tiff(pyramid(pixels), 0.5)


@pytest.fixture(scope="module")
def uncertain() -> bytes:
    pixels = glass(512, 512)
    pixels[:, :256] = PINK
    return tiff(pyramid(pixels))


def _written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _read(place: Path | str, **options: object) -> list[ImageRecord]:
    return list(open_source(str(place), SourceOptions(strict=True, key=KEY, **options)))  # type: ignore[arg-type]


def test_a_slide_is_its_tiles_with_tissue(tmp_path: Path, data: bytes) -> None:
    records = _read(f"slide:{_written(tmp_path / 'S12-345.tif', data)}?side=128")
    name = pseudonym(KEY, "slide", "S12-345.tif")
    # 128 pixels a tile: columns 2 to 5 and rows 1 to 3.
    places = [(x, y) for y in (128, 256, 384) for x in (256, 384, 512, 640)]
    assert [r.id for r in records] == [f"{name}#{x},{y},0" for x, y in places]
    assert [dict(r.metadata) for r in records] == [
        {"slide": name, "x": str(x), "y": str(y), "mpp": "0.5"} for x, y in places
    ]
    for record in records:
        assert np.array_equal(record.pixels, np.full((128, 128, 3), PINK))
        assert record.value_range == (0, 255)
        assert record.path is None
    assert len({(r.patient, r.split, r.draw) for r in records}) == 1


def test_a_suffix_of_scanners_needs_no_scheme(tmp_path: Path, data: bytes) -> None:
    path = _written(tmp_path / "a.svs", data)  # OpenSlide goes by the content
    assert len(_read(path)) == len(_read(f"slide:{path}")) == 2


def test_all_options_reach_the_tiles(tmp_path: Path, data: bytes) -> None:
    path = _written(tmp_path / "a.tif", data)
    every = [r.id for r in _read(f"slide:{path}?side=64")]
    assert len(every) == 46  # 6 rows of 8; at its two corners the median takes too much
    few = [r.id for r in _read(f"slide:{path}?side=64&most=2")]
    assert few == [every[11], every[34]]
    (coarse,) = {r.pixels.shape for r in _read(f"slide:{path}?mpp=2.0&side=32&tissue=0.9")}
    assert coarse == (32, 32, 3)
    assert {r.id.split(",")[-1] for r in _read(f"slide:{path}?mpp=2.0&side=32")} == {"1"}


def test_an_unknown_resolution_is_said(tmp_path: Path, uncertain: bytes) -> None:
    records = _read(f"slide:{_written(tmp_path / 'a.tif', uncertain)}?mpp=4")
    assert {r.metadata["mpp"] for r in records} == {"unknown"}
    assert [r.pixels.shape for r in records] == [(256, 256, 3)] * 2


def test_folders_are_classes_and_splits(tmp_path: Path, data: bytes) -> None:
    for name in ("train/tumour/a.tif", "test/tumour/b.svs", "val/stroma/c.TIFF", "train/notes.txt"):
        _written(tmp_path / name, data)
    records = _read(f"slide:{tmp_path}?most=1")
    assert [(r.split, r.labels) for r in records] == [
        ("test", ("tumour",)), ("train", ("tumour",)), ("val", ("stroma",)),
    ]  # fmt: skip
    assert len({r.patient for r in records}) == 3
    assert [r.labels for r in _read(f"slide:{tmp_path}?most=1#val")] == [("stroma",)]


def test_a_slide_of_another_split_is_not_opened(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        _written(tmp_path / f"{number}.tif", data)
    opened: list[str] = []
    honest = OpenedSlide.__init__

    def counted(self: OpenedSlide, path: Path, name: str) -> None:
        opened.append(path.name)
        honest(self, path, name)

    monkeypatch.setattr(OpenedSlide, "__init__", counted)
    found = {s: len(_read(f"slide:{tmp_path}?most=1", splits=frozenset({s}))) for s in SPLITS}
    assert sum(found.values()) == 12
    assert len(opened) == 12
    assert found["train"] > found["test"] > 0


def test_no_name_of_a_slide_is_told(tmp_path: Path, data: bytes) -> None:
    _written(tmp_path / "MEIER_ANNA_S12.tif", data)
    _written(tmp_path / "MEIER_HANS_S13.tif", b"torn")
    source = open_source(f"slide:{tmp_path}", SourceOptions(key=KEY))
    said = repr(list(source)) + repr(source.skipped)
    assert "MEIER" not in said
    assert [s.path for s in source.skipped] == ["slide 2 of 2"]


@pytest.fixture
def torn() -> Iterator[bytes]:
    """Yield a slide whose last tile, and only that, is missing."""
    pixels = np.empty((512, 1024, 3), np.uint8)
    pixels[:] = PINK
    pixels[448:, 960:] = (100, 60, 90)
    yield tiff([pyramid(pixels)[0], Page(np.full((128, 256, 3), PINK, np.uint8))], 0.5)[:-500]


def test_damage_ends_its_slide_and_no_other(tmp_path: Path, torn: bytes, data: bytes) -> None:
    _written(tmp_path / "a.tif", torn)
    _written(tmp_path / "b.tif", data)
    source = open_source(f"slide:{tmp_path}?side=64&most=999", SourceOptions(key=KEY))
    assert len(list(source)) == 127 + 46
    (skipped,) = source.skipped
    assert skipped.path == "slide 1 of 2, tile at 960, 448"
    assert skipped.reason == "its content is damaged"
    with pytest.raises(UnreadableImageError, match="slide 1 of 2, tile at 960, 448"):
        _read(f"slide:{tmp_path}?side=64")


def test_a_slide_without_tissue_is_skipped_with_the_reason(tmp_path: Path) -> None:
    _written(tmp_path / "a.tif", tiff([Page(np.full((64, 64, 3), GLASS, np.uint8))], 0.5))
    source = open_source(f"slide:{tmp_path}?side=32", SourceOptions(key=KEY))
    assert list(source) == []
    assert source.skipped[0].reason == "no tile of it is tissue for 50% or more"


def test_one_tile_is_in_memory_at_a_time(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tiles.Tile] = []
    honest = OpenedSlide.tile

    def counted(self: OpenedSlide, tile: tiles.Tile, side: int) -> np.ndarray:
        asked.append(tile)
        return honest(self, tile, side)

    monkeypatch.setattr(OpenedSlide, "tile", counted)
    path = _written(tmp_path / "a.tif", data)
    records = iter(open_source(f"slide:{path}?side=64", SourceOptions(key=KEY)))
    next(records)
    assert len(asked) == 1
    records.close()  # type: ignore[attr-defined]


def test_no_damage_lets_another_error_out(tmp_path: Path, data: bytes) -> None:
    rng, refused = np.random.default_rng(0), 0
    for _ in range(12):
        damaged = bytearray(data)
        for place in rng.integers(0, 400, 3):  # the first directory
            damaged[place] = rng.integers(256)
        path = _written(tmp_path / "a.tif", bytes(damaged))
        source = open_source(f"slide:{path}", SourceOptions(key=KEY))
        list(source)
        refused += len(source.skipped)
    assert refused > 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("tils=3", r"has no option 'tils'; it has mpp, side, tissue, most\."),
        ("sid=3", r"has no option 'sid'.* Did you mean 'side'"),
        ("side=31", "has side=31, expected a whole number from 32 to 2048"),
        ("side=64.5", "has side=64.5, expected a whole number from 32 to 2048"),
        ("mpp=nan", "has mpp=nan, expected a number from 0.05 to 100"),
        ("tissue=", "has tissue=, expected a number from 0 to 1"),
        ("most=0", "has most=0, expected a whole number from 1 to"),
    ],
)
def test_options_are_checked(tmp_path: Path, options: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(f"slide:{tmp_path}?{options}")


def test_a_missing_place_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"there is nothing at slide:nowhere\?mpp=1; give a file"):
        open_source("slide:nowhere?mpp=1")


def test_a_place_may_have_a_question_mark_in_its_name(tmp_path: Path, data: bytes) -> None:
    _written(tmp_path / "what?" / "a.tif", data)
    assert len(_read(f"slide:{tmp_path}/what?")) == 2
    assert len(_read(f"slide:{tmp_path}/what??most=1")) == 1
