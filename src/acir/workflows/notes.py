"""What a person should know of the pictures that went in: passed over, converted."""

from collections.abc import Iterator, Sequence

from acir.amounts import amount
from acir.sources.base import Source
from acir.types import Skipped


def source_lines(source: Source) -> Iterator[str]:
    """Say what is to be known of what a source read, and list what it could not read."""
    yield from source.remarks
    yield from skipped_lines(source.skipped)


def skipped_lines(skipped: Sequence[Skipped]) -> Iterator[str]:
    """Count and list the pictures that could not be read."""
    if skipped:
        yield f"skipped {amount(len(skipped), 'unreadable picture', 'unreadable pictures')}:"
    for picture in skipped:
        yield f"  {picture.path}: {picture.reason}"


def converted_lines(count: int) -> Iterator[str]:
    """Count the pictures that were converted from grey to colour or back."""
    if count:
        yield f"converted {amount(count, 'picture', 'pictures')} to the channels of the model"
