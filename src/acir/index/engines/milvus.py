"""A Milvus server: exact search of a collection that may be spread over machines.

Milvus returns rows of equal distance in any order and cuts every answer at 16,384 rows without a
word. So a search is two: the k nearest tell how far the k-th is, a second search returns all that
are no farther, and sorting is ours. A second answer that fills its page is an error. Only the
index BIN_FLAT is exact; a collection with another one is refused.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit
from weakref import finalize

import numpy as np
from jaxtyping import Bool, Int, UInt8
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
from acir.errors import ServerError, TooManyHitsError, TooManyTiesError
from acir.index.engines.base import Engine, Found, check, in_order, refuse_overflow, stacked
from acir.index.mirror import Listing, Mirror

PAGE = 16_384  # the most rows of any answer
LISTED = 10_000  # keys that one expression names
WRITTEN = 10_000  # rows that one request writes
PORT = 19530
EXACT_INDEX = {"index_type": "BIN_FLAT", "metric_type": "HAMMING", "params": {}}


class Milvus(Engine):
    """Let a Milvus server search; the collection is brought up to date when the index is opened."""

    on_server = True

    def __init__(
        self,
        codes: UInt8[np.ndarray, "n bytes"],
        keys: Int[np.ndarray, " n"],
        server: str,
        collection: str,
    ) -> None:
        """Connect, and make the collection hold what the gallery holds.

        User and password, or a token, are those of the environment: `MILVUS_USER`,
        `MILVUS_PASSWORD`, `MILVUS_TOKEN`.

        Args:
            codes: The gallery.
            keys: Number of each row in the store.
            server: `milvus://HOST[:PORT][/DATABASE]`.
            collection: Name of the collection.

        Raises:
            ServerError: The server cannot be used, or the collection's index is not exact.
        """
        self._mirror = Mirror(codes, keys)
        self._server, self._name = server, collection
        self._connection = f"acir-{token_hex(8)}"
        self._disconnect = finalize(self, connections.disconnect, self._connection)
        with self._translated():
            _connect(self._connection, server)
            try:
                self._collection = self._prepared()
                self._synchronise()
            except BaseException:
                self.close()
                raise

    def knn(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        k: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> tuple[Int[np.ndarray, "q found"], Int[np.ndarray, "q found"]]:
        """Return distances and rows of the min(k, rows allowed) nearest codes of each query."""
        answers = self.tie_complete(queries, k, allow)
        return stacked([(d[:k], rows[:k]) for d, rows in answers], min(k, self._count(allow)))

    def within(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        radius: int,
        allow: Bool[np.ndarray, " n"] | None = None,
        cap: int | None = None,
    ) -> list[Found]:
        """Return distances and rows of every code at most `radius` from each query.

        Raises:
            TooManyHitsError: There are more than `cap`, or than a page of Milvus holds.
            ValueError: As for every engine.
        """
        check(queries, self._mirror.shape, allow)
        answers = self._within(queries, radius, self._filters(allow))
        self._refuse_another_state()
        if answers is None:
            raise TooManyHitsError(
                f"a query has {PAGE} or more pictures within {radius} bits, which Milvus cannot "
                "return whole; ask for a smaller radius or filter"
            )
        refuse_overflow([len(rows) for _, rows in answers], radius, cap)
        return answers

    def tie_complete(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        k: int,
        allow: Bool[np.ndarray, " n"] | None = None,
    ) -> list[Found]:
        """Return the k nearest codes of each query and all that tie with the k-th.

        Raises:
            TooManyTiesError: They are more than a page of Milvus holds.
            ValueError: As for every engine.
        """
        check(queries, self._mirror.shape, allow, k)
        found, filters = min(k, self._count(allow)), self._filters(allow)
        answers: list[Found] = [(np.empty(0, np.int32), np.empty(0, np.int64))] * len(queries)
        if found == 0:
            return answers
        if found > PAGE:
            raise TooManyTiesError(
                f"{found} pictures were asked for, and Milvus returns at most {PAGE}; ask for fewer"
            )
        farthest = self._farthest(queries, found, filters)
        for radius in np.unique(farthest).tolist():
            asked = np.flatnonzero(farthest == radius)
            near = self._within(queries[asked], radius, filters)
            if near is None:
                raise TooManyTiesError(
                    f"{PAGE} or more pictures are as near as the {found} nearest, within {radius} "
                    "bits, which Milvus cannot return whole; use longer codes or another engine"
                )
            for i, answer in zip(asked.tolist(), near, strict=True):
                answers[i] = answer
        self._refuse_another_state()
        return answers

    def close(self) -> None:
        """Disconnect."""
        self._disconnect()

    def _farthest(
        self, queries: UInt8[np.ndarray, "q bytes"], found: int, filters: list[str]
    ) -> Int[np.ndarray, " q"]:
        """Return the distance of the `found`-th nearest code of each query."""
        parts = [self._search(queries, {}, found, expression) for expression in filters]
        nearest = [np.concatenate([part[i][1] for part in parts]) for i in range(len(queries))]
        return np.array([np.sort(distances)[found - 1] for distances in nearest], dtype=np.int64)

    def _within(
        self, queries: UInt8[np.ndarray, "q bytes"], radius: int, filters: list[str]
    ) -> list[Found] | None:
        """Return all within a radius, or None when a page was filled."""
        strict = {"radius": min(radius, self._mirror.shape[1] * BITS_PER_BYTE) + 1}
        parts = []
        for expression in filters if radius >= 0 else ():
            part = self._search(queries, strict, PAGE, expression)
            if any(len(keys) == PAGE for keys, _ in part):
                return None
            parts.append(part)
        nothing = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        answers = []
        for i in range(len(queries)):
            found = [part[i] for part in parts] or nothing
            rows = self._mirror.positions(np.concatenate([keys for keys, _ in found]))
            answers.append(in_order(np.concatenate([d for _, d in found]), rows))
        return answers

    def _search(
        self,
        queries: UInt8[np.ndarray, "q bytes"],
        params: dict[str, int],
        limit: int,
        expression: str,
    ) -> list[tuple[Int[np.ndarray, " found"], Int[np.ndarray, " found"]]]:
        """Return keys and distances for each query, as Milvus orders them."""
        if len(queries) == 0:
            return []
        with self._translated():
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

    def _count(self, allow: Bool[np.ndarray, " n"] | None) -> int:
        return self._mirror.shape[0] if allow is None else int(np.count_nonzero(allow))

    def _filters(self, allow: Bool[np.ndarray, " n"] | None) -> list[str]:
        """Write a filter as expressions, whose answers together are the answer."""
        if self._mirror.shape[0] == 0:
            return []
        if allow is None:
            return [""]
        excluded = len(allow) - np.count_nonzero(allow)
        if excluded <= LISTED:
            return [f"key not in {self._mirror.keys(~allow)}" if excluded else ""]
        return [f"key in {list(keys)}" for keys in _batches(self._mirror.keys(allow), LISTED)]

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
        for listed in _batches(surplus, LISTED):
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

    def _refuse_another_state(self) -> None:
        # Read after the answers: the state that was before cannot have come back.
        with self._translated():
            if self._held() != {self._mirror.state: self._written}:
                raise self._mirror.changed()

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

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except MilvusException as error:
            raise ServerError(
                f"Milvus cannot search this index ({error.message}); check the server at "
                f"{self._server} and open the index again"
            ) from error


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


def _batches(keys: list[int], size: int) -> Iterator[list[int]]:
    source = iter(keys)
    while batch := list(islice(source, size)):
        yield batch
