"""Entries that follow from a number, for this process and for those that a test kills.

As a program: add entries 0, 1, 2, ... to the store of a folder by tens, for ever, and print how
many are committed after each ten.
"""

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from hashlib import blake2b
from itertools import count
from pathlib import Path

import numpy as np

from acir.index.entry import Entry
from acir.index.gallery import Gallery
from acir.index.store import Store

BITS, DIM = 16, 12


def entry(number: int, **changed: object) -> Entry:
    rng = np.random.default_rng(number)
    vector = rng.normal(size=DIM)
    values: dict[str, object] = {
        "id": f"class{number % 3}/{number:06d}.png",
        "code": rng.integers(0, 256, BITS // 8, dtype=np.uint8),
        "embedding": (vector / np.linalg.norm(vector)).astype(np.float16),
        "label": f"class{number % 3}",
        "pixel_hash": f"{number // 2:064x}",  # two pictures each
        "path": f"some/{number}.png",
        "patient": f"{number // 4:016x}",  # four pictures each
        "thumbnail": rng.bytes(300),
        "metadata": {"split": "test" if number % 5 == 0 else "train", "view": "AP"},
    }
    return Entry(**(values | changed))  # type: ignore[arg-type]


def create(folder: Path, numbers: range = range(0)) -> Store:
    store = Store.create(folder, bits=BITS, dim=DIM, engine="flat", model="m1")
    store.add(map(entry, numbers))
    return store


class Spy:
    """Calls a function and counts."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *given: object) -> object:
        self.calls += 1
        return self.function(*given)


def gallery(store: Store) -> Gallery:
    with store.view() as view:
        return view.gallery


def everything(store: Store) -> list[Entry]:
    with store.view() as view:
        return view.entries(np.arange(len(view.gallery.keys)))


def back_to_version_2(folder: Path) -> None:
    """Turn a store into what version 2 made: it found pixels by the first letters of their hash."""
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection:
        connection.executescript("""
            update meta set value = '2' where key = 'schema';
            drop index item_pixels;
            alter table item drop column pixels;
            create index item_pixels on item (substr(pixel_hash, 1, 8))""")


def back_to_version_1(folder: Path) -> None:
    """Turn a store into what version 1 made: its indexes, checksums and records were others."""
    back_to_version_2(folder)
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection:
        connection.create_function("checksum_1", -1, _checksum_1)
        connection.executescript("""
            insert into meta select 'generation', max(generation) from change;
            update meta set value = '1' where key = 'schema';
            drop table change;
            drop table traffic;
            drop index item_pixels;
            create index item_pixels on item (pixel_hash);
            drop index item_patient;
            create index item_patient on item (patient);
            create index item_gallery on item (id, code);
            update item set checksum = (
                select checksum_1(id, label, path, patient, pixel_hash, code, v, png, words)
                from embedding left join thumbnail using (row) left join (
                    select row, json_group_array(json_array(key, value)) as words
                    from (select * from metadata order by row, key) group by row) using (row)
                where embedding.row = item.row)""")


def _checksum_1(*columns: str | bytes | None) -> bytes:
    """Hash the columns of a row as version 1 did: JSON with the hash of each blob in its place."""
    plain = [
        blake2b(column, digest_size=16).hexdigest() if isinstance(column, bytes) else column
        for column in columns[:-1]
    ]
    words = json.loads(columns[-1] or "[]")
    return blake2b(json.dumps([*plain, words]).encode(), digest_size=16).digest()


def plain(one: Entry) -> dict[str, object]:
    """Turn an entry into values that compare."""
    arrays = {"code": one.code.tolist(), "embedding": one.embedding.tolist()}
    return vars(one) | arrays | {"metadata": dict(one.metadata)}


if __name__ == "__main__":
    with Store.open(Path(sys.argv[1])) as open_store:
        for start in count(0, 10):
            open_store.add(map(entry, range(start, start + 10)))
            print(start + 10, flush=True)  # noqa: T201 - read by the test
