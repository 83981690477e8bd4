"""Which picture is for what, the report, and what cannot be trained on."""

from typing import Any

import numpy as np
import pytest

from acir.data.manifest import Manifest, Row, read_manifest
from acir.errors import SourceError
from acir.types import ImageRecord, Skipped, Split


def row(number: int, label: str = "a", split: Split = "train", **changes: Any) -> Row:  # noqa: ANN401 - any field
    known: dict[str, Any] = {
        "id": f"{label}/{number}",
        "labels": (label,),
        "split": split,
        "draw": 0.5,
        "patient": None,
        "pixel_hash": f"{split}{label}{number}",
        "size": (28, 30),
        "is_colour": False,
    }
    return Row(**{**known, **changes})


def manifest(*rows: Row, fraction: float = 0.1) -> Manifest:
    return Manifest(rows, (), fraction)


TRAINABLE = (row(1), row(2), row(1, "b"), row(2, "b"))


# Parts


@pytest.mark.parametrize(
    ("draw", "part"),
    [
        (0.0, "calibration_a"),
        (0.0999, "calibration_a"),
        (0.1, "calibration_b"),
        (0.1999, "calibration_b"),
        (0.2, "train"),
        (0.8999, "train"),
        (0.9, "val"),
        (0.9999, "val"),
    ],
)
def test_the_draw_decides_what_a_training_picture_is_for(draw: float, part: str) -> None:
    found = row(1, draw=draw)
    assert manifest(found).part(found) == part


def test_a_source_with_its_own_val_keeps_the_last_tenth_of_train() -> None:
    late, own = row(1, draw=0.95), row(2, split="val", draw=0.05)
    found = manifest(late, own)
    assert found.has_val
    assert (found.part(late), found.part(own)) == ("train", "val")


def test_test_pictures_are_for_nothing_else() -> None:
    found = row(1, split="test", draw=0.05)
    assert manifest(found).part(found) == "test"


def test_without_calibration_all_of_train_is_trained_on() -> None:
    early = row(1, draw=0.0)
    assert manifest(early, row(2, split="val"), fraction=0.0).part(early) == "train"


def test_parts_divide_the_rows_and_keep_their_order() -> None:
    rows = tuple(row(i, draw=i / 40) for i in range(40))
    found = Manifest(rows, (), 0.2)
    parts = {part: found.of(part) for part in ("calibration_a", "calibration_b", "train", "val")}
    assert {part: len(of) for part, of in parts.items()} == {
        "calibration_a": 8,
        "calibration_b": 8,
        "train": 20,
        "val": 4,
    }
    assert sorted(r.id for of in parts.values() for r in of) == sorted(r.id for r in rows)
    assert parts["train"] == list(rows[16:36])


def test_class_names_are_sorted_over_all_labels() -> None:
    assert manifest(row(1, "b"), row(2, labels=("c", "a"))).class_names == ("a", "b", "c")


# Report


def test_the_report_of_a_list_made_by_hand() -> None:
    rows = (
        row(1, "a", patient="p1", pixel_hash="x"),
        row(2, "b", patient="p1", size=(64, 64), is_colour=True),
        row(3, "b", labels=("a", "b"), draw=0.05, patient="p2"),
        row(4, "a", split="val", pixel_hash="x"),  # the pixels of the first
        row(5, "a", split="val", pixel_hash="x"),  # and once more
    )
    skipped = (Skipped("a/9.png", "not a picture"),)
    assert Manifest(rows, skipped, 0.1).report() == {
        "pictures": {"train": 2, "calibration_a": 1, "val": 2},
        "classes": {"train": {"a": 1, "b": 1}, "calibration_a": {"a": 1, "b": 1}, "val": {"a": 2}},
        "sizes": {"30x28": 4, "64x64": 1},
        "colour": 1,
        "skipped": ["a/9.png: not a picture"],
        "duplicates": 2,
        "in_two_splits": 1,
        "patients": 2,
        "alike": 0,
    }


