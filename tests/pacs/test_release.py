"""A file that may be handed on, or the reason why it may not."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path, PurePath

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from acir.errors import UnreadableImageError
from acir.pacs.reader import read
from acir.pacs.release import Released, release
from acir.privacy import ocr
from acir.privacy.burned_in import Judgement, hidden
from acir.privacy.deid import Profile
from acir.privacy.pseudonym import pseudonym
from acir.privacy.uids import keyed_uid

KEY = bytes(range(32))
PROFILE = Profile(KEY)
UIDS = {"StudyInstanceUID": "1.2.7.1", "SeriesInstanceUID": "1.2.7.2", "SOPInstanceUID": "1.2.7.3"}
GREY = np.arange(-30, 30, dtype=np.int16).reshape(6, 10)
MakeDicom = Callable[..., bytes]


@pytest.fixture
def make(make_dicom: MakeDicom) -> MakeDicom:
    """Return a function that writes pixels as a file that has all its UIDs."""
    return lambda pixels, **values: make_dicom(pixels, **(UIDS | values))


def _release(data: bytes) -> Released:
    return release(data, PROFILE, "DICOM file 1 of 1")


def _regions(*corners: tuple[int, int, int, int]) -> list[Dataset]:
    found = []
    for left, top, right, bottom in corners:
        region = Dataset()
        region.RegionLocationMinX0, region.RegionLocationMinY0 = left, top
        region.RegionLocationMaxX1, region.RegionLocationMaxY1 = right, bottom
        found.append(region)
    return found


def _saved(dataset: Dataset, **options: bool) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, dataset, **options)
    return buffer.getvalue()


def test_an_ordinary_file_keeps_its_pixels_and_goes_under_new_names(make: MakeDicom) -> None:
    found = _release(make(GREY))
    assert found.doubt is None
    assert found.place == PurePath(
        pseudonym(KEY, "patient", "471108150947"),
        *(keyed_uid(KEY, uid) for uid in ("1.2.7.1", "1.2.7.2")),
        f"{keyed_uid(KEY, '1.2.7.3')}.dcm",
    )
    after = dcmread(BytesIO(found.content))
    assert np.array_equal(after.pixel_array, GREY)
    assert "PatientIdentityRemoved" not in after  # nobody looked at the pixels
    assert np.array_equal(read(found.content, KEY, "a").picture.pixels, GREY)


def test_the_same_file_gives_the_same_bytes(make: MakeDicom) -> None:
    assert _release(make(GREY)) == _release(make(GREY))


@pytest.mark.parametrize(
    ("kind", "dark"), [("MONOCHROME1", "max"), ("MONOCHROME2", "min"), ("RGB", "min")]
)
def test_outside_the_regions_it_is_black_and_inside_as_before(
    make: MakeDicom, kind: str, dark: str
) -> None:
    colour = kind == "RGB"
    shape = (6, 10, 3) if colour else (6, 10)
    pixels = np.random.default_rng(0).integers(3, 250, shape).astype(np.uint8)
    regions = _regions((2, 1, 5, 4))
    data = make(
        pixels,
        Modality="US",
        PhotometricInterpretation=kind,
        SequenceOfUltrasoundRegions=regions,
    )
    found = _release(data)
    after = dcmread(BytesIO(found.content))
    black = np.ones((6, 10), dtype=bool)
    black[1:5, 2:6] = False
    assert np.array_equal(after.pixel_array[~black], pixels[~black])
    assert (after.pixel_array[black] == getattr(pixels, dark)()).all()
    assert after.PhotometricInterpretation == kind
    assert found.doubt is None
    assert (after.PatientIdentityRemoved, after.BurnedInAnnotation) == ("YES", "NO")
    shown = read(data, KEY, "a").picture
    value = shown.value_range[1 if shown.inverted else 0]
    assert (shown.pixels[black] == value).all()
    assert np.array_equal(shown.pixels[~black], pixels[~black])


def test_every_frame_is_blacked_out(make: MakeDicom) -> None:
    frames = np.random.default_rng(0).integers(3, 250, (4, 6, 10)).astype(np.uint8)
    found = _release(
        make(frames, Modality="US", SequenceOfUltrasoundRegions=_regions((0, 2, 9, 5)))
    )
    after = dcmread(BytesIO(found.content))
    assert after.NumberOfFrames == 4
    assert (after.pixel_array[:, :2] == frames.min()).all()
    assert np.array_equal(after.pixel_array[:, 2:], frames[:, 2:])


def test_compressed_pixels_are_written_uncompressed_where_they_change(make: MakeDicom) -> None:
    frames = np.random.default_rng(0).integers(3, 250, (2, 6, 10)).astype(np.uint8)
    packed = dcmread(
        BytesIO(make(frames, Modality="US", SequenceOfUltrasoundRegions=_regions((0, 2, 9, 5))))
    )
    packed.compress(RLELossless, generate_instance_uid=False)
    after = dcmread(BytesIO(_release(_saved(packed)).content))
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(after.pixel_array[:, 2:], frames[:, 2:])


def _sample(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip("pydicom's wheel does not hold it")
    return Path(str(path)).read_bytes()


def test_a_name_that_only_another_window_would_show_is_blacked_out(make: MakeDicom) -> None:
    page = Image.new("L", (240, 120))
    ImageDraw.Draw(page).text((20, 40), "CANARY PATRICIA", 255, ImageFont.load_default(20))
    written = np.asarray(page) > 128
    pixels = np.where(written, 3000, 1000).astype(np.uint16)
    whole = _regions((0, 0, 239, 119))
    data = make(
        pixels, Modality="OT", WindowCenter=100, WindowWidth=50, SequenceOfUltrasoundRegions=whole
    )
    released = _release(data)
    if released.doubt is None:
        assert (dcmread(BytesIO(released.content)).pixel_array[written] == 1000).all()


@pytest.mark.parametrize("name", ["examples_ybr_color.dcm", "examples_palette.dcm"])
def test_ultrasound_of_pydicom_keeps_its_colours_where_it_is_not_black(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "acir.pacs.release.judge", lambda dataset, _: Judgement(hidden(dataset), None)
    )
    data = _sample(name)
    before, after = dcmread(BytesIO(data)), dcmread(BytesIO(_release(data).content))
    black = hidden(before)
    assert black is not None
    assert 0.02 < black.mean() < 0.9
    where = (..., ~black, slice(None)) if before.SamplesPerPixel > 1 else (..., ~black)
    assert np.array_equal(after.pixel_array[where], before.pixel_array[where])
    assert after.get("NumberOfFrames") == before.get("NumberOfFrames")
    shown = read(_saved(after), KEY, "a").picture
    assert (shown.pixels[black] == shown.pixels[black].min()).all()


def test_the_name_of_the_hospital_in_the_ultrasound_of_pydicom_is_not_released() -> None:
    found = _release(_sample("examples_rgb_color.dcm"))
    assert found.doubt is not None
    with pytest.raises(UnreadableImageError, match="kept back, as text may be burned into"):
        read(_sample("examples_rgb_color.dcm"), KEY, "a")


def test_what_has_to_be_looked_at_is_written_without_a_claim(
    make: MakeDicom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "PROGRAM", "no-such-program")
    data = make(GREY, Modality="US")
    found = _release(data)
    assert found.doubt == "it may show a name, no rule says where, and tesseract is missing"
    after = dcmread(BytesIO(found.content))
    assert "PatientIdentityRemoved" not in after
    assert "BurnedInAnnotation" not in after
    with pytest.raises(UnreadableImageError, match="kept back, as text may be burned into its pix"):
        read(data, KEY, "a")


def test_a_picture_of_any_kind_is_looked_at_where_that_is_asked_for(
    make: MakeDicom, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def judging(_: Dataset, frames: list[np.ndarray]) -> Judgement:
        seen.append(frames)
        return Judgement(None, None)

    monkeypatch.setattr("acir.pacs.release.judge", judging)
    found = release(make(GREY), Profile(KEY, every_picture=True), "a")
    assert len(seen) == 1
    assert dcmread(BytesIO(found.content)).PatientIdentityRemoved == "YES"


def test_a_risky_picture_that_cannot_be_decoded_has_to_be_looked_at(make: MakeDicom) -> None:
    dataset = dcmread(BytesIO(make(GREY, Modality="US", SamplesPerPixel=3)))
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1  # of colour needs an extra
    dataset.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    found = _release(_saved(dataset))
    assert str(found.doubt).startswith("there is no decoder for JPEG Lossless")


def test_a_retired_byte_order_is_kept_back_where_pixels_would_change(make: MakeDicom) -> None:
    values = {"Modality": "US", "SequenceOfUltrasoundRegions": _regions((0, 2, 9, 5))}
    dataset = dcmread(BytesIO(make(GREY.astype(">i2"), **values)))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    data = _saved(dataset, implicit_vr=False, little_endian=False, force_encoding=True)
    assert _release(data).doubt == "its byte order is one that is no longer written"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"StudyInstanceUID": ""}, "it has no StudyInstanceUID, by which it could be told"),
        ({"SeriesInstanceUID": ""}, "it has no SeriesInstanceUID, by which it could be told"),
        ({"SOPClassUID": MediaStorageDirectoryStorage}, "it lists other files, whose names change"),
    ],
)
def test_what_cannot_be_told_is_refused(
    make: MakeDicom, values: dict[str, object], reason: str
) -> None:
    with pytest.raises(UnreadableImageError, match=f"^cannot read DICOM file 1 of 1: {reason}"):
        _release(make(GREY, **values))


def test_an_unknown_transfer_syntax_is_refused(make: MakeDicom) -> None:
    dataset = dcmread(BytesIO(make(GREY)))
    dataset.file_meta.TransferSyntaxUID = UID("1.2.77777.5")
    data = _saved(dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    with pytest.raises(UnreadableImageError, match="there is no decoder for its transfer syntax"):
        _release(data)


def test_no_damage_lets_a_value_or_another_error_out(
    make: MakeDicom, identity: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "PROGRAM", "no-such-program")  # reading words takes long
    whole = make(GREY, PatientName="CANARY^PATRICIA" * 3, Modality="US")
    rng = np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(whole)
        for place in rng.integers(132, len(data), 4):
            data[place] = rng.integers(256)
        try:
            said = _release(bytes(data)).content.decode("latin-1")
        except UnreadableImageError as error:
            said = str(error)
        assert not [word for word in identity if word in said]
