"""Which pictures are nearly the same: slices of one scan, and hardly ever two cases."""

import numpy as np
import pytest
from jaxtyping import Float, Int, UInt8

from acir.data import near
from acir.data.manifest import read_manifest
from acir.types import ImageRecord

SLICES = 10


def record(pixels: np.ndarray, number: int = 0, **changes: object) -> ImageRecord:
    known = {
        "id": str(number),
        "pixels": pixels,
        "value_range": (0.0, 255.0),
        "labels": ("a",),
        "split": "train",
        "draw": number / 1000,
        **changes,
    }
    return ImageRecord(**known)  # type: ignore[arg-type]  # each is of the type of its field


def scans(count: int, random: np.random.Generator) -> Float[np.ndarray, "scans slices 64"]:
    """Return scans whose slices drift by little from one to the next."""
    first = random.uniform(60, 190, (count, 1, near.SIDE**2))
    drift = random.normal(0, 1.5, (count, SLICES, near.SIDE**2)).cumsum(axis=1)
    found: Float[np.ndarray, "scans slices 64"] = (first + drift).clip(0, 255)
    return found


def stored(pictures: np.ndarray) -> UInt8[np.ndarray, "n 64"]:
    return pictures.reshape(-1, near.SIDE**2).round().astype(np.uint8)


def naive_pairs(pictures: UInt8[np.ndarray, "n 64"]) -> set[tuple[int, int]]:
    """Return near pairs as the words have it, in Python's whole numbers."""
    found = set()
    whole = pictures.astype(int).tolist()
    for row, one in enumerate(whole):
        apart = sorted(
            (sum((a - b) ** 2 for a, b in zip(one, two, strict=True)), other)
            for other, two in enumerate(whole)
            if other != row
        )
        for distance, other in apart[:5]:
            if 4 * distance < apart[19][0]:
                found.add((row, other))
    return found


def joined(count: int, pairs: set[tuple[int, int]]) -> list[frozenset[int]]:
    groups = [{row} for row in range(count)]
    for row, other in pairs:
        if groups[row] is not groups[other]:
            groups[row] |= groups[other]
            for member in groups[row]:
                groups[member] = groups[row]
    return [frozenset(group) for group in groups]


def members(groups: Int[np.ndarray, " n"]) -> list[frozenset[int]]:
    return [frozenset(np.flatnonzero(groups == group).tolist()) for group in groups]


def test_groups_are_those_of_the_naive_reference() -> None:
    pictures = stored(scans(30, np.random.default_rng(0)))
    pictures = pictures[np.random.default_rng(1).permutation(len(pictures))]
    pairs = naive_pairs(pictures)
    assert len(pairs) > len(pictures)
    # 3 pictures are 1 % of 300, so the reference is compared where no group has to end.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "LARGEST", 1.0)
        assert members(near.together(pictures)) == joined(len(pictures), pairs)


def test_slices_of_a_scan_stay_together_and_scans_apart() -> None:
    scan = np.repeat(np.arange(100), SLICES)
    groups = near.together(stored(scans(100, np.random.default_rng(2))))
    for group in np.unique(groups):
        assert len(np.unique(scan[groups == group])) == 1
    assert len(np.unique(groups)) < 2 * 100


def test_pictures_that_are_only_alike_are_no_group() -> None:
    cells = np.random.default_rng(3).normal(128, 30, (500, 64)).clip(0, 255)
    assert near.together(stored(cells)).tolist() == list(range(500))


@pytest.mark.parametrize(("ways", "count"), [(3, 60), (4, 100), (5, 300), (6, 1000)])
def test_no_more_that_are_near_than_chance_brings_are_no_group(ways: int, count: int) -> None:
    random = np.random.default_rng(12)
    drawn = random.normal(size=(count, ways)) @ random.normal(size=(ways, 64))
    pictures = stored((128 + 18 * drawn / ways**0.5).clip(0, 255))
    assert len(naive_pairs(pictures[:300])) > 0.1 * len(pictures[:300])
    assert near.together(pictures).tolist() == list(range(count))


def test_no_group_has_more_than_a_hundredth_of_all() -> None:
    slices = stored(scans(40, np.random.default_rng(4)))
    _, sizes = np.unique(near.together(slices), return_counts=True)
    assert 1 < sizes.max() <= 4


def test_copies_of_few_pictures_are_no_group() -> None:
    few = np.random.default_rng(13).integers(0, 256, (3, 64), dtype=np.uint8)
    assert near.together(few.repeat(40, axis=0)).tolist() == list(range(120))


@pytest.mark.parametrize("count", [1, 20])
def test_few_pictures_have_no_twentieth_neighbour_and_stay_apart(count: int) -> None:
    same = np.full((count, 64), 7, np.uint8)
    assert near.together(same).tolist() == list(range(count))


