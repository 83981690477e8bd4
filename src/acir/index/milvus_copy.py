"""A copy of the codes in a collection of Milvus, which names its state by its only alias."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit
from weakref import finalize

import numpy as np
from jaxtyping import Int, UInt8
from pymilvus import (
    Collection,
    CollectionSchema,
    DataType,
    FieldSchema,
    MilvusException,
    connections,
    utility,
)

from acir.codes import BITS_PER_BYTE
from acir.errors import ServerError
from acir.index.mirror import Listing, Mirror

PAGE = 16_384  # the most rows of any answer
LISTED = 10_000  # keys that one expression names
WRITTEN = 10_000  # rows that one request writes
PORT = 19530
EXACT_INDEX = {"index_type": "BIN_FLAT", "metric_type": "HAMMING", "params": {}}


class MilvusCopy:
    """A collection that holds what a mirror says.

    Args:
        mirror: What it is to hold.
        server: `milvus://HOST[:PORT][/DATABASE]`.
        name: Of the collection.

    Raises:
        ServerError: The server cannot be used, or the collection's index is not exact.
    """

    def __init__(self, mirror: Mirror, server: str, name: str) -> None:
        """Connect, and bring the collection up to date."""
        self._mirror, self._server, self._name = mirror, server, name
        self._connection = f"acir-{token_hex(8)}"
        self.close = finalize(self, connections.disconnect, self._connection)
        with translated(self._server):
            _connect(self._connection, server)
            try:
                self._collection = self._prepared()
                self._synchronise()
            except BaseException:
                self.close()
                raise

    def search(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        params: dict[str, int],
        limit: int,
        expression: str,
    ) -> list[tuple[Int[np.ndarray, " found"], Int[np.ndarray, " found"]]]:
        """Return keys and distances for each query, as Milvus orders them.

        Args:
            queries: Packed codes.
            params: `radius`, or nothing.
            limit: The most rows of an answer, at most `PAGE`.
            expression: Which rows; empty for all.
        """
        if len(queries) == 0:
            return []
        with translated(self._server):
            answers = self._collection.search(
                [query.tobytes() for query in queries],
                "code",
                {"metric_type": "HAMMING", "params": params},
                limit,
                expression or None,
                # Waits, once, until the server has read its own log that far.
                consistency_level="Customized",
                guarantee_timestamp=self._written,
            )
        return [
            (np.array(hits.ids, dtype=np.int64), np.array(hits.distances).astype(np.int64))
            for hits in answers
        ]

    def refuse_another_state(self) -> None:
        """Raise an error where an answer may be of another state than the mirror's.

        Raises:
            OutdatedError: Another process has changed the collection since it was opened.
        """
        # Read after the answers: the state that was before cannot have come back.
        with translated(self._server):
            if self._held() != {self._mirror.state: self._written}:
                raise self._mirror.changed()

    def _prepared(self) -> Any:  # noqa: ANN401 - a Collection; pymilvus has no types
        bits = self._mirror.shape[1] * BITS_PER_BYTE
        fields = [
            FieldSchema("key", DataType.INT64, is_primary=True, auto_id=False),
            FieldSchema("code", DataType.BINARY_VECTOR, dim=bits),
        ]
        schema = CollectionSchema(fields)
        collection = Collection(self._name, schema, using=self._connection)
        if not collection.indexes:
            collection.create_index("code", EXACT_INDEX)
        kinds = {index.params["index_type"] for index in collection.indexes}
        if kinds != {EXACT_INDEX["index_type"]}:
            raise ServerError(
                f"the collection {self._name} has an index of type {', '.join(sorted(kinds))}, "
                "expected BIN_FLAT: answers would be approximate; drop the collection and open "
                "the index again"
            )
        collection.load()
        return collection

    def _synchronise(self) -> None:
        held = self._held()
        if len(held) == 1 and self._mirror.state in held:
            self._written = held[self._mirror.state]
            return
        state = next(iter(held)) if len(held) == 1 else None
        surplus, (keys, codes) = self._mirror.changes(state, self._listed)
        for other, written in held.items():  # an interruption from here on leaves no state at all
            utility.drop_alias(self._alias(other, written), using=self._connection)
        for listed in batches(surplus, LISTED):
            self._collection.delete(f"key in {listed}")
        for start in range(0, len(keys), WRITTEN):
            self._write(keys[start : start + WRITTEN], codes[start : start + WRITTEN])
        # The time of a write after all others, which a search is told to wait for. What deletes
        # has no time in Milvus's answer, so a row is written once more.
        self._written = self._write(*self._mirror.first())
        alias = self._alias(self._mirror.state, self._written)
        utility.create_alias(self._name, alias, using=self._connection)

    def _write(self, keys: Int[np.ndarray, " m"], codes: UInt8[np.ndarray, "m bytes"]) -> int:
        """Write rows and return when, in the server's own time; 0 for no rows."""
        if len(keys) == 0:
            return 0
        # An insert would not mind a second row of the same key.
        rows = [keys.tolist(), [code.tobytes() for code in codes]]
        return int(self._collection.upsert(rows).timestamp)

    def _held(self) -> dict[str, int]:
        """Return what the collection says that it holds, and since when: its only alias."""
        found = {}
        for alias in utility.list_aliases(self._name, using=self._connection):
            state, _, written = alias.removeprefix(f"{self._name}_").rpartition("_")
            found[state] = int(written)
        return found

    def _alias(self, state: str, written: int) -> str:
        return f"{self._name}_{state}_{written}"

    def _listed(self) -> Listing:
        pages = self._collection.query_iterator(
            batch_size=PAGE,
            expr="key >= 0",
            output_fields=["key", "code"],
            consistency_level="Strong",
        )
        keys, codes = list[int](), list[bytes]()
        while page := pages.next():
            keys += [row["key"] for row in page]
            codes += [row["code"][0] for row in page]
        packed = np.frombuffer(b"".join(codes), dtype=np.uint8)
        return np.array(keys, dtype=np.int64), packed.reshape(len(keys), self._mirror.shape[1])


