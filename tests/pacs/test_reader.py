"""The reader on files made in code, and on pydicom's and highdicom's own where they are at hand."""

import logging
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    RLELossless,
    SegmentationStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from acir.errors import UnreadableImageError, UsageError
from acir.pacs import reader
from acir.pacs.codecs import Codec
from acir.pacs.place import Place
from acir.pacs.reader import DicomPicture, is_dicom
from acir.pacs.silence import unheard
from acir.privacy.pseudonym import draw_key, pseudonym

KEY = bytes(range(32))
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "dicom_dev.zip"
GREY = np.arange(-30, 30, dtype=np.int16).reshape(6, 10)
COLOUR = np.arange(180, dtype=np.uint8).reshape(6, 10, 3)

START_OF_FRAME = bytes.fromhex("ffc0 000b 08 0006 000a 01 011100")  # 6 rows, 10 columns, grey
EXTRAS = r"get it with: pip install 'acir\[codecs\]' or 'acir\[gpl-codecs\]'"

MakeDicom = Callable[..., bytes]


def _read(data: bytes, label: str | None = None) -> DicomPicture:
    return reader.read(data, KEY, "DICOM file 1 of 1", label)


def test_the_values_come_back_unchanged(make_dicom: MakeDicom) -> None:
    picture = _read(make_dicom(GREY)).picture
    assert np.array_equal(picture.pixels, GREY)
    assert picture.value_range == (-30, 29)
    assert not picture.inverted


def test_monochrome1_is_inverted(make_dicom: MakeDicom) -> None:
    assert _read(make_dicom(GREY, PhotometricInterpretation="MONOCHROME1")).picture.inverted


def test_colour_comes_back_unchanged(make_dicom: MakeDicom) -> None:
    picture = _read(make_dicom(COLOUR, Modality="SM")).picture
    assert np.array_equal(picture.pixels, COLOUR)
    assert picture.value_range == (0, 255)


def test_luminance_and_chrominance_become_red_green_and_blue(make_dicom: MakeDicom) -> None:
    # PS3.3 C.7.6.3.1.2: Y = 76, Cb = 85, Cr = 255 is pure red.
    red = np.broadcast_to(np.array([76, 85, 255], dtype=np.uint8), (2, 2, 3))
    data = make_dicom(red, PhotometricInterpretation="YBR_FULL", Modality="SM")
    pixels = _read(data).picture.pixels
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() <= 1


@pytest.mark.parametrize(("frames", "middle"), [(1, 0), (2, 1), (5, 2)])
def test_of_several_frames_the_middle_one_is_taken(
    make_dicom: MakeDicom, frames: int, middle: int
) -> None:
    stack = np.arange(frames * 12, dtype=np.uint16).reshape(frames, 3, 4)
    assert np.array_equal(_read(make_dicom(stack)).picture.pixels, stack[middle])


@pytest.mark.parametrize("choice", ["first", "2", "last", "mean", "max"])
def test_the_chosen_frame_is_shown(make_dicom: MakeDicom, choice: str) -> None:
    stack = np.random.default_rng(0).integers(-99, 99, (4, 5, 6)).astype(np.int16)
    expected = {
        "first": stack[0], "2": stack[1], "last": stack[3],
        "mean": stack.mean(axis=0), "max": stack.max(axis=0),
    }[choice]  # fmt: skip
    picture = reader.read(make_dicom(stack), KEY, "a", frame=choice).picture
    assert picture.pixels == pytest.approx(expected)
    if choice in {"mean", "max"}:
        assert picture.value_range == (stack.min(), stack.max())


def test_of_frames_merged_each_is_rescaled_as_it_says(make_dicom: MakeDicom) -> None:
    stack = np.array([[[1, 2]], [[3, 1]]], dtype=np.uint16)
    groups = [
        _group("PixelValueTransformationSequence", RescaleSlope=slope, RescaleIntercept=0)
        for slope in (10, 100)
    ]
    data = make_dicom(stack, PerFrameFunctionalGroupsSequence=groups)
    assert reader.read(data, KEY, "a", frame="max").picture.pixels.tolist() == [[300, 100]]
    assert reader.read(data, KEY, "a", frame="mean").picture.pixels.tolist() == [[155, 60]]


