"""Decoding against arrays that were encoded without loss, and what a hostile file gives."""

import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Shaped
from PIL import Image

from acir.errors import UnreadableImageError
from acir.prep import decode as module
from acir.prep.decode import decode, decode_file, natural_range

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 8), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (6, 8), dtype=np.uint16)
COLOUR = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)


def _encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_eight_bits_come_back_unchanged(kind: str, pixels: Shaped[np.ndarray, "..."]) -> None:
    picture = decode(_encoded(Image.fromarray(pixels), kind), "a")
    assert np.array_equal(picture.pixels, pixels)
    assert picture.pixels.dtype == np.uint8
    assert picture.value_range == (0, 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_come_back_unchanged(kind: str) -> None:
    picture = decode(_encoded(Image.fromarray(GREY16), kind), "a")
    assert np.array_equal(picture.pixels, GREY16)
    assert picture.pixels.dtype == np.uint16
    assert picture.value_range == (0, 65535)


def test_a_jpeg_comes_back_about_the_same() -> None:
    smooth = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    picture = decode(_encoded(Image.fromarray(smooth), "JPEG", quality=95), "a")
    assert np.abs(picture.pixels.astype(int) - smooth).max() <= 4


def test_a_tiff_in_the_other_byte_order_gives_the_same_values() -> None:
    # A TIFF of one strip, written by hand: big-endian, 16 bit, BlackIsZero.
    picture = decode(_tiff(GREY16, photometric=1), "a")
    assert np.array_equal(picture.pixels, GREY16)
    assert picture.pixels.dtype == np.dtype("=u2")
    assert not picture.inverted


def test_a_deep_tiff_whose_zero_is_white_is_inverted() -> None:
    little = _tiff(GREY16, photometric=0, order="<")
    picture = decode(little, "a")
    assert np.array_equal(picture.pixels, GREY16)
    assert picture.inverted


def _tiff(pixels: Shaped[np.ndarray, "h w"], photometric: int, order: str = ">") -> bytes:
    height, width = pixels.shape
    tags = {256: width, 257: height, 258: 16, 259: 1, 262: photometric, 273: 8, 277: 1}
    tags |= {278: height, 279: pixels.size * 2}
    body = pixels.astype(f"{order}u2").tobytes()
    entries = b"".join(struct.pack(f"{order}HHII", k, 4, 1, v) for k, v in sorted(tags.items()))
    magic = b"MM\0*" if order == ">" else b"II*\0"
    head = magic + struct.pack(f"{order}I", 8 + len(body))
    return head + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def test_floats_keep_their_values_and_those_within_0_and_1_mean_just_that() -> None:
    unit = np.linspace(0.2, 0.9, 48, dtype=np.float32).reshape(6, 8)
    picture = decode(_encoded(Image.fromarray(unit), "TIFF"), "a")
    assert np.array_equal(picture.pixels, unit)
    assert picture.value_range == (0, 1)
    wider = decode(_encoded(Image.fromarray(unit * 100 - 40), "TIFF"), "a")
    assert list(wider.value_range) == pytest.approx([-20, 50])


def test_a_value_that_is_not_finite_is_unreadable() -> None:
    holed = np.full((2, 2), np.nan, dtype=np.float32)
    with pytest.raises(UnreadableImageError, match="cannot read a: it has values that are not fin"):
        decode(_encoded(Image.fromarray(holed), "TIFF"), "a")


def test_signed_values_and_a_constant_picture_have_a_range() -> None:
    assert natural_range(np.array([[-5, 7]], dtype=np.int16)) == (-5, 7)
    assert natural_range(np.array([[3, 3]], dtype=np.int32)) == (3, 4)


def test_one_bit_becomes_black_and_white() -> None:
    bits = GREY > 127
    picture = decode(_encoded(Image.fromarray(bits)), "a")
    assert np.array_equal(picture.pixels, np.where(bits, 255, 0))


def test_a_palette_becomes_colour_and_a_grey_palette_grey() -> None:
    image = Image.fromarray(np.array([[0, 1, 1]], dtype=np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    assert decode(_encoded(image), "a").pixels.tolist() == [
        [[10, 20, 30], [40, 50, 60], [40, 50, 60]]
    ]
    image.putpalette([7, 7, 7, 9, 9, 9])
    assert decode(_encoded(image), "a").pixels.tolist() == [[7, 9, 9]]


def test_what_is_transparent_is_shown_on_black() -> None:
    # Half transparent: 200 * 128 / 255 = 100.4
    rgba = np.array([[[200, 100, 50, 255], [200, 100, 50, 0], [200, 100, 50, 128]]], dtype=np.uint8)
    assert decode(_encoded(Image.fromarray(rgba)), "a").pixels.tolist() == [
        [[200, 100, 50], [0, 0, 0], [100, 50, 25]]
    ]


def test_grey_with_transparency_stays_grey() -> None:
    grey_alpha = np.array([[[200, 255], [200, 0]]], dtype=np.uint8)
    assert decode(_encoded(Image.fromarray(grey_alpha)), "a").pixels.tolist() == [[200, 0]]


def test_print_colours_become_screen_colours() -> None:
    cmyk = Image.fromarray(np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], dtype=np.uint8), "CMYK")
    assert decode(_encoded(cmyk, "TIFF"), "a").pixels.tolist() == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda p: p),
        (3, lambda p: np.rot90(p, 2)),
        (6, lambda p: np.rot90(p, -1)),
        (8, lambda p: np.rot90(p, 1)),
        (2, np.fliplr),
    ],
)
@pytest.mark.parametrize("pixels", [GREY, GREY16], ids=["8 bit", "16 bit"])
def test_a_picture_is_turned_upright(
    orientation: int,
    upright: Callable[[np.ndarray], np.ndarray],
    pixels: Shaped[np.ndarray, "h w"],
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _encoded(Image.fromarray(pixels), exif=exif)
    assert np.array_equal(decode(data, "a").pixels, upright(pixels))


LARGER = RNG.integers(0, 256, (20, 24, 3), dtype=np.uint8)
ENCODED = {
    "png": _encoded(Image.fromarray(LARGER)),
    "jpeg": _encoded(Image.fromarray(LARGER), "JPEG"),
    "progressive": _encoded(Image.fromarray(LARGER), "JPEG", progressive=True),
    "bmp": _encoded(Image.fromarray(LARGER), "BMP"),
    "tiff": _encoded(Image.fromarray(LARGER), "TIFF"),
    "lzw": _encoded(Image.fromarray(LARGER), "TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_a_file_cut_anywhere_is_refused_or_gives_every_pixel(kind: str) -> None:
    data = ENCODED[kind]
    whole = decode(data, "a").pixels
    for length in range(0, len(data), 3):
        try:
            picture = decode(data[:length], "a")
        except UnreadableImageError as error:
            cut_in_half = len(data) // 4 < length < len(data) * 3 // 4
            assert error.code == "truncated" or not cut_in_half, length
        else:
            assert np.array_equal(picture.pixels, whole), length


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(ENCODED)), st.data())
def test_damaged_bytes_give_a_picture_or_one_kind_of_error(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(ENCODED[kind])
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        assert decode(bytes(damaged), "a").pixels.size > 0
    except UnreadableImageError as error:
        assert str(error).startswith("cannot read a: ")
        assert "0x" not in str(error)


def test_an_empty_file_ends_early() -> None:
    with pytest.raises(UnreadableImageError, match="cannot read a: the file is empty") as caught:
        decode(b"", "a")
    assert caught.value.code == "truncated"


def test_content_that_is_no_picture_is_unreadable_whatever_its_name() -> None:
    with pytest.raises(UnreadableImageError, match="its content is no picture, expected PNG"):
        decode(b"Dear Sir or Madam", "letter.png")


def test_a_format_outside_the_list_is_no_picture() -> None:
    with pytest.raises(UnreadableImageError, match="its content is no picture"):
        decode(_encoded(Image.fromarray(GREY), "GIF"), "a.png")


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (10_000, 9_000)])
def test_a_decompression_bomb_is_refused_by_its_header(width: int, height: int) -> None:
    with pytest.raises(UnreadableImageError, match=r"more than 89,478,485 pixels, .* bomb"):
        decode(_png_of_zeros(width, height), "a")


def _png_of_zeros(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_file_above_the_limit_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 2**20)
    (tmp_path / "a.png").write_bytes(bytes(2**20 + 1))
    with pytest.raises(UnreadableImageError, match="cannot read a: the file is larger than 1 MiB"):
        decode_file(tmp_path / "a.png", "a")
    with pytest.raises(UnreadableImageError, match="the file is larger than 1 MiB"):
        decode(bytes(2**20 + 1), "a")


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="cannot read a: No such file"):
        decode_file(tmp_path / "a.png", "a")
    with pytest.raises(UnreadableImageError, match="cannot read a: there can be no such file"):
        decode_file(Path("a\0.png"), "a")


def test_what_may_never_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(UnreadableImageError, match="it is a device or a pipe, not a file"):
            decode_file(path, "a.png")


def test_a_folder_in_the_place_of_a_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="it is a folder that cannot be read"):
        decode_file(tmp_path, "a.png")


def test_a_file_is_decoded_as_its_bytes_are(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(ENCODED["png"])
    assert np.array_equal(decode_file(tmp_path / "a.png", "a").pixels, LARGER)
