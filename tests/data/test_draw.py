"""A draw thins out train alone, unevenly, and is the same wherever it is repeated."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from acir.data.draw import Draw, class_sizes, drawn
from acir.data.manifest import Manifest, Row
from acir.errors import RecipeError, SourceError
from acir.types import Split

HELD = {"a": 200, "b": 200, "c": 200}
SEVENTY = Draw(per_class=70, imbalance=4.0, seed=3)


def row(kind: str, number: int, split: Split = "train") -> Row:
    name = f"{split}/{kind}/{number:04d}"
    return Row(name, (kind,), split, 0.5, None, name, (28, 28), is_colour=False)


def manifest(held: dict[str, int] | None = None) -> Manifest:
    train = [row(kind, n) for kind, count in (held or HELD).items() for n in range(count)]
    others = [row(kind, n, split) for kind in HELD for n in range(9) for split in ("val", "test")]
    return Manifest((*train, *others), (), 0.0)


def sizes(found: Manifest) -> Counter[str]:
    return Counter(r.labels[0] for r in found.of("train"))


def test_counts_fall_geometrically_from_the_largest_class_to_the_smallest() -> None:
    # 120 : 60 : 30 is 4 : 2 : 1, and (120 + 60 + 30) / 3 = 70
    assert sorted(sizes(drawn(manifest(), SEVENTY)).values(), reverse=True) == [120, 60, 30]


def test_without_imbalance_all_classes_have_the_mean() -> None:
    assert set(sizes(drawn(manifest(), Draw(per_class=50))).values()) == {50}


def test_one_class_keeps_the_mean() -> None:
    assert class_sizes(1, SEVENTY).tolist() == [70]


def test_the_mean_over_many_classes_is_the_one_asked_for() -> None:
    found = class_sizes(8, Draw(per_class=60, imbalance=10.0))
    assert abs(found.mean() - 60) < 0.5  # each is rounded
    assert found[0] / found[-1] == pytest.approx(10, rel=0.05)


def test_a_class_keeps_two_pictures_at_least() -> None:
    assert class_sizes(3, Draw(per_class=3, imbalance=1000.0)).min() == 2


def test_never_more_than_there_are() -> None:
    held = {"a": 20, "b": 20, "c": 20}
    assert set(sizes(drawn(manifest(held), Draw(per_class=50))).values()) == {20}


def test_validation_and_test_stay() -> None:
    before, after = manifest(), drawn(manifest(), SEVENTY)
    for part in ("val", "test"):
        assert after.of(part) == before.of(part)


def test_calibration_pictures_stay() -> None:
    rows = [replace(r, draw=n % 10 / 10) for n, r in enumerate(manifest().rows)]
    before = Manifest(tuple(rows), (), 0.1)
    after = drawn(before, Draw(per_class=9))
    assert len(after.of("train")) == 27
    assert after.of("calibration_a") == before.of("calibration_a") != []


def test_rows_keep_their_order() -> None:
    ids = [r.id for r in manifest().rows]
    kept = [r.id for r in drawn(manifest(), SEVENTY).rows]
    assert kept == sorted(kept, key=ids.index)


def test_the_order_of_the_source_does_not_matter() -> None:
    shuffled = np.random.default_rng(0).permutation(np.array(manifest().rows, dtype=object))
    other = drawn(Manifest(tuple(shuffled), (), 0.0), SEVENTY)
    assert {r.id for r in other.rows} == {r.id for r in drawn(manifest(), SEVENTY).rows}


def test_seeds_choose_other_pictures_and_other_large_classes() -> None:
    found = [drawn(manifest(), replace(SEVENTY, seed=seed)) for seed in range(10)]
    assert len({frozenset(r.id for r in one.of("train")) for one in found}) == 10
    assert {sizes(one).most_common(1)[0][0] for one in found} == {"a", "b", "c"}


def test_a_picture_of_two_classes_cannot_be_drawn() -> None:
    two = replace(row("a", 0), labels=("a", "b"))
    expected = "one label, not none or several as 1 of 2 training pictures; give each one"
    with pytest.raises(SourceError, match=expected):
        drawn(Manifest((two, row("b", 0)), (), 0.0), SEVENTY)


def test_a_draw_out_of_range_names_its_key() -> None:
    with pytest.raises(RecipeError, match=r"benchmark key data.draw.imbalance is 0.5, expected"):
        Draw(per_class=10, imbalance=0.5)
