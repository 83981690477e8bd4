"""All engines on one gallery, beside reading the codes, bare FAISS and numpy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, UInt8

from acir import registry
from acir.bench.conditions import resident_bytes
from acir.bench.drawn import Drawn
from acir.bench.harness import Tick, Times, Work, interleaved, once, ratios, summary
from acir.bench.references import (
    BARE,
    NUMPY,
    READ,
    bare_faiss,
    nearest,
    radius_of,
    reading,
    references,
)
from acir.errors import ComponentError
from acir.index import engines
from acir.index.engines.base import Engine

SHARES = (0.001, 0.01, 0.1, 0.5)  # of the rows that a filter lets through
CHECKED = 20  # queries whose answers are compared with numpy's


@dataclass(frozen=True)
class Rounds:
    """How much is asked, and how often.

    Attributes:
        k: Neighbours of a query.
        single: Rounds of one query.
        batch: Queries of a batch.
        batches: Rounds of a batch.
    """

    k: int
    single: int
    batch: int
    batches: int


@dataclass(frozen=True)
class Built:
    """An engine, and what building it took; None where the system does not say."""

    engine: Engine
    seconds: float
    memory_bytes: int | None


def build(name: str, drawn: Drawn, server: str | None) -> Built:
    """Build an engine over a gallery.

    Raises:
        ComponentError: It needs a library, or a server that was not named.
    """
    kind = engines.get(name)
    if kind.on_server and server is None:
        raise ComponentError(f"the engine {name} needs a server; give --server {name}=ADDRESS")
    given: dict[str, object] = {"codes": drawn.codes, "keys": np.arange(1, len(drawn.codes) + 1)}
    given |= {"server": server, "collection": f"acir_bench_{len(drawn.codes)}_{drawn.bits}"}
    built: list[Engine] = []
    before = resident_bytes()
    seconds = once(lambda: built.append(registry.build(kind, {}, **given)))
    after = resident_bytes()
    return Built(built[0], seconds, None if before is None or after is None else after - before)


def measure(
    built: Mapping[str, Built], drawn: Drawn, rounds: Rounds, seed: int, tick: Tick
) -> dict[str, object]:
    """Time every task of every engine on one thread; return plain values.

    The servers of engines that have one use as many threads as they like.
    """
    read_by, read = reading(drawn.codes)
    many = drawn.queries[: rounds.batch]
    bare = bare_faiss(drawn.codes)
    works = references(drawn, rounds.k, bare, read)
    batches: dict[str, Work] = {f"{BARE} batch": lambda _: bare.search(many, rounds.k)}
    for name, each in built.items():
        tasks = _tasks(each.engine, drawn, rounds.k, seed)
        works |= {f"{name} {task}": work for task, work in tasks}
        batches[f"{name} batch"] = partial(_many, each.engine, many, rounds.k)
    times = interleaved(works, rounds.single, tick)
    together = interleaved(batches, rounds.batches, tick)
    return {
        "rows": len(drawn.codes),
        "bits": drawn.bits,
        "bytes": drawn.codes.nbytes,
        "read_by": read_by,
        "engines": {name: _described(each, drawn, rounds.k) for name, each in built.items()},
        "figures": _figures(times, together, len(many)),
    }


def _tasks(engine: Engine, drawn: Drawn, k: int, seed: int) -> Iterator[tuple[str, Work]]:
    radius, random = radius_of(drawn.bits), np.random.default_rng(seed)
    yield "knn", lambda number: engine.knn(drawn.query(number), k)
    yield "ties", lambda number: engine.tie_complete(drawn.query(number), k)
    yield "radius", lambda number: engine.within(drawn.query(number), radius)
    for share in SHARES:
        yield (
            f"filter {share:.1%}",
            partial(_filtered, engine, drawn, k, random.random(len(drawn.codes)) < share),
        )


def _filtered(
    engine: Engine, drawn: Drawn, k: int, allow: Bool[np.ndarray, " n"], number: int
) -> None:
    engine.knn(drawn.query(number), k, allow)


def _many(engine: Engine, queries: UInt8[np.ndarray, "q bytes"], k: int, _: int) -> None:
    engine.knn(queries, k)


def _described(built: Built, drawn: Drawn, k: int) -> dict[str, object]:
    """Say what an engine is and how many of its answers are those of numpy."""
    same = 0
    for number in range(CHECKED):
        distances, rows = built.engine.knn(drawn.query(number), k)
        expected = nearest(drawn.codes, drawn.query(number)[0], k)
        same += np.array_equal(distances[0], expected[0]) and np.array_equal(rows[0], expected[1])
    return {
        "build_seconds": built.seconds,
        "memory_bytes": built.memory_bytes,
        "exact": built.engine.exact,
        "recall": built.engine.recall,
        "on_server": built.engine.on_server,
        "remarks": list(built.engine.remarks),
        "as_numpy": same / CHECKED,
    }


def _figures(times: Times, batches: Times, batch: int) -> dict[str, dict[str, object]]:
    """Set each contender in relation to the reading of the codes, to bare FAISS and to numpy."""
    found = {name: summary(seconds) for name, seconds in times.items()}
    found |= {name: summary(seconds, batch) for name, seconds in batches.items()}
    figures: dict[str, dict[str, object]] = {}
    for name, figure in found.items():
        task = name.rpartition(" ")[2]
        bare = f"{BARE} {task}" if task in ("batch", "radius") else BARE
        others = {"to_read": READ, "to_faiss": bare, "to_numpy": NUMPY}
        figures[name] = {**figure, **{k: ratios(figure, found[o]) for k, o in others.items()}}
    return figures
