"""Compressed pictures without words: what JPEG, JPEG-LS and JPEG 2000 carry beside their pixels.

Cameras and converters write EXIF, comments and small copies of a picture into the stream itself,
where no attribute shows them. What a decoder needs stays; the content of every other segment
becomes zeros, which moves nothing, and what follows the end of the picture is cut off.
"""

import re

START_OF_CODESTREAM = b"\xff\x4f"
CODESTREAM_BOX = re.compile(rb"jp2c(?=\xff\x4f\xff\x51)")
# ISO/IEC 10918-1 table B.1; DHP and EXP, and the last two of JPEG-LS (ISO/IEC 14495-1 C.1.1).
NEEDED = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xF7, 0xF8} - {0xC8})
# Of the segments of applications, those that say what the colours are: start and exact length.
COLOURS = {0xE0: (b"JFIF\0", 16), 0xE8: (b"mrfx", 7), 0xEE: (b"Adobe", 14)}
FILL, SCAN, END = 0xFF, 0xDA, 0xD9
# Within a scan, 0xFF is followed by less than 0x80 or by a restart, which goes on with it.
AFTER_SCAN = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
# ISO/IEC 15444-1 table A.2 without COM, and CAP of part 2.
NEEDED_J2K = frozenset(range(0xFF50, 0xFF64)) | {0xFF91, 0xFF92}
TILE_PART, TILE_DATA, END_J2K = 0xFF90, 0xFF93, 0xFFD9


def without_words(stream: bytes) -> bytes:
    """Return a compressed frame with nothing but its pixels; of JP2, the codestream alone.

    Args:
        stream: JPEG, JPEG-LS or JPEG 2000.

    Raises:
        ValueError: Its segments cannot be told apart.
    """
    if box := CODESTREAM_BOX.search(stream):
        stream = stream[box.end() :]
    copy = bytearray(stream)
    return bytes(copy[: _j2k(copy) if stream.startswith(START_OF_CODESTREAM) else _jpeg(copy)])


def _jpeg(stream: bytearray) -> int:
    """Blank segments; return where the picture ends."""
    place = 2
    while place + 4 <= len(stream):
        marker, length = stream[place + 1], _number(stream, place + 2, 2)
        if stream[place] != FILL:
            raise ValueError("no marker")
        if marker == END:
            return place + 2
        if marker == FILL:
            place += 1
            continue
        if marker not in NEEDED and not _says_colours(stream, place, marker, length):
            _blank(stream, place + 4, place + 2 + length)
        place += 2 + length
        if marker == SCAN:
            after = AFTER_SCAN.search(stream, place)
            place = after.start() if after else len(stream)
    return len(stream)


def _says_colours(stream: bytearray, place: int, marker: int, length: int) -> bool:
    start, exact = COLOURS.get(marker, (b"", 0))
    return length == exact and stream.startswith(start, place + 4)


def _j2k(stream: bytearray) -> int:
    """Blank segments of the main header and of those of tile-parts; return where it ends."""
    place = len(START_OF_CODESTREAM)
    until = 0
    while place + 4 <= len(stream):
        marker, length = _number(stream, place, 2), _number(stream, place + 2, 2)
        if marker >> 8 != FILL:
            raise ValueError("no marker")
        if marker == END_J2K:
            return place + 2
        if marker == TILE_DATA:
            if until <= place:
                raise ValueError("no tile-part")
            place = until
            continue
        if marker == TILE_PART:  # without a length, it is the last one (A.4.2)
            part = _number(stream, place + 6, 4)
            until = place + part if part else max(stream.rfind(b"\xff\xd9"), place)
        elif marker not in NEEDED_J2K:
            _blank(stream, place + 4, place + 2 + length)
        place += 2 + length
    return len(stream)


def _number(stream: bytearray, place: int, size: int) -> int:
    return int.from_bytes(stream[place : place + size], "big")


def _blank(stream: bytearray, start: int, end: int) -> None:
    end = min(end, len(stream))
    stream[start:end] = bytes(max(0, end - start))
