"""`acir index`: build, add, delete, copy, verify, info."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acir.bundle import Bundle, copy_bundle, load_bundle, verify_bundle
from acir.content import embedding_length
from acir.errors import BundleError, ServerError, UsageError
from acir.index import engines
from acir.index.chosen import Choice, choose
from acir.index.copying import copy_store
from acir.index.store import Store
from acir.index.writer import Added
from acir.privacy.pseudonym import fresh_key, load_key
from acir.sources.base import Source, SourceOptions, open_source
from acir.types import Progress, counted, silent
from acir.workflows.entries import Kept, entries, ordinary
from acir.workflows.notes import converted_lines, skipped_lines
from acir.workflows.search import BUNDLE, KEY

ENGINE = "faiss"
PLACE = ("server", "collection")

Say = Callable[[str], None]


@dataclass(frozen=True)
class IndexOptions:
    """What an index keeps, and how its source is read.

    Attributes:
        thumbnails: Whether a 96-pixel picture is kept for reports.
        paths: Whether paths relative to the source are kept.
        strict: Whether an unreadable picture is an error.
        download: Whether an official file may be fetched.
        engine: Name or address of what searches it.
    """

    thumbnails: bool = True
    paths: bool = True
    strict: bool = False
    download: bool = False
    engine: str = ENGINE

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
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> Added:
    """Make an index of a source; calibration pictures of the bundle are left out.

    Interrupted, it leaves a valid index of what was committed, and `add` goes on from there.
    Refused, it leaves nothing.

    Raises:
        UsageError: The bundle, the source or the folder cannot be used.
    """
    choice = choose(options.engine)
    bundle = load_bundle(model, device)
    _refuse_unreadable(options.source(data, fresh_key()), progress)
    with _created(index, bundle, model, options, choice) as store:
        source = options.source(data, load_key(index / KEY))
        try:
            with _up_to_date(store):
                return _fill(store, bundle, source, progress, say)
        except UsageError:
            shutil.rmtree(index)
            raise


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
        options = IndexOptions(strict=strict, download=download)
        source = options.source(data, load_key(index / KEY))
        _refuse_unreadable(source, progress)
        with _up_to_date(store):
            return _fill(store, load_bundle(index / BUNDLE, device), source, progress, say)


def delete(index: Path, ids: Sequence[str], where: Mapping[str, str]) -> int:
    """Delete pictures by id or by metadata and return how many there were."""
    with Store.open(index) as store, _up_to_date(store):
        return store.delete(ids) if ids else store.delete_where(where)


def copy(index: Path, to: Path, engine: str) -> dict[str, int | str]:
    """Copy an index, bundle and key included, for another engine; return what the copy holds.

    Refused or interrupted, it leaves nothing.

    Raises:
        UsageError: The index, the engine or the new folder cannot be used.
        ServerError: The server of the new engine cannot.
    """
    choice = choose(engine)
    with Store.open(index, model=verify_bundle(index / BUNDLE)) as source:
        store = copy_store(source, to, choice)
    with store:
        try:
            copy_bundle(index / BUNDLE, to / BUNDLE)
            if (index / KEY).exists():  # else ACIR_KEY_FILE names it
                shutil.copy2(index / KEY, to / KEY)
            with _up_to_date(store):
                pass
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
        found: dict[str, Any] = store.info()
        if not engines.get(store.engine).exact:  # only building tells
            with store.view() as view:
                engine = view.engine
            found |= {"recall": engine.recall, "remarks": list(engine.remarks)}
        return found | {key: store.settings[key] for key in PLACE if key in store.settings}


def _created(
    index: Path, bundle: Bundle, model: Path, options: IndexOptions, choice: Choice
) -> Store:
    """Make an empty index with a copy of its bundle and a key, or nothing."""
    store = Store.create(
        index,
        bits=bundle.encoder.bits,
        dim=embedding_length(bundle.encoder.dim, bundle.encoder.bits),
        engine=choice.engine,
        model=bundle.id,
        settings={
            **{"thumbnails": str(options.thumbnails), "paths": str(options.paths)},
            **choice.settings,
        },
    )
    try:
        copy_bundle(model, index / BUNDLE)
        load_key(index / KEY)
        with _up_to_date(store):  # a server that cannot be used is said before pictures are encoded
            pass
    except BaseException:
        store.close()
        shutil.rmtree(index)
        raise
    return store


@contextmanager
def _up_to_date(store: Store) -> Iterator[None]:
    """Bring the copy of the codes on a server up to date after a change; other engines have none.

    A missing library is an error before anything changes.
    """
    on_server = engines.get(store.engine).on_server
    yield
    if on_server:
        try:
            with store.view() as view:
                _ = view.engine  # building it brings the copy up to date
        except ServerError as error:
            raise ServerError(
                f"the index at {store.folder} is as it should be, but its copy on the server is "
                f"not: {error}"
            ) from error


def _refuse_unreadable(source: Source, progress: Progress) -> None:
    """Read a strict source to its end before anything of it is stored."""
    if source.options.strict:
        with progress("looking at the pictures", None) as tick:
            for _ in counted(source, tick):
                pass


def _fill(store: Store, bundle: Bundle, source: Source, progress: Progress, say: Say) -> Added:
    kept = Kept(*(store.settings.get(key) == "True" for key in ("thumbnails", "paths")))
    counts: Counter[str] = Counter()
    with progress("indexing", None) as tick:
        records = ordinary(counted(source, tick), bundle, counts)
        added = store.add(entries(records, bundle, kept, store))
    for line in _notes(source, counts):
        say(line)
    return added


def _notes(source: Source, counts: Mapping[str, int]) -> Iterator[str]:
    if counts["calibration"]:
        yield (
            f"left out {counts['calibration']} pictures that calibrated the model: an index that "
            "holds them would void its promise"
        )
    yield from converted_lines(counts["converted"])
    yield from skipped_lines(source.skipped)
