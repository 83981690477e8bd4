"""`acir index`: compact, backup, restore, export, import."""

import shutil
from dataclasses import replace
from pathlib import Path

from acir.bundle import copy_bundle
from acir.errors import StoreError
from acir.governance.audit import AuditLog
from acir.index import parquet
from acir.index.folder import beside, refuse_taken, refuse_within
from acir.index.store import Store
from acir.index.writer import Added
from acir.workflows.destination import refuse_not_utf8
from acir.workflows.index import verify
from acir.workflows.index_servers import up_to_date
from acir.workflows.recording import adding, copying, described, note, system_user
from acir.workflows.search import BUNDLE, KEY, bundle_of


def compact(index: Path) -> dict[str, int]:
    """Give back the space of what was deleted; return the bytes won."""
    with Store.open(index) as store:
        return {"bytes_won": store.compact()}


def backup(index: Path, to: Path) -> dict[str, int | str]:
    """Copy one state of an index with its bundle and its key; return what the copy holds.

    Others may search and write meanwhile. The copy is read to its last byte before it gets its
    name: interrupted, or made of a damaged index, it leaves nothing that could be taken for one;
    killed, a folder with a dot before the name of the copy.

    Raises:
        StoreError: The index is missing or damaged, or there is something at `to`.
        UsageError: `to` is not in UTF-8.
        StorageError: There is no room, or the folder cannot be written.
    """
    refuse_not_utf8(to, "--to")
    bundle_of(index)
    with Store.open(index) as store:
        refuse_within(index, to)
        refuse_taken(to)
        with copying(store, to), beside(to) as part:
            return _copied(store, part)


def restore(source: Path, index: Path) -> dict[str, int | str]:
    """Make an index of a backup, as `backup` makes one of an index.

    The backup stays as it is: the new index alone records where it comes from.

    Raises:
        StoreError: The backup is missing or damaged, or there is something at `index`.
        UsageError: `index` is not in UTF-8.
        StorageError: There is no room, or the folder cannot be written.
    """
    refuse_not_utf8(index, "--index")
    bundle_of(source)
    with Store.open(source) as store:
        refuse_within(source, index)
        with beside(index) as part:
            told = _copied(store, part)
            with Store.open(part) as copy:
                event = described(copy, "add", system_user())
                note(copy, replace(event, index=index.name, detail=f"restored {source.name}"))
            return told


def _copied(store: Store, part: Path) -> dict[str, int | str]:
    """Copy all that an index is to a folder, read it to the last byte and say what it holds."""
    index = store.folder
    store.copy_to(part)
    copy_bundle(index / BUNDLE, part / BUNDLE)
    if (index / KEY).exists():  # else ACIR_KEY_FILE names it
        shutil.copy2(index / KEY, part / KEY)
    if store.audited:
        with AuditLog.open(index) as log:
            log.copy_to(part)
    problems = verify(part)
    if problems:
        raise StoreError(
            f"{index} was not copied, as it is damaged: {problems[0]}; restore a copy of it or "
            "build it again"
        )
    with Store.open(part) as copy:
        told = copy.info()
    return {key: told[key] for key in ("n", "generation", "size_bytes")}


def export(index: Path, to: Path) -> dict[str, int]:
    """Write all pictures of one state of an index to a Parquet file; return how many.

    Raises:
        ComponentError: pyarrow is not installed.
        StoreError: The index is missing or damaged, or there is something at `to`.
        UsageError: `to` is not in UTF-8.
        StorageError: The file cannot be written.
    """
    refuse_not_utf8(to, "--to")
    refuse_within(index, to)
    parquet.refuse_taken(to)  # before it is remembered as a copy
    with Store.open(index) as store, copying(store, to, "export"):
        return {"n": parquet.write(store, to)}


def import_(index: Path, file: Path) -> Added:
    """Add the pictures of a Parquet file that `export` wrote, as `acir index add` would.

    Raises:
        ComponentError: pyarrow is not installed.
        UsageError: The file is no such file, of another model than the index, or its name is not
            in UTF-8.
        ServerError: The index has them, but its server cannot be used.
    """
    refuse_not_utf8(file, "--from")
    opened = Store.open(index, model=bundle_of(index))
    with opened as store, up_to_date(store), adding(store, None) as done:
        return done(store.add(parquet.read(file, store)))