def names(server: str) -> list[str]:
    """Return the names of all collections of a server.

    Raises:
        ServerError: The server cannot be used.
    """
    with _connected(server) as connection:
        return sorted(utility.list_collections(using=connection))


def drop(server: str, name: str) -> None:
    """Remove a collection, and the alias without which it cannot be; none is none to remove.

    Raises:
        ServerError: The server cannot be used.
    """
    with _connected(server) as connection:
        if utility.has_collection(name, using=connection):
            for alias in utility.list_aliases(name, using=connection):
                utility.drop_alias(alias, using=connection)
            utility.drop_collection(name, using=connection)


@contextmanager
def translated(server: str) -> Iterator[None]:
    """Speak of the server's errors in the package's words."""
    try:
        yield
    except MilvusException as error:
        raise ServerError(
            f"Milvus cannot search this index ({error.message}); check the server at {server} "
            "and open the index again"
        ) from error


@contextmanager
def _connected(server: str) -> Iterator[str]:
    name = f"acir-{token_hex(8)}"
    with translated(server):
        _connect(name, server)
        try:
            yield name
        finally:
            connections.disconnect(name)


def _connect(name: str, server: str) -> None:
    place = urlsplit(server)
    connections.connect(
        name,
        host=place.hostname,
        port=str(place.port or PORT),
        db_name=place.path.strip("/") or "default",
        user=os.environ.get("MILVUS_USER", ""),
        password=os.environ.get("MILVUS_PASSWORD", ""),
        token=os.environ.get("MILVUS_TOKEN", ""),
        timeout=10,
    )


def batches(keys: list[int], size: int) -> Iterator[list[int]]:
    """Yield the keys by so many."""
    source = iter(keys)
    while batch := list(islice(source, size)):
        yield batch
