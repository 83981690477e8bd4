"""Real slides through the real OpenSlide, in a process of its own."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from acir.disposable.messages import BrokenWireError, put, said_of_pixels, shared_memory
from acir.errors import ComponentError, UnreadableImageError
from acir.slides import opened
from acir.slides.opened import OpenedSlide
from acir.slides.tiles import Look, Tile
from made_slides import GLASS, PINK, Page, glass, pyramid, tiff

APERIO = "Aperio Image Library v11.2.1 \r\n"
LABEL = (255, 0, 255)


@pytest.fixture(scope="module")
def finest() -> np.ndarray:
    pixels = glass(1024, 512)
    pixels[128:384, 256:768] = PINK
    return pixels


@pytest.fixture
def place(tmp_path: Path, finest: np.ndarray) -> Path:
    return _written(tmp_path / "a.tif", tiff(pyramid(finest), 0.5))


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _look(path: Path) -> Look:
    with OpenedSlide(path, "slide 1 of 1") as slide:
        return slide.look()


def test_a_look_says_size_levels_and_resolution(place: Path) -> None:
    look = _look(place)
    assert (look.width, look.height, look.downsamples) == (1024, 512, (1.0, 4.0))
    assert look.mpp == pytest.approx(0.5)
    # 32 pixels to one: tissue from x 8 to 24 and y 4 to 12.
    assert look.overview.shape == (16, 32, 3)
    expected = np.full((16, 32, 3), GLASS, np.uint8)
    expected[4:12, 8:24] = PINK
    assert np.array_equal(look.overview, expected)


def test_a_tile_is_what_lies_there(place: Path, finest: np.ndarray) -> None:
    with OpenedSlide(place, "a") as slide:
        slide.look()
        found = slide.tile(Tile(224, 96, 0, 64, 0.5), 64)
        assert np.array_equal(found, finest[96:160, 224:288])
        coarse = slide.tile(Tile(256, 128, 1, 32, 2.0), 32)
        assert np.array_equal(coarse, np.full((32, 32, 3), PINK))
        smaller = slide.tile(Tile(0, 0, 0, 64, 1.0), 32)
        assert np.array_equal(smaller, np.full((32, 32, 3), GLASS))


def _svs(finest: np.ndarray, words: str) -> bytes:
    levels = [Page(page.pixels, description=APERIO) for page in pyramid(finest)]
    first = Page(finest, description=f"{APERIO}1024x512 (64x64)|{words}|Filename = CANARY")
    label = Page(np.full((50, 40, 3), LABEL, np.uint8), False, f"{APERIO}label 40x50")
    return tiff([first, *levels[1:], label])


@pytest.mark.parametrize(
    ("words", "mpp"),
    [
        ("AppMag = 20|MPP = 0.2520", 0.252),
        ("AppMag = 40", 0.25),
        ("AppMag = 0", None),
        ("AppMag = nan|MPP = -1", None),
        ("MPP = inf", None),
    ],
)
def test_a_resolution_may_be_known_by_the_magnification_alone(
    tmp_path: Path, finest: np.ndarray, words: str, mpp: float | None
) -> None:
    assert _look(_written(tmp_path / "a.svs", _svs(finest, words))).mpp == mpp


def test_of_a_label_nothing_is_read(
    tmp_path: Path, finest: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openslide import OpenSlide  # noqa: PLC0415 - of an extra

    path = _written(tmp_path / "a.svs", _svs(finest, "MPP = 0.5"))
    with OpenSlide(path) as there:
        assert list(there.associated_images) == ["label"]
    log = tmp_path / "touched"
    (tmp_path / "sitecustomize.py").write_text(
        "import openslide\n"
        "def touched(self):\n"
        f"    open({str(log)!r}, 'w').close()\n"
        "openslide.OpenSlide.associated_images = property(touched)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with OpenedSlide(path, "a") as slide:
        look = slide.look()
        seen = [look.overview, *(slide.tile(Tile(x, 0, 0, 512, 0.5), 512) for x in (0, 512))]
    assert not log.exists()
    assert not any((pixels == LABEL).all(-1).any() for pixels in seen)


def test_where_nothing_was_scanned_there_is_glass(place: Path) -> None:
    with OpenedSlide(place, "a") as slide:
        slide.look()
        outside = slide.tile(Tile(2048, 2048, 0, 8, 0.5), 8)  # transparent, OpenSlide says
    assert np.array_equal(outside, np.full((8, 8, 3), 255))


@pytest.mark.parametrize("data", [b"", b"no slide at all", b"II*\0\x08\0\0\0"])
def test_what_is_no_slide_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(
        UnreadableImageError, match=r"^cannot read slide 1 of 1: its content is no whole slide of"
    ):
        _look(_written(tmp_path / "a.svs", data))


def test_damage_is_met_where_it_is_read(tmp_path: Path) -> None:
    finest = glass(1024, 512)
    finest[448:, 960:] = PINK  # the last tile of the finest level, and of the file
    pages = pyramid(finest)
    whole = tiff([pages[0], Page(glass(256, 128))], 0.5)
    with OpenedSlide(_written(tmp_path / "a.tif", whole[:-500]), "slide 2 of 9") as slide:
        slide.look()
        slide.tile(Tile(0, 0, 0, 64, 0.5), 64)
        with pytest.raises(
            UnreadableImageError,
            match=r"^cannot read slide 2 of 9, tile at 960, 448: its content is damaged$",
        ):
            slide.tile(Tile(960, 448, 0, 64, 0.5), 64)


def test_a_slide_that_is_damaged_all_over_is_refused(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:2000])
    with pytest.raises(UnreadableImageError, match="its content is "):
        _look(place)


def test_a_slide_without_small_levels_is_refused(
    tmp_path: Path, finest: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from acir.slides import tiles\ntiles.MOST_PIXELS = 1000\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(UnreadableImageError, match="no level of at most 1,000 pixels to look for"):
        _look(_written(tmp_path / "a.tif", tiff(pyramid(finest), 0.5)))


def test_a_process_that_ends_is_an_unreadable_slide(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, openslide\nopenslide.OpenSlide.read_region = lambda *_: os.abort()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(UnreadableImageError, match="its content made the decoder crash"):
        _look(place)


def test_no_process_is_left(place: Path) -> None:
    with OpenedSlide(place, "a") as slide:
        slide.look()
        pid = slide._worker._process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.fixture
def memory() -> Iterator[int]:
    memory = shared_memory()
    put(memory, bytes(12))
    yield memory
    os.close(memory)


GOOD = {
    "size": [4, 2],
    "downsamples": [1.0],
    "mpp": None,
    **said_of_pixels(np.zeros((2, 2, 3), np.uint8)),
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": [0, 2]}, "no slide"),
        ({"downsamples": [-1]}, "no slide"),
        ({"downsamples": []}, "no slide"),
        ({"downsamples": [1, float("nan")]}, "no slide"),
        ({"mpp": -1}, "no slide"),
        ({"mpp": 0}, "no slide"),
        ({"mpp": float("nan")}, "no slide"),
        ({"shape": [3, 4]}, "no colours"),
        ({"type": "<i2", "shape": [2, 3]}, "no colours"),
    ],
)
def test_a_hostile_process_can_say_no_nonsense(
    memory: int, change: dict[str, object], reason: str
) -> None:
    assert opened._look_of(GOOD, memory).width == 4
    with pytest.raises(BrokenWireError, match=reason):
        opened._look_of({**GOOD, **change}, memory)


def test_without_openslide_the_extra_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(opened, "find_spec", lambda name: None if "slide" in name else there(name))
    with pytest.raises(ComponentError, match=r"need 'openslide'.*pip install 'acir\[wsi\]'"):
        OpenedSlide(place, "a")
