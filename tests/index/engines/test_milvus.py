"""What of Milvus the suites of all engines do not see: full pages, other indexes, a crash.

Runs in an environment of its own: see `tests/conformance/test_engine_servers.py`.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

pytest.importorskip("pymilvus", reason="runs in an environment of its own, see make services")
from pymilvus import Collection, connections, utility

from acir.errors import ServerError, TooManyHitsError, TooManyTiesError
from acir.index.engines.flat import Flat
from acir.index.engines.milvus import Milvus
from acir.index.milvus_copy import PAGE
from made_engines import Maker, crowded, maker_of, pairs, sorted_pairs
from made_servers import Server, milvus, place

KEYS = np.arange(1, 31)


@pytest.fixture(scope="module")
def make(server_of: Callable[[str], Server | None]) -> Maker:
    return maker_of("milvus", server_of)


@pytest.fixture
def connection(make: Maker) -> Iterator[str]:
    assert make.server is not None
    host, _, port = make.server.address.removeprefix("milvus://").partition(":")
    connections.connect("test", host=host, port=port)
    yield "test"
    connections.disconnect("test")


def test_a_full_page_is_an_error_and_one_row_fewer_is_none(make: Maker) -> None:
    codes = np.zeros((PAGE, 8), dtype=np.uint8)
    query = np.zeros((1, 8), dtype=np.uint8)
    engine = make(codes, collection="page")
    with pytest.raises(TooManyTiesError, match=r"16384 or more pictures are as near as the 3 near"):
        engine.tie_complete(query, 3)
    with pytest.raises(TooManyHitsError, match=r"16384 or more pictures within 0 bits, which Milv"):
        engine.within(query, 0)
    narrowed = np.arange(PAGE) != 5
    assert len(engine.within(query, 0, narrowed)[0][1]) == PAGE - 1
    engine.close()
    engine = make(codes[1:], collection="page")
    assert len(engine.tie_complete(query, 3)[0][1]) == PAGE - 1
    engine.close()


def test_more_neighbours_than_a_page_are_refused(make: Maker) -> None:
    codes, queries = crowded(1, PAGE + 10, 64)
    engine = make(codes, collection="many")
    with pytest.raises(TooManyTiesError, match=r"16385 pictures were asked for, and Milvus return"):
        engine.knn(queries, PAGE + 1)
    engine.close()


def test_a_filter_of_more_keys_than_one_expression_names_is_exact(make: Maker) -> None:
    codes, queries = crowded(2, 30_000, 64)
    allow = np.random.default_rng(2).random(30_000) < 0.5
    engine = make(codes, collection="many")
    expected = Flat(codes).tie_complete(queries, 50, allow)
    assert list(map(pairs, engine.tie_complete(queries, 50, allow))) == list(map(pairs, expected))
    engine.close()


def test_a_collection_with_an_approximate_index_is_refused(make: Maker, connection: str) -> None:
    codes, _ = crowded(3, 30, 64)
    make(codes, KEYS, "indexed").close()
    collection = Collection("indexed_8", using=connection)
    collection.release()
    collection.drop_index()
    index = {"index_type": "BIN_IVF_FLAT", "metric_type": "HAMMING", "params": {"nlist": 4}}
    collection.create_index("code", index)
    with pytest.raises(ServerError, match=r"has an index of type BIN_IVF_FLAT, expected BIN_FLAT"):
        make(codes, KEYS, "indexed")


def test_an_interrupted_change_is_made_good_without_second_rows(
    make: Maker, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes, queries = crowded(4, 30, 64)
    make(codes[:10], KEYS[:10], "broken").close()

    def pulled(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(utility, "create_alias", pulled)
        with pytest.raises(KeyboardInterrupt):
            make(codes[5:], KEYS[5:], "broken")
    assert utility.list_aliases("broken_8", using=connection) == []
    engine = make(codes[5:], KEYS[5:], "broken")
    found = engine.within(queries, 64)[0]
    assert pairs(found) == sorted_pairs(queries[0], codes[5:])
    count = Collection("broken_8", using=connection).query(
        "", output_fields=["count(*)"], consistency_level="Strong"
    )
    assert count[0]["count(*)"] == 25
    engine.close()


def test_a_server_that_cannot_be_reached_is_named() -> None:
    codes, _ = crowded(5, 10, 64)
    with pytest.raises(
        ServerError, match=r"Milvus cannot search this index .* at milvus://127.0.0"
    ):
        Milvus(codes, np.arange(10), "milvus://127.0.0.1:9", "acir_8")


@pytest.mark.soak
def test_a_server_that_was_killed_holds_what_was_brought() -> None:
    codes, queries = crowded(6, 300, 64)
    keys = np.arange(300)
    with place() as folder:
        with milvus(folder) as server:
            Milvus(codes, keys, server.address, "acir_8").close()
            server.kill()
        with milvus(folder) as server:
            engine = Milvus(codes, keys, server.address, "acir_8")
            answers = engine.tie_complete(queries, 3)
            assert pairs(answers[2])[:3] == sorted_pairs(queries[2], codes)[:3]
            engine.close()
