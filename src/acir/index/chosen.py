"""The engine of an index: chosen in one line, kept in the store, built from its codes.

An engine on a server is an address, `milvus://HOST` or `postgresql://HOST/DATABASE`; any other is
a name. The address is kept in the index, so it may hold no password: those are read from the
environment, as the client library of each server does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from urllib.parse import parse_qsl, urlsplit

from acir import registry
from acir.errors import StoreError, UsageError, suggestion
from acir.index import engines
from acir.index.database import Database
from acir.index.engines.base import Engine
from acir.index.gallery import Gallery

SCHEMES = {"milvus": "milvus", "postgresql": "pgvector"}
# What an address may say after its question mark: where the server is, never who asks.
PLACES = {"milvus": set[str](), "postgresql": {"host", "port", "sslmode", "sslrootcert"}}
SECRETS = {"milvus": "MILVUS_USER and MILVUS_PASSWORD", "postgresql": "PGPASSWORD"}
LOCK = "server.lock"
SERVER, COLLECTION = "server", "collection"  # the settings of an engine on a server


@dataclass(frozen=True)
class Choice:
    """An engine as an index keeps it.

    Attributes:
        engine: Its name.
        settings: `server` and `collection` of an engine on a server; else nothing.
    """

    engine: str
    settings: Mapping[str, str] = field(default_factory=dict)


def choose(text: str) -> Choice:
    """Read the name of an engine, or the address of a server that is one.

    Raises:
        UsageError: The address has no known scheme or says too much, or the engine needs one.
        ComponentError: There is no such engine, or its library is missing.
    """
    scheme, sign, _ = text.partition("://")
    if not sign:
        if engines.get(text).on_server:
            raise UsageError(
                f"the engine {text} is a server; give its address in place of its name: "
                f"{' or '.join(f'{scheme}://HOST' for scheme in SCHEMES)}"
            )
        return Choice(text)
    if scheme not in SCHEMES:
        raise UsageError(
            f"no engine has addresses that begin with {scheme}://; use "
            f"{' or '.join(f'{known}://' for known in SCHEMES)}.{suggestion(scheme, SCHEMES)}"
        )
    _refuse_secrets(scheme, text)
    engines.get(SCHEMES[scheme])
    return Choice(SCHEMES[scheme], {SERVER: text, COLLECTION: fresh_collection()})


def fresh_collection() -> str:
    """Return a name for a copy on a server that no other copy has."""
    return f"acir_{token_hex(8)}"


def is_collection(name: str) -> bool:
    """Say whether a name is one that `fresh_collection` returns."""
    return re.fullmatch(r"acir_[0-9a-f]{16}", name) is not None


def build(choice: Choice, gallery: Gallery, folder: Path, learned: bytes | None = None) -> Engine:
    """Build an engine of a gallery; a copy of the codes on a server is brought up to date first.

    Args:
        choice: Which engine.
        gallery: The codes.
        folder: Of the index; one process at a time changes the copy.
        learned: What an earlier engine of the index learned.

    Raises:
        ServerError: The server cannot be used.
        StoreError: The index does not say where its server is.
        ComponentError: The engine is unknown, or its library is missing.
    """
    kind = engines.get(choice.engine)
    if not kind.on_server:
        return registry.build(kind, {}, codes=gallery.codes, learned=learned)
    place = {key: choice.settings.get(key) for key in (SERVER, COLLECTION)}
    if None in place.values():
        raise StoreError(
            f"the index at {folder} is damaged: it does not say where its server is; restore a "
            "copy of it or build it again"
        )
    lock = Database(folder, name=LOCK)
    try:
        with lock.transaction():
            return registry.build(kind, {}, codes=gallery.codes, keys=gallery.keys, **place)
    finally:
        lock.close()


def _refuse_secrets(scheme: str, text: str) -> None:
    """Refuse what an index must not keep; the message does not repeat it."""
    place = urlsplit(text)
    unknown = {key for key, _ in parse_qsl(place.query, keep_blank_values=True)} - PLACES[scheme]
    if place.password or (scheme == "milvus" and place.username):
        raise UsageError(
            "the address of the server holds a password, and the index would keep it; leave it "
            f"out and set {SECRETS[scheme]}"
        )
    if unknown:
        raise UsageError(
            f"the address of the server holds {', '.join(sorted(unknown))}, expected "
            f"{', '.join(sorted(PLACES[scheme])) or 'nothing'} after the question mark"
        )