def test_colour_is_merged_too(make_dicom: MakeDicom) -> None:
    data = make_dicom(COLOUR)
    assert np.array_equal(reader.read(data, KEY, "a", frame="max").picture.pixels, COLOUR)


def test_a_frame_that_there_is_not_is_refused(make_dicom: MakeDicom) -> None:
    with pytest.raises(UnreadableImageError, match="it has no frame 2, only 1"):
        reader.read(make_dicom(GREY), KEY, "a", frame="2")


def test_what_enhanced_objects_keep_for_each_frame_counts(make_dicom: MakeDicom) -> None:
    stack = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    data = make_dicom(
        stack,
        SharedFunctionalGroupsSequence=[
            _group("PixelValueTransformationSequence", RescaleSlope=2, RescaleIntercept=-10)
        ],
        PerFrameFunctionalGroupsSequence=[
            _group("FrameVOILUTSequence", WindowCenter=0, WindowWidth=11),
            _group("FrameVOILUTSequence", WindowCenter=100, WindowWidth=11),
        ],
    )
    picture = _read(data).picture
    assert np.array_equal(picture.pixels, stack[1] * 2.0 - 10)
    assert picture.value_range == (94.5, 104.5)


def _group(macro: str, **values: object) -> Dataset:
    item, group = Dataset(), Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    setattr(group, macro, [item])
    return group


def test_run_lengths_and_both_byte_orders_give_the_same_values(make_dicom: MakeDicom) -> None:
    plain = _read(make_dicom(GREY)).picture.pixels
    packed = dcmread(BytesIO(make_dicom(GREY)))
    packed.compress(RLELossless, generate_instance_uid=False)
    swapped = dcmread(BytesIO(make_dicom(GREY.astype(">i2"))))
    swapped.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    for data in (_saved(packed), _saved(swapped, little_endian=False)):
        pixels = _read(data).picture.pixels
        assert np.array_equal(pixels, plain)
        assert pixels.dtype == np.dtype("=i2")


def _saved(dataset: Dataset, little_endian: bool = True) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, dataset, implicit_vr=False, little_endian=little_endian, force_encoding=True)
    return buffer.getvalue()


def test_identity_becomes_keyed_hashes_and_nothing_of_it_stays(
    make_dicom: MakeDicom, identity: tuple[str, ...]
) -> None:
    found = _read(make_dicom(GREY, SOPInstanceUID="1.2.3"))
    assert found.id == pseudonym(KEY, "instance", "1.2.3")
    assert found.patient == pseudonym(KEY, "patient", "471108150947")
    assert found.metadata == {"Modality": "CT", "BodyPartExamined": "CHEST"}
    assert not [word for word in (*identity, draw_key("471108150947")) if word in repr(found)]


def test_a_series_is_known_by_a_keyed_hash(make_dicom: MakeDicom) -> None:
    found = _read(make_dicom(GREY, SeriesInstanceUID="1.2.3"))
    assert found.metadata["Series"] == pseudonym(KEY, "series", "1.2.3")
    assert "Series" not in _read(make_dicom(GREY, SeriesInstanceUID="")).metadata


def test_all_pictures_of_a_patient_draw_alike(make_dicom: MakeDicom) -> None:
    one, two = _read(make_dicom(GREY)), _read(make_dicom(GREY * 2))
    assert one.id != two.id
    assert one.draw_key == two.draw_key == draw_key("471108150947")
    assert _read(make_dicom(GREY, PatientID="4712")).draw_key != one.draw_key


def test_without_a_patient_the_pixels_draw(make_dicom: MakeDicom) -> None:
    one, two = _read(make_dicom(GREY, PatientID="")), _read(make_dicom(GREY * 2, PatientID=None))
    assert one.patient is None
    assert two.patient is None
    assert one.draw_key != two.draw_key


