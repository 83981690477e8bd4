"""The phantom: what its slices show, that they are always the same, and what it is asked for."""

from functools import cache
from hashlib import sha256

import numpy as np
import pytest
from jaxtyping import Float, UInt8
from PIL import Image

import acir.sources
from acir.errors import SourceError
from acir.sources.base import SourceOptions, open_source
from acir.sources.phantom.canvas import AIR, Canvas
from acir.sources.phantom.noise import grain, smooth_noise
from acir.sources.phantom.oval import Oval
from acir.sources.phantom.request import parse
from acir.types import ImageRecord, Split

# Ids and pixels of phantom:4 and phantom:smear,2 before there were sixteen classes and sides.
# OpenBLAS gave the same with its kernels for Haswell, Zen, SkylakeX and Prescott.
BEFORE = "e6db55de0d9817fe68af583b4324921a307ae787a3286655c486cd9d6e159f59"


def _records(place: str, label: str = "") -> list[ImageRecord]:
    return [r for r in _drawn(place) if label in ("", *r.labels)]


@cache
def _drawn(place: str) -> tuple[ImageRecord, ...]:
    return tuple(open_source(place))


def _mean(label: str) -> Float[np.ndarray, "128 128"]:
    return np.asarray(np.mean([r.pixels for r in _records("phantom:4", label)], axis=0))


def _blocks(pixels: UInt8[np.ndarray, "..."], count: int) -> Float[np.ndarray, "..."]:
    size = len(pixels) // count
    grid = pixels.astype(np.float64).reshape(count, size, count, size, -1)
    return np.asarray(grid.mean(axis=(1, 3)))


def _fineness(pixels: UInt8[np.ndarray, "224 224"]) -> float:
    """Return the share of the power beyond what 128 pixels can hold: 64 cycles a picture."""
    power = np.abs(np.fft.fft2(pixels.astype(np.float64) - pixels.mean())) ** 2
    cycles = np.abs(np.fft.fftfreq(224, 1 / 224))
    beyond = np.maximum(cycles, cycles[:, None]) > 64
    return float(power[beyond].sum() / power.sum())


def test_the_registry_finds_it() -> None:
    assert acir.sources.get("phantom").schemes == ("phantom",)


def test_every_picture_says_that_it_is_synthetic() -> None:
    for record in [*_records("phantom:4"), *_records("phantom:smear,1")]:
        assert record.id.startswith("phantom/")
        assert record.metadata == {"synthetic": "yes"}
        assert record.patient is None
        assert record.path is None


def test_there_are_eleven_classes_of_grey_slices_and_one_of_colour() -> None:
    slices, smears = _records("phantom:4"), _records("phantom:smear,1")
    assert len({r.labels for r in slices}) == 11
    assert {r.pixels.shape for r in slices} == {(128, 128)}
    assert [r.pixels.shape for r in smears] == [(128, 128, 3)]
    assert {r.pixels.dtype for r in slices + smears} == {np.dtype(np.uint8)}


def test_the_first_pictures_are_byte_for_byte_what_they_were() -> None:
    found = sha256()
    for record in [*_records("phantom:4"), *_records("phantom:smear,2")]:
        found.update(record.id.encode() + record.pixels.tobytes())
    assert found.hexdigest() == BEFORE


def test_sixteen_classes_are_the_eleven_and_five_more() -> None:
    eleven = {r.id: r.pixel_hash for r in _records("phantom:4")}
    sixteen = {r.id: r.pixel_hash for r in _records("phantom:ct16,4")}
    assert eleven.items() <= sixteen.items()
    assert len(set(sixteen.values())) == 64
    assert {r.labels[0] for r in _records("phantom:ct16,4") if r.id not in eleven} == {
        *("chest-opacity", "chest-fibrosis", "spleen-lesion", "kidney-lesion", "bladder-tumour")
    }


def test_a_slice_is_the_same_again_and_whatever_the_count() -> None:
    few = {r.id: r.pixel_hash for r in open_source("phantom:2")}
    more = {r.id: r.pixel_hash for r in _records("phantom:4")}
    assert few.items() <= more.items()
    assert len(set(more.values())) == 44


def test_ten_pictures_split_seven_one_two_and_each_split_comes_alone() -> None:
    everything = _records("phantom:smear,10")
    for split, count in (("train", 7), ("val", 1), ("test", 2)):
        alone = [r.id for r in open_source(f"phantom:smear,10#{split}")]
        assert alone == [r.id for r in everything if r.split == split]
        assert len(alone) == count


