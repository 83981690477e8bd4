"""From the pictures of a source to the entries of an index."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from einops import rearrange
from PIL import Image

from acir.bulk import encode_images, prepared_batches
from acir.bundle import Bundle
from acir.index.entry import Entry
from acir.index.store import Store
from acir.prep.pixels import to_unit
from acir.types import ImageRecord

THUMBNAIL_SIDE = 96
ROUNDING = 1e-3  # far above what batches change in a unit vector, far below what pictures do


@dataclass(frozen=True)
class Kept:
    """What an index keeps of a picture besides its code.

    Attributes:
        thumbnails: Whether a 96-pixel picture is kept for reports.
        paths: Whether paths relative to the source are kept.
    """

    thumbnails: bool = True
    paths: bool = True


def entries(
    records: Iterable[ImageRecord], bundle: Bundle, kept: Kept, store: Store
) -> Iterator[Entry]:
    """Encode records as they come; one that is stored with the same pixels keeps its code."""
    for chunk, images in prepared_batches(records, bundle.prep):
        codes, embeddings = encode_images(bundle.encoder, images)
        stored = store.known([record.id for record in chunk])
        for record, code, embedding in zip(chunk, codes, embeddings, strict=True):
            entry = Entry(
                id=record.id,
                code=code,
                embedding=embedding,
                label="|".join(record.labels),
                pixel_hash=record.pixel_hash,
                path=record.path if kept.paths else None,
                patient=record.patient,
                thumbnail=thumbnail(record) if kept.thumbnails else None,
                metadata=record.metadata,
            )
            yield settled(entry, stored[record.id]) if record.id in stored else entry


def settled(entry: Entry, stored: Entry) -> Entry:
    """Return the entry with the stored code where nothing but rounding tells them apart.

    How many pictures are encoded together decides the last bits of an embedding, and adding a
    picture again must change nothing.
    """
    difference = entry.embedding.astype(np.float32) - stored.embedding.astype(np.float32)
    if entry.pixel_hash != stored.pixel_hash or np.abs(difference).max() > ROUNDING:
        return entry
    return replace(entry, code=stored.code, embedding=stored.embedding)


def ordinary(
    records: Iterable[ImageRecord], bundle: Bundle, counts: Counter[str]
) -> Iterator[ImageRecord]:
    """Leave out and count calibration pictures; count those that the model sees converted."""
    for record in records:
        if record.pixel_hash in bundle.calibration:
            counts["calibration"] += 1
            continue
        counts["converted"] += bundle.prep.converts(record)
        yield record


def thumbnail(record: ImageRecord) -> bytes:
    """Return a PNG whose longer side has at most 96 pixels."""
    unit = to_unit(record)
    whole = (unit * 255).round().astype(np.uint8)
    picture = Image.fromarray(whole if record.is_colour else rearrange(whole, "h w 1 -> h w"))
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
