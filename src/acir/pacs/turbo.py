"""A plugin for pydicom: JPEG of 12 bit and lossless JPEG, decoded by libjpeg-turbo in imagecodecs.

Such a plugin is a module with a function `is_available` and a table of what it needs; see
https://pydicom.github.io/pydicom/stable/guides/decoding/decoder_plugins.html
"""

from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1

DECODER_DEPENDENCIES = dict.fromkeys(
    (JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1), ("imagecodecs",)
)


def is_available(uid: str) -> bool:
    """Whether a transfer syntax is one of those; `acir.pacs.codecs` asks for the library."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(src: bytes, runner: DecodeRunner) -> bytes:
    """Return the pixels of a grey frame, in as many bytes a sample as its type has."""
    import imagecodecs  # noqa: PLC0415 - of an extra

    pixels = imagecodecs.jpeg8_decode(src)
    runner.set_option("bits_allocated", pixels.dtype.itemsize * 8)
    return bytes(pixels.tobytes())