def test_four_pictures_have_every_split() -> None:
    assert {r.split for r in _records("phantom:smear,4")} == {"train", "val", "test"}


def test_a_split_without_pictures_is_refused_by_name() -> None:
    wanted: frozenset[Split] = frozenset({"test"})
    with pytest.raises(SourceError, match="phantom:1 holds no picture of the split test"):
        list(open_source("phantom:1", SourceOptions(wanted)))


def test_without_a_number_there_are_sixty_of_each() -> None:
    assert len(_records("phantom:smear")) == 60
    assert parse("ct16").count == parse("").count == parse("@224").count == 60


def test_a_picture_has_the_side_that_is_asked_for() -> None:
    assert {r.pixels.shape for r in _records("phantom:1@224")} == {(224, 224)}
    assert {r.pixels.shape for r in _records("phantom:ct16,1@64")} == {(64, 64)}
    assert {r.pixels.shape for r in _records("phantom:smear,1@512")} == {(512, 512, 3)}
    assert {r.pixels.shape for r in _records("phantom:1@128")} == {(128, 128)}


def test_two_sides_of_a_slice_have_an_id_each() -> None:
    assert _records("phantom:1", "head")[0].id == "phantom/head/00000"
    assert _records("phantom:1@128", "head")[0].id == "phantom/head/00000"
    assert _records("phantom:1@224", "head")[0].id == "phantom/head/00000@224"


@pytest.mark.parametrize("kind", ["ct16", "smear"])
def test_another_side_shows_the_same_body(kind: str) -> None:
    coarse = [_blocks(r.pixels, 32) for r in _records(f"phantom:{kind},2")]
    fine = [_blocks(r.pixels, 32) for r in _records(f"phantom:{kind},2@224")]
    apart = np.array([[np.abs(a - b).mean() for b in fine] for a in coarse])
    assert apart.argmin(axis=1).tolist() == list(range(len(coarse)))


@pytest.mark.parametrize("label", ["head", "chest", "chest-fibrosis", "kidneys", "pelvis"])
def test_a_larger_side_is_drawn_and_not_enlarged(label: str) -> None:
    (small,), (drawn,) = (_records(p, label) for p in ("phantom:ct16,1", "phantom:ct16,1@224"))
    enlarged = np.asarray(
        Image.fromarray(small.pixels).resize((224, 224), Image.Resampling.BICUBIC)
    )
    assert _fineness(drawn.pixels) > 4 * _fineness(enlarged)


def test_block_means_alone_do_not_tell_sixteen_classes_apart() -> None:
    records = _records("phantom:ct16,10")
    known, asked = ([r for r in records if r.split == split] for split in ("train", "test"))
    means = np.stack([_blocks(r.pixels, 8).ravel() for r in known])
    nearest = [known[((means - _blocks(r.pixels, 8).ravel()) ** 2).sum(1).argmin()] for r in asked]
    right = np.mean([a.labels == b.labels for a, b in zip(asked, nearest, strict=True)])
    assert 0.2 < right < 0.75  # regions are told apart (chance is 1/16), findings are not


@pytest.mark.parametrize(
    "location",
    [
        *("ct16,", "ct16,0", "ct165", "ct17", "@", "60@", "@63", "@513", "smear,4@x", "4@224,5"),
        *(
            "0",
            "-3",
            "x",
            "1.5",
            "smears",
            "smear,",
            "smear,0",
            "smear,x",
            ",5",
            "5,5",
            "100001",
            "²",
        ),
    ],
)
def test_other_words_are_refused(location: str) -> None:
    with pytest.raises(SourceError, match=f"phantom:{location} is not understood; write phantom:"):
        open_source(f"phantom:{location}")


# What a reader sees. Pixel (row, column) of 128; the pose moves a landmark by a few pixels only,
# so boxes of the mean of four slices are compared.


def test_air_around_the_body_is_black() -> None:
    for label in ("head", "chest", "kidneys", "hips", "thighs"):
        mean = _mean(label)
        assert max(mean[:6, :6].max(), mean[:6, -6:].max()) < 12, label


def test_lungs_are_dark_beside_a_bright_heart() -> None:
    mean = _mean("chest")
    assert mean[50:74, 28:38].mean() < 60
    assert mean[52:64, 66:80].mean() > 150


