"""A table of pictures: what each column does, and every way in which a table is wrong."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acir.errors import SourceError, UnreadableImageError, UsageError
from acir.privacy.pseudonym import pseudonym
from acir.sources.base import SourceOptions, open_source
from acir.types import ImageRecord

KEY = bytes(range(32))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for number in range(3):
        path = tmp_path / "pictures" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 5), number, dtype=np.uint8)).save(path)
    return tmp_path / "table.csv"


def _read(table: Path, *lines: str, strict: bool = True, split: str = "") -> list[ImageRecord]:
    table.write_text("\n".join(lines), encoding="utf-8")
    return list(open_source(f"{table}{split}", SourceOptions(strict=strict, key=KEY)))


def test_every_column_finds_its_place(table: Path) -> None:
    records = _read(
        table,
        "path,label,patient,split,device,age",
        "pictures/1.png,cat|dog,P1,test,Scanner A,44",
        'pictures/0.png,"cat, old",P2,valid,"Scanner ""B""",',
    )
    one, two = records
    assert (one.id, one.path) == ("pictures/1.png", "pictures/1.png")
    assert one.labels == ("cat", "dog")
    assert one.patient == pseudonym(KEY, "patient", "P1")
    assert one.split == "test"
    assert one.metadata == {"device": "Scanner A", "age": "44"}
    assert one.pixels[0, 0] == 1
    assert (two.labels, two.split) == (("cat, old",), "val")
    assert two.metadata == {"device": 'Scanner "B"', "age": ""}


def test_only_the_path_is_needed(table: Path) -> None:
    (record,) = _read(table, "path", "pictures/0.png")
    assert (record.labels, record.patient, dict(record.metadata)) == ((), None, {})


def test_a_table_as_a_spreadsheet_saves_it_is_understood(table: Path) -> None:
    table.write_bytes(b"\xef\xbb\xbfPath, Label \r\npictures/0.png, cat \r\n\r\n")
    (record,) = open_source(str(table))
    assert record.labels == ("cat",)


def test_an_unnamed_column_is_dropped_and_a_label_counts_once(table: Path) -> None:
    (record,) = _read(table, ",path,label", "0,pictures/0.png,cat| |cat|dog")
    assert record.labels == ("cat", "dog")
    assert record.metadata == {}


def test_the_id_is_the_normalised_path(table: Path) -> None:
    absolute = table.parent / "pictures" / "1.png"
    records = _read(table, "path", "./pictures/../pictures/0.png", str(absolute))
    assert [r.id for r in records] == ["pictures/0.png", "pictures/1.png"]


def test_pictures_of_a_patient_share_a_drawn_split(table: Path) -> None:
    for patient in range(20):
        lines = (f"pictures/{n}.png,P{patient}" for n in range(3))
        records = _read(table, "path,patient", *lines)
        assert len({(r.split, r.draw, r.patient) for r in records}) == 1


def test_a_patients_split_does_not_depend_on_the_key(table: Path) -> None:
    _read(table, "path,patient", "pictures/0.png,P1")
    one, two = (
        next(iter(open_source(str(table), SourceOptions(key=key)))) for key in (KEY, bytes(32))
    )
    assert (one.split, one.draw) == (two.split, two.draw)
    assert one.patient != two.patient


def test_a_split_is_all_that_is_read(table: Path) -> None:
    lines = ("path,split", "pictures/0.png,train", "missing.png,train", "pictures/1.png,test")
    assert [r.id for r in _read(table, *lines, split="#test")] == ["pictures/1.png"]


def test_a_missing_file_is_an_unreadable_picture(table: Path) -> None:
    lines = ("path", "pictures/0.png", "pictures/9.png")
    with pytest.raises(UnreadableImageError, match=r"cannot read pictures/9\.png: No such file"):
        _read(table, *lines)
    assert [r.id for r in _read(table, *lines, strict=False)] == ["pictures/0.png"]


def test_a_patient_without_a_key_is_an_error(table: Path) -> None:
    _read(table, "path,patient", "pictures/0.png,P1")
    with pytest.raises(UsageError, match="the patient must be hidden"):
        list(open_source(str(table)))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label"], r"no column 'path'; its first line names file, label, expected path"),
        (["paht"], r"no column 'path'; .*Did you mean 'paht'\?"),
        (["path;label"], "has semicolons between its cells, expected commas; save it as"),
        (["path\tlabel"], "has tabs between its cells, expected commas; save it as"),
        ([""], r"no column 'path'; its first line names none"),
        (["path,label,label"], "has two columns 'label'; give each a name of its own"),
        (["path", "pictures/0.png,cat"], "line 2 of .* has 2 cells, expected 1 as in the first"),
        (["path,label", "pictures/0.png"], "line 2 of .* has 1 cells, expected 2 as in the first"),
        (["path,label", ",cat"], "line 2 of .* has no path; fill it or drop the line"),
        (
            ["path", "pictures/0.png", "pictures/1.png", "./pictures/0.png"],
            r"line 4 of .* names pictures/0\.png again, which line 2 named; keep one",
        ),
        (
            ["path,split", "pictures/0.png,trian"],
            r"line 2 of .* has the split 'trian', expected one of train, val, test or nothing\. "
            r"Did you mean 'train'\?",
        ),
        (["path", '"pictures/0.png'], "is not a comma-separated table in UTF-8; save it as one"),
        (["path"], "holds no picture"),
    ],
)
def test_a_wrong_table_is_an_error_before_any_picture_is_read(
    table: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        _read(table, *lines)


@pytest.mark.parametrize("line", ["pictures/0.png,a\0b", "p\0ath,label"])
def test_a_zero_character_is_no_text(table: Path, line: str) -> None:
    with pytest.raises(SourceError, match="is not a comma-separated table in UTF-8"):
        _read(table, "path,label", line)
    with pytest.raises(SourceError, match="is not a comma-separated table in UTF-8"):
        _read(table, line, "pictures/0.png,a")


def test_another_encoding_is_an_error(table: Path) -> None:
    table.write_bytes("path,label\npictures/0.png,Lunge, größer".encode("latin-1"))
    with pytest.raises(SourceError, match="is not a comma-separated table in UTF-8"):
        list(open_source(str(table)))


def test_an_error_never_names_a_patient(table: Path) -> None:
    with pytest.raises(SourceError) as caught:
        _read(table, "path,patient,split", "pictures/0.png,CANARY,tset")
    assert "CANARY" not in str(caught.value)