def test_without_a_patient_all_slices_of_a_series_draw_alike(make_dicom: MakeDicom) -> None:
    series = {"PatientID": "", "SeriesInstanceUID": "1.2.3"}
    one, two = _read(make_dicom(GREY, **series)), _read(make_dicom(GREY * 2, **series))
    assert one.draw_key == two.draw_key
    assert _read(make_dicom(GREY, PatientID="", SeriesInstanceUID="1.2")).draw_key != one.draw_key


def test_a_place_is_read_without_identity(make_dicom: MakeDicom, identity: tuple[str, ...]) -> None:
    uids = {"SOPInstanceUID": "1.2.1", "SeriesInstanceUID": "1.2.2", "FrameOfReferenceUID": "1.2.3"}
    data = make_dicom(
        GREY,
        **uids,
        InstanceNumber=7,
        ImagePositionPatient=["1.50", 2, -3],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        EchoNumbers=[2, 3],
    )
    (found,) = reader.locate(data, KEY, "a")
    assert found == Place(
        id=_read(data).id,
        series=_read(data).metadata["Series"],
        reference=pseudonym(KEY, "uid", "1.2.3"),
        size=(6, 10),
        number=7,
        passes=(None, None, 2.0, None, None),
        orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        position=(1.5, 2.0, -3.0),
    )
    assert not [word for word in (*identity, *uids.values()) if word in repr(found)]


def test_what_has_no_place_is_said_in_our_words(make_dicom: MakeDicom) -> None:
    bare, other = (
        make_dicom(pixels).replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x1a\x00UI")  # another tag
        for pixels in (GREY, GREY * 2)
    )
    (found,) = reader.locate(bare, KEY, "a")
    assert (found.series, found.reference, found.position) == ("", "", None)
    assert found.id != reader.locate(other, KEY, "a")[0].id
    with pytest.raises(UnreadableImageError, match="the file ends before its pixels do"):
        reader.locate(make_dicom(GREY)[:-20], KEY, "a")
    with pytest.raises(UsageError, match="the instance must be hidden"):
        reader.locate(bare, b"", "a")


def test_part_of_a_slide_is_no_picture(make_dicom: MakeDicom) -> None:
    data = make_dicom(COLOUR, SOPClassUID=VLWholeSlideMicroscopyImageStorage)
    for read in (_read, lambda file: reader.locate(file, KEY, "a")):
        with pytest.raises(UnreadableImageError, match="it is part of a whole slide; read the fol"):
            read(data)


def test_a_body_part_that_is_free_text_is_left_out(make_dicom: MakeDicom) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of writing what should not be written
        data = make_dicom(GREY, BodyPartExamined="Knee of Mrs Canary")
    assert _read(data).metadata == {"Modality": "CT"}


@pytest.mark.parametrize("part", ["CANARY", "ID 471108150947", "471108150947"])
def test_a_body_part_that_names_the_patient_is_left_out(make_dicom: MakeDicom, part: str) -> None:
    assert _read(make_dicom(GREY, BodyPartExamined=part)).metadata == {"Modality": "CT"}


@pytest.mark.parametrize(
    "label", ["Canary_Patricia", "471108150947", "id 471108150947", "CANARY1", "patricia"]
)
def test_a_folder_called_after_the_patient_or_the_study_is_no_class(
    make_dicom: MakeDicom, label: str
) -> None:
    assert _read(make_dicom(GREY), label).label is None


def test_another_folder_is_a_class(make_dicom: MakeDicom) -> None:
    assert _read(make_dicom(GREY), "pneumonia").label == "pneumonia"
    assert _read(make_dicom(GREY, PatientName="", PatientID=""), "a").label == "a"


def test_without_a_key_nothing_is_read(make_dicom: MakeDicom) -> None:
    with pytest.raises(UsageError, match="the instance must be hidden"):
        reader.read(make_dicom(GREY), b"", "a")


def test_a_file_is_known_by_the_mark_behind_its_preamble(make_dicom: MakeDicom) -> None:
    assert is_dicom(make_dicom(GREY)[:132])
    assert not is_dicom(b"DICM")


