"""Pictures of a source on their way into an index: read, encoded and written at the same time."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from acir.amounts import amount
from acir.bulk import BATCH, ahead
from acir.bundle import Bundle
from acir.index import engines
from acir.index.filters import COLLECTION, DEFAULT
from acir.index.store import Store
from acir.index.writer import Added
from acir.privacy.pseudonym import pseudonym
from acir.sources.base import Source
from acir.types import ImageRecord, Progress, counted
from acir.workflows.cluster import Cluster
from acir.workflows.entries import (
    EncodeAll,
    Kept,
    Prepared,
    encode_batch,
    encoded,
    ordinary,
    prepared,
)
from acir.workflows.notes import converted_lines, source_lines

Say = Callable[[str], None]


def refuse_unreadable(source: Source, progress: Progress) -> None:
    """Read a strict source to its end before anything of it is stored."""
    if source.options.strict:
        with progress("looking at the pictures", None) as tick:
            for _ in counted(source, tick):
                pass


def fill(
    store: Store,
    bundle: Bundle,
    source: Source,
    ray: str | None,
    progress: Progress,
    say: Say,
    *,
    collection: str | None,
    moving: bool = True,
) -> Added:
    """Add a source to a store: each stage runs while the next one works."""
    counts: Counter[str] = Counter()
    with _encoding(bundle, ray) as encode:
        # No name for the inner stage: it ends with the only thing that holds it.
        records = ordinary(source, bundle, counts)
        if not moving:
            records = _staying(store, records, collection or DEFAULT, counts)
        read = ahead(_read(store, bundle, records, collection), BATCH)
        stages = ahead(encoded(read, encode), BATCH)
        with progress("indexing", None) as tick, closing(stages):
            added = store.add(counted(stages, tick))
    if not engines.get(store.engine).on_server:  # those `up_to_date` builds
        with store.view() as view:
            _ = view.engine  # leaves in the folder what the first search would have to derive
    store.keep_dead_letters(_name_of(source), source.skipped)
    for line in _notes(source, counts):
        say(line)
    return added


@contextmanager
def _encoding(bundle: Bundle, ray: str | None) -> Iterator[EncodeAll]:
    """Say where batches are encoded: here, or on a Ray cluster."""
    if ray is None:
        yield partial(map, partial(encode_batch, bundle.encoder))
        return
    with closing(Cluster(ray, bundle.encoder, bundle.id)) as cluster:
        yield cluster


def _read(
    store: Store, bundle: Bundle, records: Iterator[ImageRecord], collection: str | None
) -> Iterator[Prepared]:
    """Read and prepare records; this runs in a thread of its own."""
    thumbnails, paths = (store.settings.get(key) == "True" for key in ("thumbnails", "paths"))
    kept = Kept(thumbnails, paths, collection)
    return prepared(records, bundle, kept, lambda name: store.known([name]).get(name))


def _staying(
    store: Store, records: Iterator[ImageRecord], collection: str, counts: Counter[str]
) -> Iterator[ImageRecord]:
    """Leave out and count pictures that another collection holds under the same id."""
    for record in records:
        before = store.known([record.id]).get(record.id)
        if before is not None and before.metadata.get(COLLECTION, DEFAULT) != collection:
            counts["elsewhere"] += 1
            continue
        yield record


def _name_of(source: Source) -> str:
    """Tell a source from others without a word of where it lies."""
    place = f"{Path(source.location).absolute()}#{sorted(source.options.splits)}"
    return pseudonym(source.options.key, "source", place)


def _notes(source: Source, counts: Mapping[str, int]) -> Iterator[str]:
    if counts["calibration"]:
        yield (
            f"left out {amount(counts['calibration'], 'picture', 'pictures')} that calibrated the "
            "model: an index that holds such would void its promise"
        )
    if counts["elsewhere"]:
        left = amount(counts["elsewhere"], "picture", "pictures")
        yield (
            f"left {left} to another collection, which holds such already; who may delete there "
            "can do so, then add here"
        )
    yield from converted_lines(counts["converted"])
    yield from source_lines(source)
