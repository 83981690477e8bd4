"""A new index: what it keeps, how its source is read, and its folder before pictures come."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from acir.bundle import Bundle, copy_bundle
from acir.content import embedding_length
from acir.errors import UsageError
from acir.governance.access import EVERYWHERE
from acir.index.chosen import Choice
from acir.index.folder import beside
from acir.index.store import AUDITED, Store
from acir.privacy.pseudonym import load_key
from acir.sources.base import Source, SourceOptions, open_source
from acir.workflows.index_servers import meet_server
from acir.workflows.recording import begin_log
from acir.workflows.search import BUNDLE, KEY

ENGINE = "faiss"


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

    Raises:
        UsageError: The collection has no name, or that of all collections.
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
        if self.collection is not None:
            refuse_collection(self.collection)

    def source(self, data: str, key: bytes) -> Source:
        """Open a source to be read so."""
        return open_source(data, SourceOptions(strict=self.strict, download=self.download, key=key))


def refuse_collection(name: str) -> None:
    """Refuse a collection that could not be granted.

    Raises:
        UsageError: It has no name, or that of all collections.
    """
    if name.strip() in {"", EVERYWHERE}:
        raise UsageError(f"a collection cannot be called {name!r}; give it a name of its own")


def created(
    index: Path, bundle: Bundle, model: Path, options: IndexOptions, choice: Choice
) -> Store:
    """Make an empty index with a copy of its bundle and a key, or nothing.

    Killed at any moment, it leaves an index or an empty folder, which the next start takes.

    Raises:
        StoreError: There is something in the folder.
        StorageError: It cannot be written.
        ServerError: The server of the engine cannot be used.
    """
    with beside(index) as part:
        shutil.copymode(index, part)
        _create(part, bundle, model, options, choice)
    return Store.open(index)


def _create(
    index: Path, bundle: Bundle, model: Path, options: IndexOptions, choice: Choice
) -> None:
    encoder = bundle.encoder
    with Store.create(
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
    ) as store:
        copy_bundle(model, index / BUNDLE)
        load_key(index / KEY)
        begin_log(store)
        meet_server(store)  # before pictures are encoded
