"""From the pictures of a source to the entries of an index."""

import io
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Float16, UInt8
from PIL import Image

from acir.bulk import BATCH, encode_images
from acir.bundle import Bundle
from acir.index.entry import Entry
from acir.index.filters import COLLECTION
from acir.models.encoder import Encoder
from acir.prep.decode import natural_range
from acir.prep.pixels import to_unit
from acir.types import ImageRecord

THUMBNAIL_SIDE = 96
SHOWN = "Shown"  # key of metadata: which values are black and white, where no thumbnail tells

Images = list[Float[np.ndarray, "3 height width"]]
Coded = list[tuple[UInt8[np.ndarray, " bytes"], Float16[np.ndarray, " dim"]]]
EncodeAll = Callable[[Iterator[Images]], Iterator[Coded]]


@dataclass(frozen=True)
class Kept:
    """What an index keeps of a picture besides its code.

    Attributes:
        thumbnails: Whether a 96-pixel picture is kept for reports.
        paths: Whether paths relative to the source are kept.
        collection: Where all pictures belong; None for where their own metadata say.
    """

    thumbnails: bool = True
    paths: bool = True
    collection: str | None = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture on its way into an index.

    Attributes:
        entry: What is kept of it; without code and embedding while there is an image.
        image: As the network sees it, or None for one that is stored already.
    """

    entry: Entry
    image: Float[np.ndarray, "3 height width"] | None


def prepared(
    records: Iterable[ImageRecord],
    bundle: Bundle,
    kept: Kept,
    stored: Callable[[str], Entry | None],
) -> Iterator[Prepared]:
    """Prepare records as they come; one that is stored with the same pixels keeps its code.

    The same means: the same pixel hash, and the same thumbnail, which tells a picture that is
    windowed in another way. Where none are kept, the window is among the metadata, unless it is the
    one that follows from the pixels.

    Args:
        records: From a source.
        bundle: The model.
        kept: What the index keeps.
        stored: Returns what is stored under an id.
    """
    for record in records:
        entry, before = _described(record, kept), stored(record.id)
        if before is not None and _looks_the_same(entry, before):
            known = replace(entry, code=before.code, embedding=before.embedding)
            yield Prepared(known, None)
        else:
            yield Prepared(entry, bundle.prep(record))


def encoded(pictures: Iterable[Prepared], encode: EncodeAll) -> Iterator[Entry]:
    """Encode pictures a batch at a time, and pass on in order.

    Args:
        pictures: In any mixture of new and stored ones.
        encode: Maps `encode_batch` over batches, here or elsewhere, and keeps their order.
    """
    waiting: deque[list[Prepared]] = deque()
    for coded in encode(_batches(pictures, waiting)):
        rows = iter(coded)
        for picture in waiting.popleft():
            if picture.image is None:
                yield picture.entry
            else:
                code, embedding = next(rows)
                yield replace(picture.entry, code=code, embedding=embedding)


def encode_batch(encoder: Encoder, images: Images) -> Coded:
    """Return code and embedding of each of some prepared pictures, of which there may be none."""
    if not images:
        return []
    return list(zip(*encode_images(encoder, torch.from_numpy(np.stack(images))), strict=True))


def _batches(pictures: Iterable[Prepared], waiting: deque[list[Prepared]]) -> Iterator[Images]:
    """Give the images of the new pictures, and note which pictures wait for them."""
    iterator = iter(pictures)
    while batch := list(islice(iterator, BATCH)):
        waiting.append(batch)
        yield [picture.image for picture in batch if picture.image is not None]


def _described(record: ImageRecord, kept: Kept) -> Entry:
    return Entry(
        id=record.id,
        code=np.empty(0, dtype=np.uint8),
        embedding=np.empty(0, dtype=np.float16),
        label="|".join(record.labels),
        pixel_hash=record.pixel_hash,
        path=record.path if kept.paths else None,
        patient=record.patient,
        thumbnail=thumbnail(record) if kept.thumbnails else None,
        metadata=_metadata(record, kept),
    )


def _metadata(record: ImageRecord, kept: Kept) -> Mapping[str, str]:
    more = {} if kept.thumbnails else _shown(record)
    if kept.collection is not None:
        more[COLLECTION] = kept.collection
    return {**record.metadata, **more}


def _shown(record: ImageRecord) -> dict[str, str]:
    """Say which values are black and white where the pixels alone do not."""
    if not record.inverted and record.value_range == natural_range(record.pixels):
        return {}
    black, white = reversed(record.value_range) if record.inverted else record.value_range
    return {SHOWN: f"{float(black)!r} to {float(white)!r}"}


def _looks_the_same(entry: Entry, stored: Entry) -> bool:
    return (entry.pixel_hash, entry.thumbnail, entry.metadata.get(SHOWN)) == (
        stored.pixel_hash,
        stored.thumbnail,
        stored.metadata.get(SHOWN),
    )


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