def test_a_source_that_names_no_patient_reports_none() -> None:
    assert manifest(*TRAINABLE).report()["patients"] is None


def test_the_report_lists_the_five_commonest_sizes() -> None:
    rows = [row(10 * s + i, size=(s, s)) for s in range(1, 8) for i in range(s)]
    assert list(manifest(*rows).report()["sizes"]) == ["7x7", "6x6", "5x5", "4x4", "3x3"]


# What cannot be trained on


def test_two_classes_of_two_pictures_are_enough_and_no_fewer() -> None:
    manifest(*TRAINABLE).require_trainable()
    for left_out in TRAINABLE:
        with pytest.raises(SourceError, match=r"there is 1 of (a|b); add"):
            manifest(*(one for one in TRAINABLE if one is not left_out)).require_trainable()


@pytest.mark.parametrize(("rows", "classes"), [((), "0 classes"), ((row(1), row(2)), "1 class")])
def test_fewer_than_two_classes_are_refused(rows: tuple[Row, ...], classes: str) -> None:
    with pytest.raises(
        SourceError,
        match=f"the training pictures have {classes}, expected at least 2; put",
    ):
        manifest(*rows).require_trainable()


def test_pictures_none_of_which_can_be_read_are_refused_with_the_first_reason() -> None:
    broken = tuple(Skipped(f"{n}.png", "it is no picture") for n in range(3))
    said = r"none of 3 pictures can be read, such as 0.png \(it is no picture\); give some"
    with pytest.raises(SourceError, match=said):
        Manifest((), broken, 0.0).require_trainable()


def test_a_class_with_one_training_picture_is_refused_by_name() -> None:
    # The second picture of c is for calibration.
    rows = (*TRAINABLE, row(1, "c"), row(2, "c", draw=0.01))
    with pytest.raises(
        SourceError, match="a class needs at least 2 training pictures, but there is 1 of c; add"
    ):
        manifest(*rows).require_trainable()


def test_a_label_that_only_validation_has_is_refused_by_name() -> None:
    with pytest.raises(SourceError, match="the labels c have no training picture; add some or"):
        manifest(*TRAINABLE, row(1, "c", split="val")).require_trainable()


def test_at_most_five_names_are_listed() -> None:
    rows = [row(1, name, split="val") for name in "cdefghi"]
    with pytest.raises(SourceError, match="the labels c, d, e, f, g have no training picture"):
        manifest(*TRAINABLE, *rows).require_trainable()


def test_a_patient_in_two_splits_is_refused_without_a_name() -> None:
    rows = (*TRAINABLE, row(5, patient="p1"), row(6, split="val", patient="p1"))
    with pytest.raises(
        SourceError, match=r"^1 patient has pictures in more than one split, so that a test would"
    ) as caught:
        manifest(*rows).require_trainable()
    assert "p1" not in str(caught.value)


def test_calibration_pictures_of_a_patient_are_no_second_split() -> None:
    found = manifest(*TRAINABLE, row(5, patient="p1"), row(6, patient="p1", draw=0.01))
    assert [found.part(one) for one in found.rows[-2:]] == ["train", "calibration_a"]
    found.require_trainable()


# Reading


def test_records_are_read_once_and_their_pixels_forgotten() -> None:
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)
    record = ImageRecord("a/1", pixels, (0.0, 255.0), "val", 0.3, labels=("a",), patient="p")
    late: list[Skipped] = []

    def records() -> Any:  # noqa: ANN401 - a generator of records
        yield record
        late.append(Skipped("a/2", "torn"))  # known only after the last record

    found = read_manifest(records(), lambda: late, 0.1)
    assert found.rows == (
        Row("a/1", ("a",), "val", 0.3, "p", record.pixel_hash, size=(4, 6), is_colour=True),
    )
    assert found.skipped == (Skipped("a/2", "torn"),)
    assert found.fraction == 0.1
