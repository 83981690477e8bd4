"""Which decoder reads which transfer syntax: chosen here, never by what happens to be installed.

pydicom takes whatever it finds, GDCM among it, which damaged JPEG-LS, JPEG and JPEG 2000 files make
end its process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType

from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

BYTE = 8


@dataclass(frozen=True)
class Codec:
    """A decoder and what it needs.

    Attributes:
        plugin: What pydicom calls it.
        library: The module whose presence makes it usable.
        reads: Whether it reads pictures of so many bits stored and samples a pixel.
        extra: The extra of acir that brings it, or None where it always comes along.
    """

    plugin: str
    library: str
    reads: Callable[[int, int], bool] = lambda bits, samples: True
    extra: str | None = None

    @property
    def installed(self) -> bool:
        """Whether its library is here; it is not loaded."""
        return find_spec(self.library) is not None


NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
PILLOW = Codec("pillow", "PIL", lambda bits, samples: bits <= BYTE)
# Of colour it makes RGB by itself, and pydicom would do so once more.
TURBO = Codec("imagecodecs", "imagecodecs", lambda bits, samples: samples == 1, "codecs")
LIBJPEG = Codec("pylibjpeg", "libjpeg", extra="gpl-codecs")
OPENJPEG = Codec("pylibjpeg", "openjpeg")
CHARLS = Codec("pyjpegls", "jpeg_ls")
# The first one that reads a picture is taken.
CODECS: Mapping[UID, tuple[Codec, ...]] = MappingProxyType(
    {
        RLELossless: (Codec("pydicom", "pydicom"),),
        JPEGBaseline8Bit: (PILLOW,),
        JPEGExtended12Bit: (PILLOW, TURBO, LIBJPEG),
        JPEGLossless: (TURBO, LIBJPEG),
        JPEGLosslessSV1: (TURBO, LIBJPEG),
        JPEGLSLossless: (CHARLS,),
        JPEGLSNearLossless: (CHARLS,),
        JPEG2000Lossless: (OPENJPEG,),
        JPEG2000: (OPENJPEG,),
    }
)


def allowed(syntax: UID) -> bool:
    """Whether a transfer syntax is one that may be read at all."""
    return syntax in NATIVE or syntax in CODECS


def plugin_for(syntax: UID, bits: int, samples: int) -> str | None:
    """Return what pydicom calls the decoder of a picture, or None where none is installed.

    Args:
        syntax: A transfer syntax that is allowed; one that compresses nothing has "".
        bits: Bits stored of a sample.
        samples: Samples of a pixel.
    """
    if syntax in NATIVE:
        return ""
    for codec in CODECS[syntax]:
        if codec.reads(bits, samples) and codec.installed:
            if codec is TURBO:
                _make_known(syntax)
            return codec.plugin
    return None


def missing(syntax: UID, bits: int, samples: int) -> str:
    """Say in words which decoder there is not, and which extra would bring it."""
    extras = [
        f"'acir[{codec.extra}]'"
        for codec in CODECS.get(syntax, ())
        if codec.extra and codec.reads(bits, samples)
    ]
    advice = f"; get it with: pip install {' or '.join(extras)}" if extras else ""
    return f"there is no decoder for {called(syntax)}{advice}"


def called(syntax: UID) -> str:
    """Name a transfer syntax of the standard; anything else could be any text."""
    return syntax.name if syntax.name != syntax else "its transfer syntax"


def decodable() -> dict[str, bool]:
    """Say of each allowed transfer syntax whether all or some of its pictures can be decoded."""
    return {
        **{syntax.name: True for syntax in NATIVE},
        **{syntax.name: any(c.installed for c in codecs) for syntax, codecs in CODECS.items()},
    }


def _make_known(syntax: UID) -> None:
    decoder = get_decoder(syntax)
    if TURBO.plugin not in decoder.available_plugins:
        decoder.add_plugin(TURBO.plugin, ("acir.pacs.turbo", "decode_frame"))
