"""SQLite alone is given what the index was given, byte for byte."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acir.bench import filling
from acir.bench.drawn import draw
from acir.bench.storing import entries
from acir.index.database import FILE, Database
from acir.index.store import Store


def contents(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"select * from {table} order by row").fetchall()


def test_both_hold_the_same_rows_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, twins = draw("clustered", 1_000, 64, 1, 0), list[dict[str, object]]()
    monkeypatch.setattr(filling, "BATCH", 300)
    close = Database.close

    def look(database: Database) -> None:
        if database.folder.parent == tmp_path and database.folder.name != "index":
            path = database.folder / FILE
            twins.append({table: contents(path, table) for table in filling.NEW})
        close(database)

    monkeypatch.setattr(Database, "close", look)
    with Store.create(tmp_path / "index", bits=64, dim=8, engine="flat", model="m") as store:
        found = filling.fill(store, entries(drawn, 8, 0))
    assert twins == [{t: contents(tmp_path / "index" / FILE, t) for t in filling.NEW}]
    assert len(twins[0]["item"]) == 1_000  # type: ignore[arg-type]
    assert found["rows_a_second"] > 0
    assert found["to_sqlite"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
