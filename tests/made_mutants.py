"""DICOM files damaged in six ways, the same for the same number on every machine."""

import re
import warnings
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom.data
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

SAMPLES = Path(pydicom.data.__file__).parent / "test_files"
PREAMBLE = 132
META = 12  # bytes of the element that says how long the file meta is
SEED = 20261128
Seeds = tuple[bytes, ...]
Mutator = Callable[[np.random.Generator, bytearray, Seeds], bytearray]

# (0028,xxxx): samples, frames, rows, columns, bits allocated, stored, high bit, representation.
GEOMETRY = tuple(bytes((0x28, 0, low, high)) for low, high in (
    (0x02, 0), (0x08, 0), (0x10, 0), (0x11, 0), (0x00, 1), (0x01, 1), (0x02, 1), (0x03, 1),
))  # fmt: skip
PIXEL_DATA = bytes((0xE0, 0x7F, 0x10, 0x00))
REPRESENTATIONS = (
    b"OB", b"OW", b"SQ", b"UN", b"UI", b"US", b"DS", b"LO", b"PN", b"UT", b"CS", b"IS",
)  # fmt: skip
LENGTHS = (b"\xff\xff\xff\xff", b"\xfe\xff\xff\x7f", b"\0\0\0\x80", b"\0\0\0\0", b"\xff\xff")

# All that may be said of a file: words of our own, names from the standard, and our own limits.
CLASS = r"[A-Z0-9][\w /,()\[\]-]*"
SENTENCES = re.compile(
    rf"""
    the\ file\ (is\ empty|ends\ early|ends\ before\ its\ pixels\ do|is\ larger\ than\ 512\ MiB)
    |its\ content\ (is\ not\ DICOM|is\ damaged\ or\ of\ a\ kind\ that\ is\ not\ decoded)
    |its\ content\ made\ the\ decoder\ (crash|give\ up)
    |decoding\ it\ takes\ more\ (memory\ than\ a\ file\ may\ have|than\ 10\ seconds)
    |it\ begins\ as\ a\ program\ does,\ not\ as\ a\ picture
    |it\ does\ not\ say\ its\ transfer\ syntax
    |it\ is\ larger\ than\ 64\ MiB\ when\ inflated
    |it\ holds\ no\ picture(;\ its\ class\ is\ {CLASS})?
    |it\ has\ more\ than\ (5,000\ frames|89,478,485\ pixels)
    |it\ has\ no\ frame\ \d+,\ only\ \d+
    |it\ has\ values\ that\ are\ not\ finite
    |its\ frames\ take\ more\ than\ 512\ MiB\ when\ decoded
    |its\ (Rows|Columns|SamplesPerPixel|BitsAllocated|NumberOfFrames)\ is\ less\ than\ 1
    |its\ SamplesPerPixel\ is\ neither\ 1\ nor\ 3
    |its\ HighBit\ is\ not\ one\ less\ than\ its\ BitsStored
    |its\ compressed\ pixels\ are\ damaged\ or\ of\ another\ size\ than\ its\ header\ says
    |its\ compressed\ pixels\ are\ too\ many\ for\ its\ size
    |it\ is\ kept\ back,\ as\ text\ may\ be\ burned\ into\ its\ pixels:
     \ [^;]+(;\ try\ it\ by\ hand)?;\ look\ at\ it\ first
    |there\ is\ no\ decoder\ for\ (its\ transfer\ syntax|{CLASS})(;\ get\ it\ with:\ pip.*)?
    """,
    re.VERBOSE,
)


def seeds() -> Seeds:
    """Return pydicom's own test files that begin as DICOM does, in the order of their names."""
    found = (place.read_bytes() for place in sorted(SAMPLES.glob("*.dcm")))
    return tuple(dict.fromkeys(data for data in found if data[128:PREAMBLE] == b"DICM"))