def test_too_many_to_compare_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = stored(scans(10, np.random.default_rng(5)))
    assert len(np.unique(near.together(pictures))) < len(pictures)
    monkeypatch.setattr(near, "MOST", len(pictures) - 1)
    assert near.together(pictures).tolist() == list(range(len(pictures)))


@pytest.mark.parametrize("shape", [(8, 8), (64, 48), (21, 9), (3, 5), (30, 8, 3)])
def test_cells_are_means_of_areas_that_cover_the_picture(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(6).integers(0, 256, shape, dtype=np.uint8)
    grey = pixels.mean(axis=2) if len(shape) == 3 else pixels.astype(float)
    edges = [[place * side // 8 for place in range(9)] for side in shape[:2]]
    wanted = [
        grey[top : max(bottom, top + 1), left : max(right, left + 1)].mean()
        for top, bottom in zip(edges[0], edges[0][1:], strict=False)
        for left, right in zip(edges[1], edges[1][1:], strict=False)
    ]
    found = near.cells(record(pixels))
    assert np.abs(found - np.array(wanted)).max() <= 0.5 + 1e-9  # rounded to a whole level


def test_cells_are_levels_of_the_range_of_values() -> None:
    pixels = np.full((16, 16), 100, np.int16)
    assert set(near.cells(record(pixels, value_range=(-100.0, 300.0)))) == {128}
    assert set(near.cells(record(pixels, value_range=(0.0, 50.0)))) == {255}


def test_values_that_are_no_number_count_as_an_end_of_the_range() -> None:
    pixels = np.full((8, 8), 51.0, np.float32)
    pixels[0, :3] = np.nan, np.inf, -np.inf
    assert near.cells(record(pixels)).tolist() == [0, 255, 0, *61 * [51]]


def test_a_manifest_gives_one_draw_to_the_slices_of_a_scan() -> None:
    pictures = stored(scans(100, np.random.default_rng(7))).reshape(-1, 8, 8)
    draws = np.random.default_rng(8).permutation(len(pictures)) / len(pictures)
    records = [record(p, n, draw=draws[n]) for n, p in enumerate(pictures)]
    found = read_manifest(records, tuple, 0.1)
    assert found.alike > 0.9 * len(records)
    assert found.report()["alike"] == found.alike
    changed = [row for row, one in zip(found.rows, records, strict=True) if row.draw != one.draw]
    assert len(changed) > len(records) / 2
    parts = {
        frozenset(found.part(row) for row in found.rows[s : s + 3]) for s in range(0, 1000, 10)
    }
    assert sum(len(part) > 1 for part in parts) <= 1
    # As large a share as without groups: the draw of a group is that of one of its pictures.
    assert len(found.of("calibration_a")) == pytest.approx(100, abs=50)


def test_where_draws_decide_nothing_they_stay() -> None:
    pictures = stored(scans(30, np.random.default_rng(11))).reshape(-1, 8, 8)
    records = [record(p, n) for n, p in enumerate(pictures)]
    own = record(np.zeros((8, 8), np.uint8), 999, split="val")
    assert read_manifest([*records, own], tuple, 0.0).alike == 0
    assert read_manifest([*records, own], tuple, 0.1).alike > 0
    assert read_manifest(records, tuple, 0.0).alike > 0  # they say what is lent for validation


def test_what_is_kept_for_calibration_is_as_far_from_training_as_new_scans_are() -> None:
    random = np.random.default_rng(10)
    pictures, new = stored(scans(150, random)), stored(scans(50, random))
    records = [record(p.reshape(8, 8), n, draw=random.random()) for n, p in enumerate(pictures)]

    def nearest(some: np.ndarray, references: np.ndarray) -> float:
        gaps = some[:, None].astype(float) - references
        return float(np.median(np.square(gaps).sum(axis=2).min(axis=1)))

    found = read_manifest(records, tuple, 0.1)
    kept = np.array([found.part(row) != "train" for row in found.rows])
    alone = np.array([one.draw < 0.2 for one in records])
    wanted = nearest(new, pictures[~kept])
    assert nearest(pictures[kept], pictures[~kept]) == pytest.approx(wanted, rel=0.1)
    assert nearest(pictures[alone], pictures[~alone]) < 0.1 * wanted


def test_named_patients_and_other_splits_keep_their_draws() -> None:
    pictures = stored(scans(30, np.random.default_rng(9))).reshape(-1, 8, 8)
    for changes in ({"patient": "p"}, {"split": "val"}, {"split": "test"}):
        records = [record(p, n, **changes) for n, p in enumerate(pictures)]
        found = read_manifest(records, tuple, 0.1)
        assert found.alike == 0
        assert [row.draw for row in found.rows] == [one.draw for one in records]
