"""The checksum of a row is the one that `checksum` defines, however it is put together."""

import pytest

from acir.index.entry import checksum, seal
from acir.index.rows import mark_of

WORDS = ("ä'1", "a|b", None, "p", "0" * 64)
KEPT = (("key", "välue"),)
CODE, EMBEDDING = seal(b"12345678"), seal(b"\x00\xff" * 9)


@pytest.mark.parametrize("metadata", [(), KEPT])
def test_of_a_row_with_and_without_a_thumbnail(metadata: tuple[tuple[str, str], ...]) -> None:
    plain = mark_of((*WORDS, CODE, EMBEDDING, None, metadata))
    assert plain == checksum((*WORDS, metadata), (CODE, EMBEDDING))
    pictured = mark_of((*WORDS, CODE, EMBEDDING, b"png", metadata))
    assert pictured == checksum((*WORDS, metadata), (CODE, EMBEDDING, b"png"))


@pytest.mark.parametrize("other", ["text", 7, None])
def test_of_a_row_whose_blob_a_disk_has_made_something_else(other: object) -> None:
    for columns in ((*WORDS, other, EMBEDDING, None, KEPT), (*WORDS, CODE, EMBEDDING, 7, KEPT)):
        assert mark_of(columns) == checksum(columns, ())
