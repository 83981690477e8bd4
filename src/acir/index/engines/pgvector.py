"""PostgreSQL with the extension pgvector: exact, by scanning a table of codes.

pgvector's own indexes are approximate: a filter may then return 7 of 100 rows that exist, and an
ordered query uses them unasked. So a table with one is refused, and index scans are off.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import finalize

import numpy as np
import psycopg
from jaxtyping import Int, UInt8
from psycopg.sql import SQL, Composed, Identifier, Literal

from acir.codes import BITS_PER_BYTE
from acir.errors import ServerError
from acir.index.engines.base import Allow, Engine, Found, Nearest, Queries, in_order, stacked
from acir.index.mirror import Listing, Mirror

# A number of type bit(n) from the text of its digits, most significant first: `numpy.packbits`.
DISTANCE = SQL("(code <~> %(query)s::text::bit({bits}))::int")
NEAREST = SQL("""select key, {distance} as distance from {table} where {filter}
    order by distance fetch first %(k)s rows with ties""")
WITHIN = SQL("""select key, distance from (
    select key, {distance} as distance from {table} where {filter}) as measured
    where distance <= %(radius)s limit %(most)s""")
STATE = "select obj_description(to_regclass(%s), 'pg_class')"
APPROXIMATE = """select index.relname from pg_index
    join pg_class as index on index.oid = indexrelid join pg_am on pg_am.oid = index.relam
    where indrelid = to_regclass(%s) and amname <> 'btree'"""
TABLES = """select relname from pg_class
    where relkind = 'r' and pg_table_is_visible(oid) order by relname"""
OPTIONS = "-c enable_indexscan=off -c enable_indexonlyscan=off"


class Pgvector(Engine):
    """Let PostgreSQL scan; the table is brought up to date when the index is opened."""

    on_server = True

    def __init__(
        self,
        codes: UInt8[np.ndarray, "n bytes"],
        keys: Int[np.ndarray, " n"],
        server: str,
        collection: str,
    ) -> None:
        """Connect, and make the table hold what the gallery holds.

        Args:
            codes: The gallery.
            keys: Number of each row in the store.
            server: `postgresql://...`, as libpq reads it.
            collection: Name of the table.

        Raises:
            ServerError: The server cannot be used, or the table has an approximate index.
        """
        super().__init__(codes)
        self._mirror = Mirror(codes, keys)
        self._server, self._name = server, collection
        bits = codes.shape[1] * BITS_PER_BYTE
        self._bits, self._table = Literal(bits), Identifier(collection)
        with _translated(self._server):
            self._connection = _connected(server)
            self._disconnect = finalize(self, self._connection.close)
            try:
                self._prepare()
                self._synchronise()
            except BaseException:
                self.close()
                raise

    def _knn(self, queries: Queries, k: int, allow: Allow) -> Nearest:
        answers = self._tie_complete(queries, k, allow)
        found = min(k, self.passing(allow))
        return stacked(answers, found)

    def _within(self, queries: Queries, radius: int, allow: Allow, cap: int | None) -> list[Found]:
        most = None if cap is None else cap + 1
        return self._answers(WITHIN, queries, allow, radius=radius, most=most)

    def _tie_complete(self, queries: Queries, k: int, allow: Allow) -> list[Found]:
        return self._answers(NEAREST, queries, allow, k=k)

    @classmethod
    def copies(cls, server: str) -> list[str]:
        """Return the names of all tables."""
        with _translated(server), _connected(server) as connection:
            return [name for (name,) in connection.execute(TABLES).fetchall()]

    @classmethod
    def drop(cls, server: str, collection: str) -> None:
        """Remove a table."""
        with _translated(server), _connected(server) as connection:
            connection.execute(SQL("drop table if exists {}").format(Identifier(collection)))

    def close(self) -> None:
        """Close the connection."""
        self._disconnect()

    def _answers(
        self, sql: SQL, queries: Queries, allow: Allow, **values: int | None
    ) -> list[Found]:
        condition, listed = self._filter(allow)
        statement = self._filled(sql, condition)
        answers = []
        with _translated(self._server):
            for query in queries:
                given = {"query": _digits(query), "keys": listed, **values}
                found = self._connection.execute(statement, given).fetchall()
                keys, distances = np.array(found, dtype=np.int64).reshape(-1, 2).T
                answers.append(in_order(distances, self._mirror.positions(keys)))
            # Read after the answers: the state that was before cannot have come back.
            if self._state() != self._mirror.state:
                raise self._mirror.changed()
        return answers

    def _filter(self, allow: Allow) -> tuple[SQL, list[int]]:
        """Name what is allowed or what is not, whichever is shorter."""
        if allow is None:
            return SQL("true"), []
        if 2 * np.count_nonzero(allow) <= len(allow):
            return SQL("key = any(%(keys)s::bigint[])"), self._mirror.keys(allow)
        return SQL("key <> all(%(keys)s::bigint[])"), self._mirror.keys(~allow)

    def _filled(self, sql: SQL, condition: SQL) -> Composed:
        distance = DISTANCE.format(bits=self._bits)
        return sql.format(distance=distance, table=self._table, filter=condition)

    def _prepare(self) -> None:
        self._connection.execute("create extension if not exists vector")
        self._connection.execute(
            SQL(
                "create table if not exists {} (key bigint primary key, code bit({}) not null)"
            ).format(self._table, self._bits)
        )
        found = self._connection.execute(APPROXIMATE, [self._quoted()]).fetchone()
        if found is not None:
            raise ServerError(
                f"the table {self._name} has the index {found[0]}, which may make answers "
                "approximate; drop it and open the index again"
            )

    def _synchronise(self) -> None:
        with self._connection.transaction():
            self._connection.execute(
                SQL("lock table {} in share row exclusive mode").format(self._table)
            )
            state = self._state()
            if state == self._mirror.state:
                return
            surplus, (keys, codes) = self._mirror.changes(state, self._listed)
            self._connection.execute(
                SQL("delete from {} where key = any(%s::bigint[])").format(self._table), [surplus]
            )
            into = SQL("copy {} from stdin").format(self._table)
            with self._connection.cursor() as cursor, cursor.copy(into) as copy:
                for key, code in zip(keys.tolist(), codes, strict=True):
                    copy.write_row((key, _digits(code)))
            self._connection.execute(
                SQL("comment on table {} is {}").format(self._table, Literal(self._mirror.state))
            )

    def _state(self) -> str | None:
        ((state,),) = self._connection.execute(STATE, [self._quoted()]).fetchall()
        return None if state is None else str(state)

    def _listed(self) -> Listing:
        found = self._connection.execute(
            SQL("select key, code::text from {}").format(self._table)
        ).fetchall()
        keys = np.array([key for key, _ in found], dtype=np.int64)
        digits = np.frombuffer("".join(code for _, code in found).encode(), dtype=np.uint8)
        bits = self._mirror.shape[1] * BITS_PER_BYTE
        return keys, np.packbits(digits.reshape(len(keys), bits) == ord("1"), axis=1)

    def _quoted(self) -> str:
        return self._table.as_string(self._connection)


def _connected(server: str) -> psycopg.Connection:
    return psycopg.connect(server, autocommit=True, connect_timeout=10, options=OPTIONS)


@contextmanager
def _translated(server: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise ServerError(
            f"PostgreSQL cannot search this index ({_first_line(error)}); check the server at "
            f"{server} and open the index again"
        ) from error


def _digits(code: UInt8[np.ndarray, " bytes"]) -> str:
    return bytes(np.unpackbits(code) + ord("0")).decode()


def _first_line(error: Exception) -> Any:  # noqa: ANN401 - a str; the stubs of psycopg say Any
    return str(error).strip().partition("\n")[0]