def test_an_effusion_brightens_the_back_of_the_chest() -> None:
    healthy, fluid = _mean("chest")[68:84, 22:106], _mean("chest-effusion")[68:84, 22:106]
    assert fluid.mean() > healthy.mean() + 30


def test_the_liver_lies_on_the_left_of_the_picture() -> None:
    mean = _mean("liver")
    assert mean[44:76, 26:44].mean() > mean[44:76, 84:102].mean() + 20


def test_blood_in_the_brain_is_brighter_than_any_healthy_brain() -> None:
    inner = np.s_[34:94, 44:84]
    healthy = [np.mean(r.pixels[inner] > 175) for r in _records("phantom:4", "head")]
    bleeding = [np.mean(r.pixels[inner] > 175) for r in _records("phantom:4", "head-haemorrhage")]
    assert np.mean(bleeding) > 4 * np.mean(healthy)


def test_femoral_heads_are_bone_and_the_bladder_is_not() -> None:
    mean = _mean("hips")
    assert min(mean[60:69, 32:40].mean(), mean[60:69, 88:96].mean()) > 190
    assert mean[50:60, 58:70].mean() < 150


def test_a_smear_is_pink_with_a_purple_nucleus() -> None:
    (smear,) = _records("phantom:smear,1")
    red, green, blue = smear.pixels.astype(float).reshape(-1, 3).T
    assert red.mean() > blue.mean() > green.mean()
    nucleus = (blue > red) & (green < 90)
    assert 0.01 < nucleus.mean() < 0.15


# What it is made of.


def test_the_depth_of_a_circle_is_the_distance_to_its_outline() -> None:
    grid = np.linspace(-1, 1, 9, dtype=np.float32)
    depth = Oval(0.25, -0.5, 0.4, 0.4, turn=30.0).depth(grid, grid)
    naive = [[0.4 - np.hypot(x - 0.25, y + 0.5) for x in grid] for y in grid]
    np.testing.assert_allclose(depth, naive, atol=1e-6)


def test_a_quarter_turn_swaps_the_radii_even_when_squared() -> None:
    grid = np.linspace(-1, 1, 9, dtype=np.float32)
    turned = Oval(0.0, 0.0, 0.3, 0.6, turn=90.0, power=2.4).depth(grid, grid)
    np.testing.assert_allclose(
        turned, Oval(0.0, 0.0, 0.6, 0.3, power=2.4).depth(grid, grid), atol=1e-5
    )


def test_paint_covers_the_area_of_the_oval_and_no_air_beyond() -> None:
    canvas = Canvas(np.random.default_rng(0), 200)
    covered = canvas.paint(Oval(0.1, 0.2, 0.5, 0.3, turn=20.0), 50.0)
    # pi * 0.5 * 0.3 of the 4 square units
    assert covered.mean() == pytest.approx(np.pi * 0.15 / 4, rel=0.01)
    assert (canvas.hu[covered == 0] == AIR).all()
    assert (canvas.hu[covered == 1] == 50).all()


def test_a_confined_canvas_keeps_what_lies_outside() -> None:
    canvas = Canvas(np.random.default_rng(0), 64)
    canvas.confine(Oval(-0.5, 0.0, 0.3, 0.3))
    canvas.paint(Oval(0.0, 0.0, 0.9, 0.9), 50.0)
    canvas.stroke([(0.0, 0.0), (0.9, 0.0)], 0.1, 50.0)
    assert (canvas.hu[:, 32:] == AIR).all()
    assert canvas.hu[32, 16] == 50


def test_a_stroke_fills_the_area_of_its_capsule() -> None:
    canvas = Canvas(np.random.default_rng(0), 400)
    canvas.stroke([(-0.5, 0.0), (0.5, 0.0)], 0.2, AIR + 1)
    # a rectangle 1 x 0.2 with two half discs of radius 0.1, of 4 square units
    assert (canvas.hu - AIR).mean() == pytest.approx((0.2 + np.pi * 0.01) / 4, rel=0.01)


def test_above_is_the_upper_half() -> None:
    upper = Canvas(np.random.default_rng(0), 64).above(0.0)
    assert upper[:31].min() == 1
    assert upper[33:].max() == 0


def test_noise_has_unit_variance() -> None:
    rng = np.random.default_rng(0)
    assert grain(rng, 400).std() == pytest.approx(1, rel=0.02)
    assert np.std([smooth_noise(rng, 32, 8) for _ in range(100)]) == pytest.approx(1, rel=0.05)
