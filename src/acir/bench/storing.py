"""An index on disk: filling, opening, changing, filtering, and a search besides encoding."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float16, Int, UInt8

from acir import ranking, registry
from acir.bench.conditions import resident_bytes
from acir.bench.drawn import CENTRES, Drawn
from acir.bench.filling import fill
from acir.bench.harness import Tick, Work, interleaved, once, ratios, summary
from acir.bench.references import BARE, bare_faiss
from acir.index.database import FILE
from acir.index.embeddings import Embeddings
from acir.index.engines.base import Found, without
from acir.index.entry import Entry
from acir.index.folder import size_of
from acir.index.store import Store
from acir.index.view import View
from acir.ranking.base import Ranker, cosine, unranked

RANKER = "within_distance"
HITS = 10
RERANKED = 1000
OPENINGS, CHANGES, RERANKINGS = 5, 20, 25
WHERE: Mapping[str, str] = {"label": "3"}  # a centre: one picture in 64


@dataclass(frozen=True)
class Sizes:
    """What an index holds, and what is asked of it.

    Attributes:
        dim: Length of the embeddings.
        engine: Name of the engine.
        rounds: Repetitions of a search.
        k: Neighbours.
    """

    dim: int
    engine: str
    rounds: int
    k: int


def entries(drawn: Drawn, dim: int, seed: int) -> Iterator[Entry]:
    """Yield pictures whose embeddings cluster as their codes do."""
    random = np.random.default_rng(seed)
    means = random.normal(size=(CENTRES, dim))
    for number, (code, centre) in enumerate(zip(drawn.codes, drawn.centres, strict=True)):
        vector = means[centre] + random.normal(size=dim)
        yield entry(number, code, vector, str(centre))


def entry(
    number: int,
    code: UInt8[np.ndarray, " bytes"],
    vector: Float[np.ndarray, " dim"],
    label: str,
) -> Entry:
    """Return a picture; its number is its id and stands for its pixels."""
    return Entry(
        id=f"{number:09d}",
        code=code,
        embedding=(vector / np.linalg.norm(vector)).astype(np.float16),
        label=label,
        pixel_hash=_pixel_hash(number),
    )


@dataclass(frozen=True)
class Searches:
    """Parts of a search, each over a view of its own.

    Attributes:
        store: The index.
        drawn: Where the queries come from.
        ranker: Orders by content.
        k: Neighbours.
    """

    store: Store
    drawn: Drawn
    ranker: Ranker
    k: int

    def engine(self, number: int) -> None:
        """Ask the engine alone."""
        with self.store.view() as view:
            view.engine.knn(self.drawn.query(number), self.k)

    def filtered(self, where: Mapping[str, str], _: int) -> None:
        """Say which pictures a query may find."""
        with self.store.view() as view:
            view.select(where)

    def neighbours(self, number: int) -> None:
        """Find neighbours, and read what is known of the best."""
        with self.store.view() as view:
            own = view.same_pixels(_pixel_hash(number))
            distances, rows = view.engine.knn(self.drawn.query(number), self.k + len(own))
            view.entries(without((distances[0], rows[0]), own)[1][:HITS])

    def ties(self, where: Mapping[str, str], number: int) -> None:
        """Find neighbours and all that tie with the last."""
        with self.store.view() as view:
            self._found(view, where, number)

    def answer(self, where: Mapping[str, str], number: int) -> None:
        """Find, complete ties, rank and read the hits: a search besides encoding.

        Embeddings come from the store, as for a searcher that meets them for the first time.
        """
        with self.store.view() as view:
            distances, rows = self._found(view, where, number)
            view.entries(self._ranked(view.embeddings(rows), distances, rows)[:HITS])

    def rerank(self, met: Embeddings | None, rows: Int[np.ndarray, " n"], _: int) -> None:
        """Order pictures by content alone, with embeddings from memory or, for None, the store."""
        with self.store.view() as view:
            embeddings = view.embeddings(rows) if met is None else met.of(view, rows)
            self._ranked(embeddings, np.zeros(len(rows), dtype=np.int32), rows)

    def _found(self, view: View, where: Mapping[str, str], number: int) -> Found:
        """Do what `acir.search` does: a picture's own pixels are fetched too, and dropped."""
        own = view.same_pixels(_pixel_hash(number))
        allowed = view.select(where) if where else None
        found = view.engine.tie_complete(self.drawn.query(number), self.k + len(own), allowed)
        return without(found[0], own)

    def _ranked(
        self,
        embeddings: Float16[np.ndarray, "n dim"],
        distances: Int[np.ndarray, " n"],
        rows: Int[np.ndarray, " n"],
    ) -> Int[np.ndarray, " n"]:
        cosines = cosine(embeddings[0], embeddings)  # the first picture stands for the query
        return self.ranker.rank(unranked(rows, distances, cosines)).rows


def _pixel_hash(number: int) -> str:
    """Hash in no order, as those of pictures are."""
    return sha256(str(number).encode()).hexdigest()


