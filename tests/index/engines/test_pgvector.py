"""What of pgvector the suites of all engines do not see: plans, approximate indexes, a crash."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import numpy as np
import psycopg
import pytest

from acir.errors import ServerError
from acir.index.engines.pgvector import Pgvector
from made_engines import Maker, crowded, maker_of, pairs, sorted_pairs
from made_servers import Server, place, postgresql

HNSW = "create index approximate on {} using hnsw (code bit_hamming_ops)"


@pytest.fixture(scope="module")
def make(server_of: Callable[[str], Server | None]) -> Maker:
    return maker_of("pgvector", server_of)


@pytest.fixture
def connection(make: Maker) -> Iterator[psycopg.Connection]:
    assert make.server is not None
    with psycopg.connect(make.server.address, autocommit=True) as opened:
        yield opened


def test_a_table_with_an_approximate_index_is_refused(
    make: Maker, connection: psycopg.Connection
) -> None:
    codes, _ = crowded(1, 100, 64)
    make(codes, collection="refused").close()
    connection.execute(HNSW.format("refused_8"))
    with pytest.raises(ServerError, match=r"has the index approximate, .* drop it and open"):
        make(codes, collection="refused")
    connection.execute("drop index approximate")
    make(codes, collection="refused").close()


def test_an_approximate_index_made_later_is_not_used(
    make: Maker, connection: psycopg.Connection
) -> None:
    codes, queries = crowded(2, 3000, 40)
    engine = make(codes, collection="later")
    connection.execute(HNSW.format("later_5"))
    connection.execute("analyze later_5")
    distances, rows = engine.knn(queries, 200)
    for i, query in enumerate(queries):
        assert pairs((distances[i], rows[i])) == sorted_pairs(query, codes)[:200]
    plan = "explain select key from later_5 order by code <~> repeat('0', 40)::bit(40) limit 5"
    assert "Index Scan" in str(connection.execute(plan).fetchall())  # it would be elsewhere
    assert isinstance(engine, Pgvector)
    assert "Seq Scan" in str(engine._connection.execute(plan).fetchall())
    engine.close()


def test_codes_lie_in_the_table_as_their_bits(make: Maker, connection: psycopg.Connection) -> None:
    codes = np.array([[0b10000001, 255, 0]], dtype=np.uint8)
    make(codes, np.array([7]), "bits").close()
    found = connection.execute("select key, code::text from bits_3").fetchall()
    assert found == [(7, "100000011111111100000000")]


def test_a_server_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    codes, _ = crowded(3, 10, 64)
    address = f"postgresql:///postgres?host={tmp_path}"
    with pytest.raises(ServerError, match=r"PostgreSQL cannot search this index .* check the serv"):
        Pgvector(codes, np.arange(10), address, "acir_8")


def test_a_server_that_was_killed_holds_what_was_brought() -> None:
    codes, queries = crowded(4, 500, 64)
    keys = np.arange(500)
    with place() as folder:
        with postgresql(folder) as server:
            engine = Pgvector(codes, keys, server.address, "acir_8")
            server.kill()
            with pytest.raises(ServerError, match=r"PostgreSQL cannot search this index"):
                patience = monotonic() + 60
                while monotonic() < patience:  # its children end a moment later
                    engine.knn(queries, 3)
            engine.close()
        with postgresql(folder) as server:
            with psycopg.connect(server.address) as connection:
                assert connection.execute("select count(*) from acir_8").fetchall() == [(500,)]
            engine = Pgvector(codes, keys, server.address, "acir_8")
            answers = engine.tie_complete(queries, 3)
            assert pairs(answers[2])[:3] == sorted_pairs(queries[2], codes)[:3]
            engine.close()