@pytest.mark.parametrize(
    ("data", "reason", "code"),
    [
        (b"", "the file is empty", "truncated"),
        (b"Dear Sir or Madam", "its content is not DICOM", "unreadable"),
        (bytes(128) + b"DICM", "the file ends early", "truncated"),
        (bytes(128) + b"DICM" + b"\xff" * 50, "the file ends early", "truncated"),
    ],
)
def test_what_is_no_dicom_picture_is_unreadable(data: bytes, reason: str, code: str) -> None:
    with pytest.raises(UnreadableImageError, match=f"^cannot read DICOM.*1 of 1: {reason}") as e:
        _read(data)
    assert e.value.code == code


def test_a_report_holds_no_picture(make_dicom: MakeDicom) -> None:
    with pytest.raises(UnreadableImageError, match="it holds no picture"):
        _read(make_dicom(GREY, Rows=None, PixelData=None))


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_file_that_ends_within_its_pixels_is_truncated(
    make_dicom: MakeDicom, share: float
) -> None:
    data = make_dicom(np.zeros((64, 64), dtype=np.int16))
    with pytest.raises(UnreadableImageError, match="the file ends before its pixels do") as caught:
        _read(data[: int(len(data) * share)])
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("share", [0.6, 0.95])
def test_a_compressed_file_that_ends_within_its_pixels_is_truncated(
    make_dicom: MakeDicom, share: float
) -> None:
    packed = dcmread(
        BytesIO(make_dicom(np.random.default_rng(0).integers(0, 99, (64, 64)).astype("i2")))
    )
    packed.compress(RLELossless, generate_instance_uid=False)
    data = _saved(packed)
    with pytest.raises(UnreadableImageError, match="the file ends early") as caught:
        _read(data[: int(len(data) * share)])
    assert caught.value.code == "truncated"


def test_a_header_that_announces_a_bomb_is_refused(make_dicom: MakeDicom) -> None:
    data = make_dicom(GREY, Rows=65535, Columns=65535)
    with pytest.raises(UnreadableImageError, match="it has more than 89,478,485 pixels"):
        _read(data)


def _deflated(data: bytes) -> bytes:
    dataset = dcmread(BytesIO(data))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return _saved(dataset)


def test_a_deflated_file_gives_the_same_values(make_dicom: MakeDicom) -> None:
    data = _deflated(make_dicom(GREY))
    assert np.array_equal(_read(data).picture.pixels, GREY)
    with pytest.raises(UnreadableImageError, match="the file ends early") as caught:
        _read(data[:-50])
    assert caught.value.code == "truncated"


def test_a_deflated_bomb_is_not_inflated(make_dicom: MakeDicom) -> None:
    data = _deflated(make_dicom(np.zeros((2200, 2200), dtype=np.int16)))  # 9 MiB
    with pytest.raises(UnreadableImageError, match="it inflates 200-fold, as a decompression bomb"):
        _read(data)
    small = _deflated(make_dicom(np.zeros((1000, 1000), dtype=np.int16)))
    assert len(small) < 1000 * 1000 * 2 / 500
    assert _read(small).picture.pixels.shape == (1000, 1000)


def test_what_is_large_when_inflated_is_refused_however_it_shrinks(make_dicom: MakeDicom) -> None:
    pixels = np.zeros((5000, 7000), dtype=np.int16)
    pixels[::40] = np.random.default_rng(0).integers(0, 2**15, (125, 7000))
    data = _deflated(make_dicom(pixels))
    assert pixels.nbytes / len(data) < 200
    with pytest.raises(UnreadableImageError, match="it is larger than 64 MiB when inflated"):
        _read(data)


def test_the_inflated_part_is_found_as_pydicom_finds_it(make_dicom: MakeDicom) -> None:
    """A small stream where the file says that its meta ends must not hide a bomb behind it."""
    data = _deflated(make_dicom(np.zeros((3000, 3000), dtype=np.int16)))
    lying = data[:140] + (8).to_bytes(4, "little") + data[144:]
    with pytest.raises(UnreadableImageError, match="it inflates 200-fold"):
        _read(lying)


