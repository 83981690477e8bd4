"""`acir index`: build, add, delete, copy, verify, info."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from acir.bundle import copy_bundle, load_bundle, verify_bundle
from acir.errors import BundleError, SourceError, UsageError
from acir.governance.audit import AuditEvent
from acir.index import engines
from acir.index.chosen import COLLECTION, SERVER, choose
from acir.index.copying import copy_store
from acir.index.folder import (
    beside,
    refuse_immovable,
    refuse_read_only,
    refuse_taken,
    refuse_within,
)
from acir.index.store import Store
from acir.index.writer import Added
from acir.privacy.pseudonym import fresh_key, load_key
from acir.sources.base import Source
from acir.types import Progress, Skipped, silent
from acir.workflows.destination import refuse_not_utf8, refuse_unwritable
from acir.workflows.index_creation import IndexOptions, created
from acir.workflows.index_filling import Say, fill, refuse_unreadable
from acir.workflows.index_servers import meet_server, up_to_date
from acir.workflows.recording import (
    adding,
    begin_log,
    copying,
    described,
    recorded,
    system_user,
)
from acir.workflows.search import BUNDLE, KEY, bundle_of

Adding = Callable[[Store, str | None], AbstractContextManager[Callable[[Added], Added]]]
Deleting = Callable[[Store, AuditEvent], AbstractContextManager[object]]


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
        StorageError: The folder cannot be made.
    """
    choice = choose(options.engine)
    refuse_not_utf8(index, "--index")
    refuse_unwritable(index.absolute().parent, "--index")
    refuse_taken(index)
    refuse_immovable(index)
    bundle = load_bundle(model, "cpu" if ray else device)
    refuse_unreadable(options.source(data, fresh_key()), progress)
    with created(index, bundle, model, options, choice) as store:
        source = options.source(data, load_key(index / KEY))
        try:
            with up_to_date(store), adding(store, options.collection) as done:
                added = fill(
                    store, bundle, source, ray, progress, say, collection=options.collection
                )
                _refuse_nothing(added, source)
                return done(added)
        except UsageError:
            if store.info()["n"] == 0:
                shutil.rmtree(index)
            raise


def _refuse_nothing(added: Added, source: Source) -> None:
    """Refuse a source that brought nothing, where some of it cannot be read."""
    if source.skipped and added == Added():
        first = source.skipped[0]
        raise SourceError(
            f"no picture of {source.location} came into the index: {len(source.skipped)} cannot be "
            f"read, such as {first.path} ({first.reason}); give some that can"
        )


def add(
    index: Path,
    data: str,
    *,
    strict: bool = False,
    download: bool = False,
    collection: str | None = None,
    moving: bool = True,
    refusing: bool = True,
    device: str = "cpu",
    ray: str | None = None,
    progress: Progress = silent,
    say: Say = lambda _: None,
    recording: Adding = adding,
) -> Added:
    """Add a source to an index: new ids are inserted, known ones replaced where they differ.

    A known one comes to belong to `collection`, unless `moving` is false: then those that another
    collection holds are left as they are, and `say` is told how many.

    Where nothing came in and some of the source cannot be read, that is an error, unless `refusing`
    is false, as for one who gives several sources.

    Of an audited index `recording` records it, by default in the name of the user of the operating
    system.

    Raises:
        UsageError: The index or the source cannot be used, or nothing came in of one that cannot be
            read.
        StorageError: The index cannot be written.
    """
    with Store.open(index, model=bundle_of(index)) as store:
        refuse_read_only(index)
        options = IndexOptions(strict=strict, download=download, collection=collection)
        source = options.source(data, load_key(index / KEY))
        refuse_unreadable(source, progress)
        bundle = load_bundle(index / BUNDLE, "cpu" if ray else device)
        with up_to_date(store), recording(store, collection) as done:
            added = fill(
                store, bundle, source, ray, progress, say, collection=collection, moving=moving
            )
            if refusing:
                _refuse_nothing(added, source)
            return done(added)


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
        with recording(store, described(store, "delete", system_user(), entries)):
            return store.delete(ids) if ids else store.delete_where(where)


def copy(index: Path, to: Path, engine: str) -> dict[str, int | str]:
    """Copy an index, bundle and key included, for another engine; return what the copy holds.

    Refused or interrupted, it leaves nothing; killed, what `build` leaves then.

    Raises:
        UsageError: The index, the engine or the new folder cannot be used.
        StorageError: There is no room, or the folder cannot be written.
        ServerError: The server of the new engine cannot be used.
    """
    choice = choose(engine)
    refuse_not_utf8(to, "--to")
    with Store.open(index, model=bundle_of(index)) as source:
        refuse_within(index, to)
        refuse_taken(to)
        with copying(source, to), beside(to) as part:
            shutil.copymode(to, part)
            with copy_store(source, part, choice) as store:
                copy_bundle(index / BUNDLE, part / BUNDLE)
                if (index / KEY).exists():  # else ACIR_KEY_FILE names it
                    shutil.copy2(index / KEY, part / KEY)
                begin_log(store)
                meet_server(store)
                return store.info()


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
