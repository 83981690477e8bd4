"""NIfTI volumes: which way round they are shown, whatever way they are stored."""

import builtins
import gzip
from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from acir.errors import ComponentError, SourceError, UnreadableImageError
from acir.sources import nifti
from acir.sources.base import SourceOptions, open_source
from acir.types import ImageRecord

KEY = bytes(range(32))
# By right, front and up, no two values alike: no mirror image or turn of it is itself.
PHANTOM = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
ORIENTATIONS = [
    "".join(letters)
    for axes in permutations(("RL", "AP", "SI"))
    for letters in product(*axes)
]  # fmt: skip


def _image(values: np.ndarray = PHANTOM) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image(values, np.diag([2.0, 3.0, 4.0, 1.0]))


def _saved(image: nibabel.Nifti1Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)
    return path


def _read(place: Path | str) -> list[ImageRecord]:
    return list(open_source(str(place), SourceOptions(strict=True, key=KEY)))


def _refused(data: bytes, tmp_path: Path) -> UnreadableImageError:
    (tmp_path / "a.nii").write_bytes(data)
    with pytest.raises(UnreadableImageError) as caught:
        _read(tmp_path / "a.nii")
    return caught.value


def test_right_is_shown_left_and_the_front_on_top(tmp_path: Path) -> None:
    (record,) = _read(_saved(_image(), tmp_path / "a.nii"))
    # Columns run from right to left and rows from front to back; slice 2 is the middle of 5.
    by_hand = [[PHANTOM[2 - column, 3 - row, 2] for column in range(3)] for row in range(4)]
    assert record.pixels.tolist() == by_hand
    assert record.value_range == (0, 59)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_however_it_is_stored_it_is_shown_alike(tmp_path: Path, codes: str) -> None:
    image = _image()
    turned = image.as_reoriented(ornt_transform(io_orientation(image.affine), axcodes2ornt(codes)))
    (expected,) = _read(_saved(image, tmp_path / "a.nii"))
    (record,) = _read(_saved(turned, tmp_path / "b.nii.gz"))
    assert np.array_equal(record.pixels, expected.pixels)


def test_slices_are_spaced_evenly_from_the_feet_up(tmp_path: Path) -> None:
    path = _saved(_image(), tmp_path / "a.nii")
    records = _read(f"nifti:{path}@2")
    assert [r.id for r in records] == ["a.nii@2", "a.nii@4"]
    assert [r.pixels[0, 0] for r in records] == [PHANTOM[2, 3, 1], PHANTOM[2, 3, 3]]
    assert len(_read(f"nifti:{path}@9")) == 5
    assert {r.value_range for r in records} == {(0, 59)}


def test_all_slices_of_a_volume_are_of_one_patient_and_split(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(20):
        values = rng.integers(0, 99, (3, 4, 5)).astype(np.int16)
        _saved(_image(values), tmp_path / "cat" / f"{number:02d}.nii.gz")
    records = _read(f"nifti:{tmp_path}@3")
    assert len(records) == 60
    assert len({r.patient for r in records}) == 20
    assert len({(r.patient, r.split, r.draw) for r in records}) == 20
    assert {r.labels for r in records} == {("cat",)}
    assert len({(r.patient, r.metadata["Series"]) for r in records}) == 20
    assert [r.metadata["Slice"] for r in records[:3]] == ["1 of 5", "3 of 5", "5 of 5"]
    assert records[0].path == "cat/00.nii.gz"


def test_values_are_scaled_and_the_range_may_be_that_of_the_header(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(PHANTOM, np.eye(4))
    image.header.set_slope_inter(2, -5)
    plain = _saved(image, tmp_path / "a.nii")
    (record,) = _read(plain)
    assert record.pixels.min() == PHANTOM[:, :, 2].min() * 2 - 5
    assert record.value_range == (-5, 113)
    image.header["cal_min"], image.header["cal_max"] = -1, 50
    (record,) = _read(_saved(image, tmp_path / "b.nii"))
    assert record.value_range == (-1, 50)


def test_of_several_volumes_the_first_counts_and_the_second_version_is_read(tmp_path: Path) -> None:
    values = np.stack([PHANTOM, PHANTOM + 100], axis=3)
    image = nibabel.Nifti2Image(values, np.eye(4))
    (record,) = _read(_saved(image, tmp_path / "a.nii"))
    assert record.pixels.max() < 100
    assert record.value_range == (0, 59)


def test_a_constant_volume_has_a_range(tmp_path: Path) -> None:
    (record,) = _read(_saved(_image(np.full((2, 2, 2), 7, np.int16)), tmp_path / "a.nii"))
    assert record.value_range == (7, 8)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((3, 4), np.int16), "it has less than three dimensions"),
        (np.zeros((3, 4, 5), np.complex64), "its values are no plain numbers"),
        (np.full((2, 2, 2), np.nan, np.float32), "it has values that are not finite"),
    ],
)
def test_what_cannot_be_shown_is_refused(tmp_path: Path, values: np.ndarray, reason: str) -> None:
    data = _image(values).to_bytes()
    assert _refused(data, tmp_path).reason == reason


