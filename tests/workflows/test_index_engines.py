"""Choosing an engine, moving an index to another, and what a server sees of its changes."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from acir.errors import OutdatedError
from acir.index import cache
from acir.index.database import FILE
from acir.index.store import Store
from acir.index.view import View
from acir.search.probe import Examples
from acir.search.request import Request
from acir.workflows.search import open_index
from made_model import acir, tree
from made_servers import Server

OF_INDEX = {"n", "bits", "dim", "model"}


@pytest.fixture(scope="session")
def server(server_of: Callable[[str], Server | None]) -> Server:
    running = server_of("pgvector")
    assert running is not None
    return running


def done(*words: object) -> dict[str, Any]:
    return acir(*words, "--json").done()


def info(index: Path) -> dict[str, Any]:
    return done("index", "info", "--index", index)


def answers(index: Path, query: Path) -> Any:  # noqa: ANN401 - JSON
    return done("search", "--index", index, query, "--force", "-k", "20")["hits"]


def table(server: Server, index: Path) -> list[tuple[int]]:
    """Return the numbers that the server holds for an index."""
    with psycopg.connect(server.address) as connection:
        name = info(index)["collection"]
        return connection.execute(f"select key from {name} order by key").fetchall()


def numbers(index: Path) -> list[tuple[int]]:
    with Store.open(index) as store, store.view() as view:
        return [(key,) for key in sorted(view.gallery.keys.tolist())]


def test_an_engine_is_chosen_when_an_index_is_built(
    tmp_path: Path, bundle: Path, few: Path
) -> None:
    words = ("--model", bundle, "--data", few, "--index", tmp_path / "index")
    done("index", "build", *words, "--engine", "flat")
    assert info(tmp_path / "index")["engine"] == "flat"


def test_building_leaves_what_the_first_search_would_derive(
    tmp_path: Path, bundle: Path, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LEAST", 1)
    index = tmp_path / "index"
    done("index", "build", "--model", bundle, "--data", few, "--index", index)
    found = cache.read(index, info(index)["bits"] // 8)
    assert found is not None
    assert len(found[1].keys) == info(index)["n"]


def test_an_unknown_engine_is_refused_before_anything_is_made(
    tmp_path: Path, bundle: Path, few: Path
) -> None:
    words = ("--model", bundle, "--data", few, "--index", tmp_path / "index", "--engine", "fais")
    said = acir("index", "build", *words).refusal()
    assert said.endswith("Did you mean 'faiss'?")
    assert not (tmp_path / "index").exists()


def test_a_copy_answers_alike_and_holds_bundle_and_key(
    tmp_path: Path, index: Path, few: Path
) -> None:
    told = done("index", "copy", "--index", index, "--to", tmp_path / "copy", "--engine", "flat")
    assert told["engine"] == "flat"
    assert {key: told[key] for key in OF_INDEX} == {key: info(index)[key] for key in OF_INDEX}
    for part in ("bundle", "secret.key"):
        held = [
            {k: v for k, v in tree(i).items() if k.startswith(part)}
            for i in (index, tmp_path / "copy")
        ]
        assert held[0] == held[1] != {}
    query = few / "disc" / "200.png"
    assert answers(tmp_path / "copy", query) == answers(index, query)
    assert done("index", "verify", "--index", tmp_path / "copy") == {"problems": []}


def test_a_copy_is_not_written_over_something(tmp_path: Path, index: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "notes.txt").write_text("mine", encoding="utf-8")
    said = acir("index", "copy", "--index", index, "--to", taken, "--engine", "flat").refusal()
    assert said.startswith("there is something at ")
    assert tree(tmp_path) == {"taken/notes.txt": b"mine"}


def test_what_an_approximate_engine_finds_is_shown(tmp_path: Path, index: Path, few: Path) -> None:
    copy = tmp_path / "copy"
    done("index", "copy", "--index", index, "--to", copy, "--engine", "ivf")
    found = info(copy)
    assert found["recall"] == 1
    assert found["remarks"] == ["fewer than 100,000 codes: all are scanned"]
    assert "recall" not in info(index)
    outcome = acir("search", "--index", copy, few / "disc" / "200.png")
    assert "fewer than 100,000 codes: all are scanned" in outcome.err


def test_a_server_follows_what_is_added_and_deleted(
    tmp_path: Path, server: Server, index: Path, few: Path
) -> None:
    there = tmp_path / "there"
    query = few / "disc" / "200.png"
    done("index", "copy", "--index", index, "--to", there, "--engine", server.address)
    assert info(there)["server"] == server.address
    assert table(server, there) == numbers(index) == numbers(there)
    assert answers(there, query) == answers(index, query)
    done("index", "add", "--index", there, "--data", few)
    assert table(server, there) == numbers(there)
    assert len(numbers(there)) == len(numbers(index)) + 12
    done("index", "delete", "--index", there, "--where", "label=disc")
    assert table(server, there) == numbers(there)
    file = tmp_path / "all.parquet"
    done("index", "export", "--index", index, "--to", file)
    done("index", "import", "--index", there, "--from", file)
    assert table(server, there) == numbers(there)
    assert answers(there, query)[0]["label"] == "disc"
    done("index", "delete", "--index", there, "--where", "label=disc")
    back = tmp_path / "back"
    done("index", "copy", "--index", there, "--to", back, "--engine", "faiss")
    assert "server" not in info(back)
    assert answers(back, query) == answers(there, query)


def test_a_search_goes_on_when_another_process_changes_the_server(
    tmp_path: Path, server: Server, index: Path, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, query = tmp_path / "there", few / "disc" / "200.png"
    done("index", "copy", "--index", index, "--to", there, "--engine", server.address)
    with open_index(there) as searcher:
        before = len(searcher.store.traffic().p_values)
        first = searcher.search(query, k=20, force=True)
        check, checked = searcher._checked, list[int]()

        def deleted_meanwhile(view: View, request: Request) -> tuple[str, Examples]:
            if not checked:  # the search has begun and sees the state before
                acir("index", "delete", "--index", there, first.hits[0].id)
            checked.append(view.generation)
            return check(view, request)

        monkeypatch.setattr(searcher, "_checked", deleted_meanwhile)
        again = searcher.search(query, k=20, force=True)
        assert len(checked) == 2
        assert checked[0] < checked[1]
        assert [hit.id for hit in again.hits[:3]] == [hit.id for hit in first.hits[1:4]]
        assert len(searcher.store.traffic().p_values) == before + 2


def test_a_search_repairs_a_copy_that_is_of_no_known_state(
    tmp_path: Path, server: Server, index: Path, few: Path
) -> None:
    there, query = tmp_path / "there", few / "disc" / "200.png"
    done("index", "copy", "--index", index, "--to", there, "--engine", server.address)
    name = info(there)["collection"]
    with open_index(there) as searcher:
        first = searcher.search(query, k=20, force=True)
        with psycopg.connect(server.address) as connection:
            connection.execute(f"delete from {name}")
            connection.execute(f"comment on table {name} is null")
        assert searcher.search(query, k=20, force=True) == first
        with searcher.store.view() as view, psycopg.connect(server.address) as connection:
            connection.execute(f"comment on table {name} is null")
            connection.commit()
            with pytest.raises(OutdatedError, match="no longer those of this index"):
                view.engine.knn(view.gallery.codes[:1], 1)


def test_an_index_is_built_on_a_server(
    tmp_path: Path, server: Server, bundle: Path, few: Path
) -> None:
    words = ("--model", bundle, "--data", few, "--index", tmp_path / "index")
    done("index", "build", *words, "--engine", server.address)
    assert table(server, tmp_path / "index") == numbers(tmp_path / "index") != []


def test_a_server_that_cannot_be_reached_stops_before_anything_is_encoded(
    tmp_path: Path, bundle: Path, index: Path, few: Path
) -> None:
    nowhere = f"postgresql:///postgres?host={tmp_path}"
    words = ("--model", bundle, "--data", few, "--index", tmp_path / "index")
    for command in (
        ("index", "build", *words, "--engine", nowhere),
        ("index", "copy", "--index", index, "--to", tmp_path / "index", "--engine", nowhere),
    ):
        outcome = acir(*command)
        assert outcome.code == 1
        said = " ".join(outcome.err.split())
        assert "PostgreSQL cannot search this index" in said
        assert "is as it should be" not in said  # it is gone
        assert not (tmp_path / "index").exists()


def test_the_copy_of_a_folder_and_its_original_do_not_mix_on_the_server(
    tmp_path: Path, server: Server, index: Path, few: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    done("index", "copy", "--index", index, "--to", one, "--engine", server.address)
    shutil.copytree(one, two)
    done("index", "delete", "--index", two, "--where", "label=disc")
    query = few / "disc" / "200.png"
    assert answers(one, query) == answers(index, query)
    assert "disc" not in {hit["label"] for hit in answers(two, query)}


def test_a_restored_backup_has_a_copy_of_its_own_on_the_server(
    tmp_path: Path, server: Server, index: Path, few: Path
) -> None:
    one, kept, two = (tmp_path / name for name in ("one", "backup", "two"))
    done("index", "copy", "--index", index, "--to", one, "--engine", server.address)
    done("index", "backup", "--index", one, "--to", kept)
    done("index", "restore", "--from", kept, "--index", two)
    names = [info(each)["collection"] for each in (one, kept, two)]
    assert len(set(names)) == len(names)
    with open_index(one) as searcher:
        query = few / "disc" / "200.png"
        assert answers(two, query) == answers(index, query)
        assert table(server, two) == table(server, one)
        searcher.search(query, force=True)  # the original was not disturbed
    done("index", "delete", "--index", two, "--where", "label=disc")
    assert len(table(server, two)) < len(table(server, one))


def test_copies_without_an_index_are_listed_and_dropped(
    tmp_path: Path, server: Server, index: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for each in (one, two):
        done("index", "copy", "--index", index, "--to", each, "--engine", server.address)
    left = info(two)["collection"]
    shutil.rmtree(two)
    with psycopg.connect(server.address) as connection:
        connection.execute("create table acir_mine (key bigint)")
    words = ("index", "orphans", "--engine", server.address, "--index", one, "--index", index)
    listed = done(*words)
    assert listed["dropped"] is False
    assert left in listed["orphans"]
    assert info(one)["collection"] not in listed["orphans"]
    assert "acir_mine" not in listed["orphans"]
    assert left in acir(*words).out.splitlines()
    assert done(*words, "--drop") == listed | {"dropped": True}
    assert done(*words)["orphans"] == []
    assert acir(*words).out == "no copy is without an index\n"
    assert table(server, one) == numbers(one)
    with psycopg.connect(server.address) as connection:
        connection.execute("drop table acir_mine")


def test_orphans_of_an_engine_without_a_server_are_refused() -> None:
    said = acir("index", "orphans", "--engine", "faiss").refusal()
    assert said == (
        "the engine faiss keeps nothing on a server; give the address of one: milvus://HOST or "
        "postgresql://HOST"
    )


def test_what_the_server_missed_is_deleted_there_at_the_next_opening(
    tmp_path: Path, server: Server, index: Path, few: Path
) -> None:
    there = tmp_path / "there"
    done("index", "copy", "--index", index, "--to", there, "--engine", server.address)
    before = table(server, there)
    point_to(there, f"postgresql:///postgres?host={tmp_path}")
    outcome = acir("index", "delete", "--index", there, "--where", "label=disc")
    assert outcome.code == 1
    assert "is as it should be, but its copy on the server is not: " in " ".join(
        outcome.err.split()
    )
    point_to(there, server.address)
    assert table(server, there) == before
    answers(there, few / "bars" / "200.png")
    assert table(server, there) == numbers(there) != before


def point_to(index: Path, address: str) -> None:
    with sqlite3.connect(index / FILE) as connection:
        connection.execute("update meta set value = ? where key = 'setting.server'", [address])
    connection.close()
