"""Copies of codes on a server: each brought up to date, and those that no index has any more."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from acir.errors import ServerError, UsageError
from acir.index import engines
from acir.index.chosen import COLLECTION, SERVER, choose, is_collection
from acir.index.store import Store


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
        meet_server(store)
    except ServerError as error:
        raise ServerError(
            f"the index at {store.folder} is as it should be, but its copy on the server is "
            f"not: {error}"
        ) from error


def meet_server(store: Store) -> None:
    """Build an engine that is on a server, which brings the copy there up to date."""
    if engines.get(store.engine).on_server:
        with store.view() as view:
            _ = view.engine


def orphans(address: str, indexes: Sequence[Path], *, drop: bool) -> list[str]:
    """Return the copies on a server that none of these indexes uses.

    What is listed may belong to an index that was not named, on another machine for instance. When
    it is dropped, that index makes it anew at its next opening.

    Args:
        address: Of the server, as an engine.
        indexes: Folders.
        drop: Whether what is listed is removed from the server.

    Raises:
        UsageError: The engine has no server, or a folder holds no index.
        ServerError: The server cannot be used.
    """
    choice = choose(address)
    if SERVER not in choice.settings:
        raise UsageError(
            f"the engine {choice.engine} keeps nothing on a server; give the address of one: "
            "milvus://HOST or postgresql://HOST"
        )
    kind, server = engines.get(choice.engine), choice.settings[SERVER]
    used = set(map(_collection, indexes))
    found = [name for name in kind.copies(server) if is_collection(name) and name not in used]
    for name in found if drop else ():
        kind.drop(server, name)
    return found


def _collection(index: Path) -> str | None:
    with Store.open(index) as store:
        return store.settings.get(COLLECTION)
