"""`acir index orphans`: the copies on a server that belong to no index any more."""

from collections.abc import Sequence
from pathlib import Path

from acir.errors import UsageError
from acir.index import engines
from acir.index.chosen import COLLECTION, SERVER, choose, is_collection
from acir.index.store import Store


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
