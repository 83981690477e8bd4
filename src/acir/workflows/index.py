"""`acir index`: build, add, delete, verify, info."""

import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from einops import rearrange
from PIL import Image

from acir.bulk import encode_images, prepared_batches
from acir.bundle import Bundle, load_bundle, verify_bundle
from acir.errors import BundleError
from acir.index.entry import Entry
from acir.index.store import Added, Store
from acir.prep.pixels import to_unit
from acir.privacy.pseudonym import load_key
from acir.sources.base import Source, SourceOptions, open_source
from acir.types import ImageRecord, Progress, counted, silent
from acir.workflows.search import BUNDLE, KEY

THUMBNAIL_SIDE = 96
ENGINE = "faiss"

Say = Callable[[str], None]


@dataclass(frozen=True)
class IndexOptions:
    """What an index keeps, and how its source is read.

    Attributes:
        thumbnails: Whether a 96-pixel picture is kept for reports.
        paths: Whether paths relative to the source are kept.
        strict: Whether an unreadable picture is an error.
        download: Whether an official file may be fetched.
    """

    thumbnails: bool = True
    paths: bool = True
    strict: bool = False
    download: bool = False


def build(
    model: Path,
    data: str,
    index: Path,
    options: IndexOptions,
    *,
    device: str = "cpu",
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> Added:
    """Make an index of a source; calibration pictures of the bundle are left out.

    Interrupted, it leaves a valid index of what was committed, and `add` goes on from there.

    Raises:
        UsageError: The bundle, the source or the folder cannot be used.
    """
    bundle = load_bundle(model, device)
    open_source(data, SourceOptions(download=options.download, key=b"only to look"))
    settings = {"thumbnails": str(options.thumbnails), "paths": str(options.paths)}
    with Store.create(
        index,
        bits=bundle.encoder.bits,
        dim=bundle.encoder.dim,
        engine=ENGINE,
        model=bundle.id,
        settings=settings,
    ) as store:
        shutil.copytree(model, index / BUNDLE)
        return _fill(store, bundle, data, options, progress, say)


def add(
    index: Path,
    data: str,
    *,
    strict: bool = False,
    download: bool = False,
    device: str = "cpu",
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> Added:
    """Add a source to an index: new ids are inserted, known ones replaced where they differ.

    Raises:
        UsageError: The index or the source cannot be used.
    """
    with Store.open(index, model=verify_bundle(index / BUNDLE)) as store:
        kept = {key: store.settings.get(key) == "True" for key in ("thumbnails", "paths")}
        options = IndexOptions(kept["thumbnails"], kept["paths"], strict, download)
        return _fill(store, load_bundle(index / BUNDLE, device), data, options, progress, say)


def delete(index: Path, ids: Sequence[str], where: Mapping[str, str]) -> int:
    """Delete pictures by id or by metadata and return how many there were."""
    with Store.open(index) as store:
        return store.delete(ids) if ids else store.delete_where(where)


def verify(index: Path) -> list[str]:
    """Read every byte of an index and of its bundle; return each problem in words."""
    with Store.open(index) as store:
        found = store.verify()
        try:
            if verify_bundle(index / BUNDLE) != store.model:
                found.append("the bundle inside the index is not the one that encoded it")
        except BundleError as error:
            found.append(str(error))
    return found


def info(index: Path) -> dict[str, int | str]:
    """Return the size and the settings of an index."""
    with Store.open(index) as store:
        return store.info()


def _fill(
    store: Store,
    bundle: Bundle,
    data: str,
    options: IndexOptions,
    progress: Progress,
    say: Say,
) -> Added:
    key = load_key(store.folder / KEY)
    source = open_source(
        data, SourceOptions(strict=options.strict, download=options.download, key=key)
    )
    counts: Counter[str] = Counter()
    with progress("indexing", None) as tick:
        entries = _entries(counted(source, tick), bundle, options, counts)
        added = store.add(entries)
    for line in _notes(source, counts):
        say(line)
    return added


def _entries(
    records: Iterable[ImageRecord], bundle: Bundle, options: IndexOptions, counts: Counter[str]
) -> Iterator[Entry]:
    kept = _without_calibration(records, bundle, counts)
    for chunk, images in prepared_batches(kept, bundle.prep):
        codes, embeddings = encode_images(bundle.encoder, images)
        for record, code, embedding in zip(chunk, codes, embeddings, strict=True):
            yield Entry(
                id=record.id,
                code=code,
                embedding=embedding,
                label="|".join(record.labels),
                pixel_hash=record.pixel_hash,
                path=record.path if options.paths else None,
                patient=record.patient,
                thumbnail=thumbnail(record) if options.thumbnails else None,
                metadata=record.metadata,
            )


def _without_calibration(
    records: Iterable[ImageRecord], bundle: Bundle, counts: Counter[str]
) -> Iterator[ImageRecord]:
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


def _notes(source: Source, counts: Mapping[str, int]) -> Iterator[str]:
    if counts["calibration"]:
        yield (
            f"left out {counts['calibration']} pictures that calibrated the model: an index that "
            "holds them would void its promise"
        )
    if counts["converted"]:
        yield f"converted {counts['converted']} pictures to the channels of the model"
    for skipped in source.skipped[:3]:
        yield f"skipped {skipped.path}: {skipped.reason}"
    if len(source.skipped) > 3:  # noqa: PLR2004 - as many as were named
        yield f"skipped {len(source.skipped)} unreadable pictures in all"
