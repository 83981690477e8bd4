"""`acir index`: build, add, delete, copy, verify, info."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from acir.bulk import BATCH, ahead
from acir.bundle import Bundle, copy_bundle, load_bundle, verify_bundle
from acir.content import embedding_length
from acir.errors import BundleError, ServerError, UsageError
from acir.governance.access import EVERYWHERE
from acir.governance.audit import AuditEvent
from acir.index import engines
from acir.index.chosen import COLLECTION, SERVER, Choice, choose
from acir.index.copying import copy_store
from acir.index.filters import collection_of
from acir.index.store import AUDITED, Store
from acir.index.writer import Added
from acir.privacy.pseudonym import fresh_key, load_key, pseudonym
from acir.sources.base import Source, SourceOptions, open_source
from acir.types import ImageRecord, Progress, Skipped, counted, silent
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
from acir.workflows.notes import converted_lines, skipped_lines
from acir.workflows.recording import (
    adding,
    begin_log,
    copying,
    described,
    recorded,
    system_user,
)
from acir.workflows.search import BUNDLE, KEY

ENGINE = "faiss"

Say = Callable[[str], None]
Adding = Callable[[Store, str | None], AbstractContextManager[Callable[[Added], Added]]]
Deleting = Callable[[Store, AuditEvent], AbstractContextManager[object]]


@dataclass(frozen=True)
class IndexOptions:
    """What an index keeps, and how its source is read.

    Attributes:
        thumbnails: Whether a 96-pixel picture is kept for reports.
        paths: Whether paths relative to the source are kept.
        strict: Whether an unreadable picture is an error.
        download: Whether an official file may be fetched.
        engine: Name or address of what searches it.
        collection: Where its pictures belong; None for where their own metadata say.
        audited: Whether every search and change is recorded.
    """

    thumbnails: bool = True
    paths: bool = True
    strict: bool = False
    download: bool = False
    engine: str = ENGINE
    collection: str | None = None
    audited: bool = False

    def __post_init__(self) -> None:
        """Refuse a collection that could not be granted."""
        if self.collection is not None and self.collection.strip() in {"", EVERYWHERE}:
            raise UsageError(
                f"a collection cannot be called {self.collection!r}; give it a name of its own"
            )

    def source(self, data: str, key: bytes) -> Source:
        """Open a source to be read so."""
        return open_source(data, SourceOptions(strict=self.strict, download=self.download, key=key))


def build(
    model: Path,
    data: str,
    index: Path,
    options: IndexOptions,
    *,
    device: str = "cpu",
    ray: str | None = None,
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> Added:
    """Make an index of a source; calibration pictures of the bundle are left out.

    Whatever stops it, it leaves a valid index of what was committed, and `add` goes on from there.
    Refused before anything was, it leaves nothing. With the address of a Ray cluster the pictures
    are encoded there.

    Raises:
        UsageError: The bundle, the source or the folder cannot be used.
    """
    choice = choose(options.engine)
    bundle = load_bundle(model, "cpu" if ray else device)
    _refuse_unreadable(options.source(data, fresh_key()), progress)
    with created(index, bundle, model, options, choice) as store:
        source = options.source(data, load_key(index / KEY))
        try:
            with up_to_date(store), adding(store, options.collection) as done:
                return done(
                    _fill(store, bundle, source, ray, progress, say, collection=options.collection)
                )
        except UsageError:
            if store.info()["n"] == 0:
                shutil.rmtree(index)
            raise


def add(
    index: Path,
    data: str,
    *,
    strict: bool = False,
    download: bool = False,
    collection: str | None = None,
    device: str = "cpu",
    ray: str | None = None,
    progress: Progress = silent,
    say: Say = lambda _: None,
    recording: Adding = adding,
) -> Added:
    """Add a source to an index: new ids are inserted, known ones replaced where they differ.

    Of an audited index `recording` records it, by default in the name of the user of the operating
    system.

    Raises:
        UsageError: The index or the source cannot be used.
    """
    with Store.open(index, model=verify_bundle(index / BUNDLE)) as store:
        options = IndexOptions(strict=strict, download=download, collection=collection)
        source = options.source(data, load_key(index / KEY))
        _refuse_unreadable(source, progress)
        bundle = load_bundle(index / BUNDLE, "cpu" if ray else device)
        with up_to_date(store), recording(store, collection) as done:
            return done(_fill(store, bundle, source, ray, progress, say, collection=collection))


def delete(
    index: Path,
    ids: Sequence[str],
    where: Mapping[str, str],
    recording: Deleting = recorded,
) -> int:
    """Delete pictures by id or by metadata, recorded as by `add`; return how many there were."""
    with Store.open(index) as store, up_to_date(store):
        with store.view() as view:
            places = view.named(ids) if ids else np.flatnonzero(view.select(where))
            entries = view.entries(places) if store.audited else []
        event = replace(
            described(store, "delete", system_user()),
            collection="|".join(sorted({collection_of(entry.metadata) for entry in entries})),
            patients=tuple(sorted({entry.patient for entry in entries if entry.patient})),
            count=len(entries),
        )
        with recording(store, event):
            return store.delete(ids) if ids else store.delete_where(where)


def copy(index: Path, to: Path, engine: str) -> dict[str, int | str]:
    """Copy an index, bundle and key included, for another engine; return what the copy holds.

    Refused or interrupted, it leaves nothing.

    Raises:
        UsageError: The index, the engine or the new folder cannot be used.
        ServerError: The server of the new engine cannot.
    """
    choice = choose(engine)
    with Store.open(index, model=verify_bundle(index / BUNDLE)) as source, copying(source, to):
        store = copy_store(source, to, choice)
    with store:
        try:
            copy_bundle(index / BUNDLE, to / BUNDLE)
            if (index / KEY).exists():  # else ACIR_KEY_FILE names it
                shutil.copy2(index / KEY, to / KEY)
            begin_log(store)
            _meet_server(store)
            return store.info()
        except BaseException:
            store.close()
            shutil.rmtree(to)
            raise


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


def info(index: Path) -> dict[str, Any]:
    """Return the size and the settings of an index."""
    with Store.open(index) as store:
        found: dict[str, Any] = {
            **store.info(),
            "collections": store.collections(),
            "audited": store.audited,
        }
        if not engines.get(store.engine).exact:  # only building tells
            with store.view() as view:
                engine = view.engine
            found |= {"recall": engine.recall, "remarks": list(engine.remarks)}
        return found | {
            key: store.settings[key] for key in (SERVER, COLLECTION) if key in store.settings
        }


def failed(index: Path) -> list[Skipped]:
    """Return the pictures that an index was given and could not take; `add` tries them again."""
    with Store.open(index) as store:
        return store.dead_letters()


def created(
    index: Path, bundle: Bundle, model: Path, options: IndexOptions, choice: Choice
) -> Store:
    """Make an empty index with a copy of its bundle and a key, or nothing.

    Raises:
        UsageError: There is something in the folder, or it cannot be written.
        ServerError: The server of the engine cannot be used.
    """
    encoder = bundle.encoder
    store = Store.create(
        index,
        bits=encoder.bits,
        dim=embedding_length(encoder.dim, encoder.bits, encoder.weighed),
        engine=choice.engine,
        model=bundle.id,
        settings={
            **{"thumbnails": str(options.thumbnails), "paths": str(options.paths)},
            **({AUDITED: str(True)} if options.audited else {}),
            **choice.settings,
        },
    )
    try:
        copy_bundle(model, index / BUNDLE)
        load_key(index / KEY)
        begin_log(store)
        _meet_server(store)  # before pictures are encoded
    except BaseException:
        store.close()
        shutil.rmtree(index)
        raise
    return store


@contextmanager
def up_to_date(store: Store) -> Iterator[None]:
    """Bring the copy of the codes on a server up to date after a change; other engines have none.

    A missing library is an error before anything changes.

    Raises:
        ServerError: The server cannot be used; the index has changed all the same.
    """
    engines.get(store.engine)
    yield
    try:
        _meet_server(store)
    except ServerError as error:
        raise ServerError(
            f"the index at {store.folder} is as it should be, but its copy on the server is "
            f"not: {error}"
        ) from error


def _meet_server(store: Store) -> None:
    """Build an engine that is on a server, which brings the copy there up to date."""
    if engines.get(store.engine).on_server:
        with store.view() as view:
            _ = view.engine


def _refuse_unreadable(source: Source, progress: Progress) -> None:
    """Read a strict source to its end before anything of it is stored."""
    if source.options.strict:
        with progress("looking at the pictures", None) as tick:
            for _ in counted(source, tick):
                pass


def _fill(
    store: Store,
    bundle: Bundle,
    source: Source,
    ray: str | None,
    progress: Progress,
    say: Say,
    *,
    collection: str | None,
) -> Added:
    """Read, encode and write at the same time: each stage runs while the next one works."""
    counts: Counter[str] = Counter()
    with _encoding(bundle, ray) as encode:
        # No name for the inner stage: it ends with the only thing that holds it.
        records = ordinary(source, bundle, counts)
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


def _name_of(source: Source) -> str:
    """Tell a source from others without a word of where it lies."""
    place = f"{Path(source.location).absolute()}#{sorted(source.options.splits)}"
    return pseudonym(source.options.key, "source", place)


def _notes(source: Source, counts: Mapping[str, int]) -> Iterator[str]:
    if counts["calibration"]:
        yield (
            f"left out {counts['calibration']} pictures that calibrated the model: an index that "
            "holds them would void its promise"
        )
    yield from converted_lines(counts["converted"])
    yield from source.remarks
    yield from skipped_lines(source.skipped)