def test_a_volume_must_say_how_the_patient_lies(tmp_path: Path) -> None:
    data = _image().to_bytes()
    flat = data[:312] + bytes(16) + data[328:]  # srow_z: no axis goes up
    assert _refused(flat, tmp_path).reason == "it does not say how the patient lies in it"


def test_what_is_no_volume_or_ends_early_is_refused(tmp_path: Path) -> None:
    data = _image().to_bytes()
    assert _refused(b"", tmp_path).reason == "its content is no NIfTI volume in one file"
    assert _refused(data.replace(b"n+1", b"ni1"), tmp_path).reason.startswith("its content is no N")
    assert _refused(b"\x1f\x8b torn to pieces", tmp_path).reason.startswith(
        "its content is damaged"
    )
    for torn in (data[:-9], gzip.compress(data)[:-30], gzip.compress(data[:-9])):
        found = _refused(torn, tmp_path)
        assert (found.reason, found.code) == ("the file ends early", "truncated")


def test_a_bomb_is_inflated_as_far_as_its_header_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = gzip.compress(_image().to_bytes() + bytes(2**26))
    (tmp_path / "a.nii.gz").write_bytes(bomb)
    assert len(_read(tmp_path / "a.nii.gz")) == 1
    assert len(nifti._inflated(bomb, 472)) == 472
    monkeypatch.setattr(nifti, "MAX_VOXELS", 59)
    assert "it has more than 59 values or 512 MiB" in str(_refused(bomb, tmp_path))


def test_no_damage_lets_another_error_out(tmp_path: Path) -> None:
    whole, rng = _image().to_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        data = bytearray(whole)
        for place in rng.integers(0, 352, 3):
            data[place] = rng.integers(256)
        (tmp_path / "a.nii").write_bytes(data)
        try:
            _read(tmp_path / "a.nii")
        except UnreadableImageError:
            refused += 1
    assert refused > 20


def test_a_missing_place_is_an_error() -> None:
    with pytest.raises(SourceError, match="there is nothing at nifti:nowhere@5; give a file or"):
        open_source("nifti:nowhere@5")


def test_without_nibabel_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _saved(_image(), tmp_path / "a.nii")
    there = builtins.__import__

    def missing(name: str, *rest: object) -> object:
        if name == "nibabel":
            raise ModuleNotFoundError(name)
        return there(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ComponentError, match=r"need 'nibabel'.*pip install 'acir\[volume\]'"):
        _read(path)


def test_a_file_compressed_in_parts_is_read_whole(tmp_path: Path) -> None:
    data = _image().to_bytes()
    parts = b"".join(gzip.compress(data[at : at + 100]) for at in range(0, len(data), 100))
    (tmp_path / "a.nii.gz").write_bytes(parts)
    (tmp_path / "b.nii").write_bytes(data)
    one, other = _read(f"nifti:{tmp_path}")
    assert np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("value", [0, 2**53, 2**63])
def test_a_volume_of_one_value_has_a_range(tmp_path: Path, value: int) -> None:
    image = nibabel.Nifti1Image(np.full((3, 4, 5), value, np.uint64), np.eye(4), dtype=np.uint64)
    (record,) = _read(_saved(image, tmp_path / "a.nii"))
    assert record.value_range[0] == value < record.value_range[1]