def test_a_file_above_the_limit_is_refused(
    make_dicom: MakeDicom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_BYTES", 1000)
    with pytest.raises(UnreadableImageError, match="the file is larger than"):
        _read(make_dicom(np.zeros((64, 64), dtype=np.int16)))


@pytest.mark.parametrize(
    ("syntax", "reason"),
    [
        (
            JPEGLosslessSV1,
            r"JPEG Lossless.*get it with: pip install 'acir\[codecs\]' or 'acir\[gpl",
        ),
        (JPEGExtended12Bit, r"JPEG Extended.*pip install 'acir\[codecs\]' or 'acir\[gpl-codecs\]'"),
        (MPEG2MPML, "MPEG2 Main Profile / Main Level$"),
        (UID("1.2.3.4711"), "its transfer syntax$"),
    ],
)
def test_a_missing_decoder_is_named(
    make_dicom: MakeDicom, monkeypatch: pytest.MonkeyPatch, syntax: UID, reason: str
) -> None:
    monkeypatch.setattr(Codec, "installed", property(lambda codec: codec.extra is None))
    dataset = dcmread(BytesIO(make_dicom(GREY)))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    with pytest.raises(UnreadableImageError, match=f"there is no decoder for {reason}"):
        _read(_saved(dataset))


def test_a_file_without_a_transfer_syntax_is_refused(make_dicom: MakeDicom) -> None:
    dataset = dcmread(BytesIO(make_dicom(GREY)))
    data = _saved(dataset).replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI")
    with pytest.raises(UnreadableImageError, match="it does not say its transfer syntax"):
        _read(data)


@pytest.mark.parametrize("start", [b"MZ", b"\x7fELF", b"#!/bin/sh\n"])
def test_a_preamble_that_is_a_program_is_refused(make_dicom: MakeDicom, start: bytes) -> None:
    data = make_dicom(GREY)
    with pytest.raises(UnreadableImageError, match="it begins as a program does"):
        _read(start + data[len(start) :])


def test_the_preamble_of_a_tiff_is_none_of_our_business(make_dicom: MakeDicom) -> None:
    data = make_dicom(GREY)
    assert _read(b"II*\0" + data[4:]).picture.pixels.shape == GREY.shape


def test_a_mask_is_no_picture(make_dicom: MakeDicom) -> None:
    data = make_dicom(GREY, SOPClassUID=SegmentationStorage)
    with pytest.raises(UnreadableImageError, match="no picture; its class is Segmentation Sto"):
        _read(data)


def _floating(make_dicom: MakeDicom, pixels: np.ndarray) -> bytes:
    return make_dicom(
        pixels, PixelData=None, FloatPixelData=pixels.tobytes(), BitsStored=None, HighBit=None,
        PixelRepresentation=None, RescaleSlope=1, RescaleIntercept=0,
    )  # fmt: skip


def test_floating_point_pixels_are_read(make_dicom: MakeDicom) -> None:
    pixels = np.linspace(-0.5, 7.25, 20, dtype=np.float32).reshape(4, 5)
    picture = _read(_floating(make_dicom, pixels)).picture
    assert np.array_equal(picture.pixels, pixels)
    assert picture.value_range == (-0.5, 7.25)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(make_dicom: MakeDicom, value: float) -> None:
    pixels = np.full((4, 5), value, dtype=np.float32)
    with pytest.raises(UnreadableImageError, match="it has values that are not finite"):
        _read(_floating(make_dicom, pixels))


def test_a_window_hides_no_value_that_is_not_finite(make_dicom: MakeDicom) -> None:
    pixels = np.ones((4, 5), dtype=np.float32)
    pixels[2, 2] = np.nan
    made = dcmread(BytesIO(_floating(make_dicom, pixels)))
    made.WindowCenter, made.WindowWidth = 1, 2
    buffer = BytesIO()
    dcmwrite(buffer, made)
    with pytest.raises(UnreadableImageError, match="it has values that are not finite"):
        _read(buffer.getvalue())


def test_values_in_the_upper_bits_are_refused(make_dicom: MakeDicom) -> None:
    raw = GREY.astype(np.uint16) << 4
    with pytest.raises(UnreadableImageError, match="its HighBit is not one less than its BitsS"):
        _read(make_dicom(raw, BitsStored=12, HighBit=15))


def test_overlays_in_the_bits_above_are_no_part_of_a_value(make_dicom: MakeDicom) -> None:
    raw = (GREY & 0x0FFF) | 0x2000
    found = _read(make_dicom(raw, BitsStored=12, HighBit=11)).picture
    assert np.array_equal(found.pixels, GREY)


def test_a_palette_of_opacity_adds_no_fourth_colour(make_dicom: MakeDicom) -> None:
    table = bytes(range(256))
    palette: dict[str, Any] = {}
    for colour in ("Red", "Green", "Blue", "Alpha"):
        palette[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 8]
        palette[f"{colour}PaletteColorLookupTableData"] = table
    indices = np.arange(60, dtype=np.uint8).reshape(6, 10)
    found = _read(
        make_dicom(indices, PhotometricInterpretation="PALETTE COLOR", Modality="MR", **palette)
    )
    assert np.array_equal(found.picture.pixels, np.stack([indices] * 3, -1))


def test_damaged_compressed_pixels_are_unreadable(make_dicom: MakeDicom) -> None:
    dataset = dcmread(BytesIO(make_dicom(GREY.astype(np.uint8))))
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    frame = b"\xff\xd8" + START_OF_FRAME + b" no jpeg \xff\xd9"
    dataset.PixelData = encapsulate([frame])
    with pytest.raises(UnreadableImageError, match="its content is damaged or of a kind"):
        _read(_saved(dataset))


def test_nothing_that_pydicom_says_is_heard(
    make_dicom: MakeDicom, caplog: pytest.LogCaptureFixture
) -> None:
    data = make_dicom(GREY, SOPInstanceUID="1.2.345678").replace(b"1.2.345678", b"Mrs Canary")
    with pytest.warns(UserWarning, match="Mrs Canary"):
        assert dcmread(BytesIO(data)).SOPInstanceUID
    assert "Mrs Canary" in caplog.text
    caplog.clear()
    assert _read(data).id == pseudonym(KEY, "instance", "Mrs Canary")
    assert not caplog.records


def test_while_one_thread_reads_another_that_ends_lets_nothing_be_heard() -> None:
    log, turn, ended = logging.getLogger("pydicom"), Event(), Event()

    def first() -> None:
        with unheard():
            turn.set()
            ended.wait(0.2)  # for the second to begin, were it let

    def second() -> bool:
        turn.wait()
        with unheard():
            ended.set()
            other.result()
            return log.disabled

    with ThreadPoolExecutor(2) as threads:
        other = threads.submit(first)
        assert threads.submit(second).result()
    assert not log.disabled


def test_no_damage_lets_a_value_or_another_error_out(
    make_dicom: MakeDicom, identity: tuple[str, ...]
) -> None:
    whole = make_dicom(GREY, PatientName="CANARY^PATRICIA" * 3)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(132, len(data), 4):
            data[place] = rng.integers(256)
        try:
            said = repr(_read(bytes(data)))
        except UnreadableImageError as error:
            said, refused = str(error), refused + 1
        assert not [word for word in identity if word in said]
    assert refused > 30


@pytest.mark.usefixtures("unscreened")
@pytest.mark.skipif(not SAMPLES.is_file(), reason="shared/data/dicom_dev.zip is not at hand")
def test_every_sample_is_read_or_refused_in_words() -> None:
    readings: dict[str, DicomPicture | str] = {}
    with zipfile.ZipFile(SAMPLES) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            try:
                readings[Path(name).name] = reader.read(data, KEY, "a", None)
            except UnreadableImageError as error:
                readings[Path(name).name] = error.reason
    assert sum(isinstance(found, DicomPicture) for found in readings.values()) > 100
    assert readings["MR_truncated.dcm"] == "the file ends before its pixels do"
    assert readings["test-SR.dcm"] == ("it holds no picture; its class is Comprehensive SR Storage")
    same = ("MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm")
    hashes = {
        f.picture.pixels.tobytes() for n in same if isinstance(f := readings[n], DicomPicture)
    }
    assert len(hashes) == 1