def measure(folder: Path, drawn: Drawn, sizes: Sizes, seed: int, tick: Tick) -> dict[str, object]:
    """Fill an index in an empty folder and time what is done with it; return plain values."""
    with Store.create(
        folder, bits=drawn.bits, dim=sizes.dim, engine=sizes.engine, model="benchmark"
    ) as store:
        filled = fill(store, entries(drawn, sizes.dim, seed))
    bytes_on_disk = size_of(folder)  # without the log, which closing empties
    tick(1)
    opening = [once(lambda: _open(folder).close()) for _ in range(OPENINGS)]
    with _open(folder) as store:
        tick(1)
        learned = {"bits": drawn.bits, "intercept": 0.0, "weight": 1.0}
        ranker = registry.build(ranking.get(RANKER), {}, **learned)
        searches = Searches(store, drawn, ranker, sizes.k)
        return {
            "rows": len(drawn.codes),
            "bits": drawn.bits,
            "dim": sizes.dim,
            "engine": sizes.engine,
            **filled,
            "bytes": bytes_on_disk,
            "memory_bytes": _held_by_another_process(folder),
            "open": {"first_ms": opening[0] * 1000, **summary(opening)},
            "figures": _searched(searches, sizes.rounds, tick),
            "rerank": _reranked(searches, sizes.dim),
            "change": _changed(searches, sizes.dim, seed),
        }


def _held_by_another_process(folder: Path) -> int | None:
    """Return what opening takes of the memory of a process that has nothing else to do."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_held, (folder,))


def _held(folder: Path) -> int | None:
    before = resident_bytes()
    with _open(folder):
        after = resident_bytes()
    return None if before is None or after is None else after - before


def _open(folder: Path) -> Store:
    """Open an index and build its engine, as for a first query."""
    store = Store.open(folder)
    with store.view() as view:
        _ = view.engine
    return store


def _searched(searches: Searches, rounds: int, tick: Tick) -> dict[str, dict[str, object]]:
    """Time a search and its parts beside bare FAISS."""
    drawn, bare = searches.drawn, bare_faiss(searches.drawn.codes)
    first = once(lambda: searches.filtered(WHERE, 0))
    works: dict[str, Work] = {
        BARE: lambda number: bare.search(drawn.query(number), searches.k),
        "engine": searches.engine,
        "allowed rows": partial(searches.filtered, {}),
        "allowed rows, filtered": partial(searches.filtered, WHERE),
        "neighbours and names": searches.neighbours,
        "with ties": partial(searches.ties, {}),
        "with ties, filtered": partial(searches.ties, WHERE),
        "answer": partial(searches.answer, {}),
        "answer, filtered": partial(searches.answer, WHERE),
    }
    found = {n: summary(times) for n, times in interleaved(works, rounds, tick).items()}
    found["a filter for the first time"] = summary([first])
    return {name: {**one, "to_faiss": ratios(one, found[BARE])} for name, one in found.items()}


def _reranked(searches: Searches, dim: int) -> dict[str, object]:
    """Time the ordering of scattered pictures by content.

    `met` are those that a searcher has met before, whose embeddings are in memory; `warm` and
    `cold` are read from the store, in the cache of the system or not.
    """
    count = min(RERANKED, len(searches.drawn.codes))
    random = np.random.default_rng(0)
    rows = np.sort(random.choice(len(searches.drawn.codes), count, replace=False))
    works: dict[str, Work] = {
        "met": partial(searches.rerank, Embeddings(dim), rows),
        "warm": partial(searches.rerank, None, rows),
    }
    times = interleaved(works, RERANKINGS, lambda _: None)
    found: dict[str, object] = {name: summary(seconds) for name, seconds in times.items()}
    found["rows"] = count
    if hasattr(os, "posix_fadvise"):
        cold = []
        for _ in range(OPENINGS):
            _forget(searches.store.folder / FILE)
            cold.append(once(lambda: searches.rerank(None, rows, 0)))
        found["cold"] = summary(cold)
    return found


def _forget(path: Path) -> None:
    """Ask the system to drop a file from its cache; what lies below it may keep it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _changed(searches: Searches, dim: int, seed: int) -> dict[str, dict[str, float]]:
    """Time single changes, each on the disk when the call returns, and when a search sees them."""
    store, count = searches.store, len(searches.drawn.codes)
    vector = np.random.default_rng(seed).normal(size=dim)
    adding, deleting, seeing = list[float](), list[float](), list[float]()
    for number in range(CHANGES):
        new = entry(count + number, searches.drawn.query(number)[0], vector, "0")
        adding.append(once(partial(store.add, [new])))
        seeing.append(once(partial(searches.engine, number)))
        deleting.append(once(partial(store.delete, [new.id])))
        seeing.append(once(partial(searches.engine, number)))
    return {
        "add_one": summary(adding),
        "delete_one": summary(deleting),
        "next_query": summary(seeing),
    }