def random_bytes(rng: np.random.Generator, data: bytearray, _: Seeds) -> bytearray:
    for place in rng.integers(PREAMBLE, len(data), rng.integers(1, 64)):
        data[place] = rng.integers(256)
    return data


def truncation(rng: np.random.Generator, data: bytearray, _: Seeds) -> bytearray:
    return data[: rng.integers(0, len(data))]


def length_bomb(rng: np.random.Generator, data: bytearray, _: Seeds) -> bytearray:
    """Give some elements a length that they do not have."""
    for _time in range(rng.integers(1, 4)):
        kind = REPRESENTATIONS[rng.integers(len(REPRESENTATIONS))]
        place = _one_of(rng, data, kind)
        length = LENGTHS[rng.integers(len(LENGTHS))]
        at = place + (2 if len(length) == 2 else 4)
        data[at : at + len(length)] = length
    return data


def geometry(rng: np.random.Generator, data: bytearray, _: Seeds) -> bytearray:
    """Change what the header says of rows, columns, bits and the like."""
    for _time in range(rng.integers(1, 4)):
        place = _one_of(rng, data, GEOMETRY[rng.integers(len(GEOMETRY))])
        value = (0, 1, 2, 7, 9, 17, 255, 4095, 32768, 65535)[rng.integers(10)]
        at = place + 8  # behind tag, representation and length, or tag and length
        data[at : at + 2] = value.to_bytes(2, "little")
    return data


def splice(rng: np.random.Generator, data: bytearray, others: Seeds) -> bytearray:
    """Put the head of one file before the tail of another."""
    other = others[rng.integers(len(others))]
    return data[: rng.integers(PREAMBLE, len(data))] + other[rng.integers(0, len(other)) :]


def pixel_damage(rng: np.random.Generator, data: bytearray, _: Seeds) -> bytearray:
    """Change, drop or repeat bytes behind the mark of the pixel data."""
    start = max(data.rfind(PIXEL_DATA), PREAMBLE)
    for place in rng.integers(start, len(data), rng.integers(1, 32)):
        data[place] = rng.integers(256)
    a, b = sorted(rng.integers(start, len(data) + 1, 2))
    match rng.integers(4):
        case 0:
            del data[a:b]
        case 1:
            data[a:a] = data[a:b]
    return data


MUTATORS: tuple[Mutator, ...] = (
    random_bytes, truncation, length_bomb, geometry, splice, pixel_damage,
)  # fmt: skip


def mutant(number: int, files: Seeds) -> bytes:
    """Return a damaged file; its number decides the file, the mutator and the damage."""
    rng = np.random.default_rng((SEED, number))
    data = bytearray(files[rng.integers(len(files))])
    return bytes(MUTATORS[number % len(MUTATORS)](rng, data, files))


def sent(number: int, files: Seeds) -> tuple[bytes, str]:
    """Return what a sender sends of a damaged file, and the transfer syntax that it says.

    That is all behind the place where the file meta ended before the damage.
    """
    file = files[np.random.default_rng((SEED, number)).integers(len(files))]
    begin, syntax = _meta(file)
    return mutant(number, files)[begin:], syntax


@cache
def _meta(file: bytes) -> tuple[int, str]:
    """Return where the file meta of a seed ends, and its transfer syntax."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some seeds are odd on purpose
        meta = dcmread(BytesIO(file), stop_before_pixels=True).file_meta
    size = meta.get("FileMetaInformationGroupLength", -META)
    return PREAMBLE + META + size, str(meta.get("TransferSyntaxUID", ExplicitVRLittleEndian))


def _one_of(rng: np.random.Generator, data: bytearray, mark: bytes) -> int:
    """Return where a mark stands, any of its places, or any place where it does not."""
    begin = data.find(mark, rng.integers(len(data)))
    found = begin if begin >= 0 else data.find(mark)
    return found if found >= 0 else int(rng.integers(PREAMBLE, max(PREAMBLE + 1, len(data) - 16)))
