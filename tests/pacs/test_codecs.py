"""Decoders against DCMTK's encoders: what it packed without loss comes back as it was."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from acir.errors import UnreadableImageError
from acir.pacs import reader
from acir.pacs.codecs import CODECS, Codec, allowed, decodable, plugin_for
from made_mutants import SAMPLES, SENTENCES
from made_orthanc import needed

KEY = bytes(range(32))
RNG = np.random.default_rng(0)
PICTURES: dict[str, np.ndarray] = {
    "signed": np.cumsum(RNG.integers(-9, 10, (48, 40)), axis=1).astype(np.int16),
    "16 bit": RNG.integers(0, 2**16, (48, 40), dtype=np.uint16),
    "8 bit": RNG.integers(0, 256, (48, 40), dtype=np.uint8),
}
COLOUR = RNG.integers(0, 256, (48, 40, 3), dtype=np.uint8)
PACKERS = {
    "implicit": ("dcmconv", "+ti"),
    "big-endian": ("dcmconv", "+tb"),
    "deflated": ("dcmconv", "+td"),
    "RLE": ("dcmcrle",),
    "JPEG-LS": ("dcmcjpls",),
    "JPEG lossless": ("dcmcjpeg", "+el"),
    "JPEG lossless, first order": ("dcmcjpeg", "+e1"),
}
# Of pydicom's own set: no picture, no head, broken on purpose, or in need of the GPL extra.
REFUSED = {
    *("rtplan.dcm", "rtplan_truncated.dcm", "reportsi.dcm", "test-SR.dcm", "waveform_ecg.dcm"),
    *("liver_1frame.dcm", "liver_expb_1frame.dcm", "reportsi_with_empty_number_tags.dcm"),
    *("UN_sequence.dcm", "empty_charset_LEI.dcm", "nested_priv_SQ.dcm", "priv_SQ.dcm"),
    *("ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "no_meta.dcm", "rtstruct.dcm"),
    *("no_meta_group_length.dcm", "meta_missing_tsyntax.dcm", "badVR.dcm", "MR_truncated.dcm"),
    *("JPEG2000-embedded-sequence-delimiter.dcm", "SC_rgb_jpeg_gdcm.dcm"),
}

MakeDicom = Callable[..., bytes]


def _packed(data: bytes, packer: tuple[str, ...], folder: Path) -> bytes:
    plain, packed = folder / "a.dcm", folder / "b.dcm"
    plain.write_bytes(data)
    program, *options = packer
    command = [needed(program), *options, str(plain), str(packed)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return packed.read_bytes()


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("kind", PICTURES)
def test_what_dcmtk_packed_comes_back_as_it_was(
    make_dicom: MakeDicom, tmp_path: Path, kind: str, packer: str
) -> None:
    data = _packed(make_dicom(PICTURES[kind]), PACKERS[packer], tmp_path)
    assert np.array_equal(reader.read(data, KEY, "a").picture.pixels, PICTURES[kind])


@pytest.mark.parametrize("packer", ["big-endian", "RLE", "JPEG-LS"])
def test_colour_that_dcmtk_packed_comes_back_as_it_was(
    make_dicom: MakeDicom, tmp_path: Path, packer: str
) -> None:
    data = _packed(make_dicom(COLOUR), PACKERS[packer], tmp_path)
    assert np.array_equal(reader.read(data, KEY, "a").picture.pixels, COLOUR)


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG-lossy.dcm"])
def test_jpeg_of_12_bit_is_what_dcmtk_unpacks(tmp_path: Path, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    unpacked = dcmread(io.BytesIO(_packed(data, ("dcmdjpeg",), tmp_path))).pixel_array
    assert np.abs(reader.read(data, KEY, "a").picture.pixels - unpacked.astype(int)).max() <= 1


@pytest.mark.usefixtures("unscreened")
def test_jpeg_2000_with_a_foreign_wrapper_is_read() -> None:
    found = reader.read((SAMPLES / "GDCMJ2K_TextGBR.dcm").read_bytes(), KEY, "a")
    assert found.picture.pixels.shape == (400, 400, 3)


def test_colour_in_lossless_jpeg_needs_the_other_extra() -> None:
    data = (SAMPLES / "SC_rgb_jpeg_gdcm.dcm").read_bytes()
    reason = r"no decoder for JPEG Lossless.*; get it with: pip install 'acir\[gpl-codecs\]'$"
    with pytest.raises(UnreadableImageError, match=reason):
        reader.read(data, KEY, "a")


@pytest.mark.parametrize(
    ("syntax", "bits", "samples", "plugin"),
    [
        (UID("1.2.840.10008.1.2.1"), 16, 1, ""),
        (RLELossless, 16, 1, "pydicom"),
        (JPEGBaseline8Bit, 8, 3, "pillow"),
        (JPEGBaseline8Bit, 12, 1, None),
        (JPEGExtended12Bit, 8, 1, "pillow"),
        (JPEGExtended12Bit, 12, 1, "imagecodecs"),
        (JPEGLossless, 16, 1, "imagecodecs"),
        (JPEGLosslessSV1, 8, 3, None),
        (JPEGLSLossless, 16, 1, "pyjpegls"),
        (JPEG2000Lossless, 16, 1, "pylibjpeg"),
    ],
)
def test_the_decoder_is_chosen_by_us(
    syntax: UID, bits: int, samples: int, plugin: str | None
) -> None:
    assert plugin_for(syntax, bits, samples) == plugin


def test_with_the_gpl_extra_its_decoder_is_the_last_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Codec, "installed", property(lambda codec: codec.library != "imagecodecs"))
    assert plugin_for(JPEGLosslessSV1, 8, 3) == "pylibjpeg"
    assert plugin_for(JPEGExtended12Bit, 12, 1) == "pylibjpeg"


def test_gdcm_is_never_chosen() -> None:
    chosen = {codec.plugin for codecs in CODECS.values() for codec in codecs}
    assert chosen == {"pydicom", "pillow", "imagecodecs", "pylibjpeg", "pyjpegls"}


def test_pydicom_knows_each_plugin_by_its_name() -> None:
    for syntax, codecs in CODECS.items():
        for codec in codecs:
            if codec.extra is None:
                assert codec.plugin in get_decoder(syntax).available_plugins


def test_videos_and_unknown_syntaxes_are_not_allowed() -> None:
    assert not allowed(UID("1.2.840.10008.1.2.4.100"))
    assert not allowed(UID("1.2.3"))
    assert all(decodable().values())


@pytest.mark.usefixtures("unscreened")
def test_every_sample_of_pydicom_is_read_or_is_known_to_be_none() -> None:
    refused: dict[str, str] = {}
    for file in sorted(SAMPLES.glob("*.dcm")):
        try:
            reader.read(file.read_bytes(), KEY, "a")
        except UnreadableImageError as error:
            refused[file.name] = error.reason
    assert refused.keys() == REFUSED
    assert all(SENTENCES.fullmatch(reason) for reason in refused.values())
