"""How long an index of ten million pictures takes to open: the first time, and with its cache.

    python benchmarks/opening.py --folder index --out benchmarks/results/opening.json

Opening reads codes and ids alone, so the rows are written without embeddings and hashes, in the
order of their ids and pixels: such an index can be opened and searched, and verifies as damaged.
"""

import argparse
import json
import platform
import shutil
import sqlite3
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from acir.bench.conditions import conditions
from acir.index import cache, changes
from acir.index.database import Database
from acir.index.entry import seal
from acir.index.rows import ITEM, pixels
from acir.index.store import Store
from acir.index.writer import ROOM

BITS, PART, OPENINGS, QUERIES = 64, 100_000, 5, 9
INSERT = f"insert into {ITEM} values (?, ?, '', null, null, ?, ?, x'', ?)"


def rows(start: int, stop: int) -> Iterator[tuple[int, str, str, bytes, int]]:
    """Yield row, id, pixel hash, sealed code and the number of the hash."""
    random = np.random.default_rng(start)
    codes = random.integers(0, 256, (stop - start, BITS // 8), dtype=np.uint8)
    for number, code in zip(range(start, stop), codes, strict=True):
        pixel_hash = f"{number:064d}"
        yield number + 1, f"{number:09d}", pixel_hash, seal(code.tobytes()), pixels(pixel_hash)


def fill(folder: Path, count: int) -> None:
    """Write the rows of so many pictures."""
    Store.create(folder, bits=BITS, dim=1, engine="faiss", model="benchmark").close()
    database = Database(folder, ROOM)
    for start in range(0, count, PART):
        with database.transaction() as connection:
            connection.executemany(INSERT, rows(start, min(start + PART, count)))
            changes.record(connection, ())
    database.close()


def opened(folder: Path) -> tuple[float, float, float]:
    """Open as the first query does; return seconds of wall and processor, and of a later query."""
    wall, processor = time.perf_counter(), time.process_time()
    with Store.open(folder) as store, store.view() as view:
        engine = view.engine
        taken = time.perf_counter() - wall, time.process_time() - processor
        later = list[float]()
        for query in view.gallery.codes[:QUERIES]:
            start = time.perf_counter()
            engine.knn(query[None], 100)
            later.append(time.perf_counter() - start)
    return *taken, min(later)


def main() -> None:
    """Measure in a new folder and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10_000_000)
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    fill(asked.folder, asked.count)
    first, again = [], []
    for _ in range(2):
        (asked.folder / cache.FILE).unlink(missing_ok=True)
        first.append(opened(asked.folder))
        again += [opened(asked.folder) for _ in range(OPENINGS)]
    result: dict[str, object] = {"pictures": asked.count, "bits": BITS}
    for name, times in (("first", first), ("with_cache", again)):
        walls, processors, _ = zip(*times, strict=True)
        result[f"{name}_s"] = {"best": min(walls), "median": statistics.median(walls)}
        result[f"{name}_processor_s"] = statistics.median(processors)
    result["query_ms"] = min(query for *_, query in again) * 1000
    result |= {"sqlite": sqlite3.sqlite_version, "python": platform.python_version()}
    result["conditions"] = conditions()
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))  # noqa: T201 - the result is what it is for


if __name__ == "__main__":
    main()
