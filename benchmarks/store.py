"""What an index costs besides searching: adding, opening, keeping up, deleting, filtering.

    python benchmarks/store.py --folder store --count 1000000 --out benchmarks/results/store.json

Rows are precomputed: made before the clock starts, with random pixel hashes, which fill the index
on them in no order. Times are of the wall and, where a disk or another program may disturb them, of
the processor too.
"""

import argparse
import json
import platform
import shutil
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from acir.index import cache
from acir.index.entry import Entry
from acir.index.store import Store

BITS, DIM = 64, 64
PART = 50_000  # rows made before each time that the clock starts


def entries(start: int, stop: int) -> list[Entry]:
    """Return pictures whose fields follow from their numbers."""
    random = np.random.default_rng(start)
    codes = random.integers(0, 256, (stop - start, BITS // 8), dtype=np.uint8)
    embeddings = random.normal(size=(stop - start, DIM)).astype(np.float16)
    return [
        Entry(
            id=f"{number:09d}",
            code=codes[number - start],
            embedding=embeddings[number - start],
            label=f"class{number % 9}",
            pixel_hash=random.bytes(32).hex(),
            metadata={"share": "tenth" if number % 10 == 0 else "rest"},
        )
        for number in range(start, stop)
    ]


def clock(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of the wall and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def opened(folder: Path) -> None:
    """Open an index as the first query finds it."""
    with Store.open(folder) as store, store.view() as view:
        view.gallery.positions([1])
        _ = view.engine


def looked_at(store: Store) -> None:
    """Bring a store up to date."""
    with store.view() as view:
        view.gallery.positions([1])
        _ = view.engine


def filtered(store: Store) -> None:
    """Select a tenth."""
    with store.view() as view:
        view.select({"share": "tenth"})


def steps(folder: Path, count: int) -> Iterator[tuple[str, float]]:
    """Measure one thing after another."""
    with Store.create(folder, bits=BITS, dim=DIM, engine="faiss", model="benchmark") as store:
        times = []
        for start in range(0, count, PART):
            rows = entries(start, min(start + PART, count))
            times.append(clock(lambda rows=rows: store.add(rows)))  # type: ignore[misc]
        yield "rows_added_per_second", count / sum(wall for wall, _ in times)
        yield "rows_added_per_second_of_processor", count / sum(cpu for _, cpu in times)
        singles = [[one] for one in entries(count, count + 100)]
        single = [clock(lambda one=one: store.add(one))[0] for one in singles]  # type: ignore[misc]
        yield "single_add_ms", statistics.median(single) * 1000
    (folder / cache.FILE).unlink(missing_ok=True)
    yield "open_and_write_cache_s", clock(lambda: opened(folder))[0]
    yield "open_s", statistics.median(clock(lambda: opened(folder))[0] for _ in range(5))
    with Store.open(folder) as reader, Store.open(folder) as writer:
        looked_at(reader)
        yield "first_filter_ms", clock(lambda: filtered(reader))[0] * 1000
        yield "second_filter_ms", clock(lambda: filtered(reader))[0] * 1000
        yield "view_ms", clock(lambda: looked_at(reader))[0] * 1000
        writer.add(entries(count + 100, count + 1100))
        yield "keep_up_with_1000_added_ms", clock(lambda: looked_at(reader))[0] * 1000
        gone = [f"{number:09d}" for number in range(100)]
        yield "delete_100_ms", clock(lambda: writer.delete(gone))[0] * 1000
        yield "keep_up_with_100_deleted_ms", clock(lambda: looked_at(reader))[0] * 1000


def main() -> None:
    """Measure in a new folder and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    result: dict[str, object] = {"pictures": asked.count, "bits": BITS, "dim": DIM}
    result |= {name: float(f"{value:.4g}") for name, value in steps(asked.folder, asked.count)}
    result |= {"sqlite": sqlite3.sqlite_version, "python": platform.python_version()}
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))  # noqa: T201 - the result is what it is for


if __name__ == "__main__":
    main()
