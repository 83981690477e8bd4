"""Open an index of a million codes and answer from it, beside bare FAISS in the same run.

    python benchmarks/million.py --folder million --out benchmarks/results/million.json

The codes are clustered as those of a trained model: 64 centres, bits flipped with a probability
of 2 to 15 %. What is timed is all that `acir search` does but encoding the query: open, find,
complete the ties, read the embeddings, rank, read the hits. One thread.
"""

import argparse
import json
import platform
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import faiss
import numpy as np

from acir.index.entry import Entry
from acir.index.store import Store
from acir.ranking.base import cosine
from acir.ranking.within_distance import WithinDistance
from acir.types import Ranking

BITS, DIM, CENTRES, K = 64, 128, 64, 10
SHORTLIST = 100


def entries(count: int, seed: int) -> Iterator[Entry]:
    """Yield pictures whose codes and embeddings cluster."""
    random = np.random.default_rng(seed)
    centres = random.integers(0, 2, (CENTRES, BITS), dtype=np.uint8)
    means = random.normal(size=(CENTRES, DIM))
    flips = np.linspace(0.02, 0.15, CENTRES)
    for number in range(count):
        centre = int(random.integers(CENTRES))
        flipped = random.random(BITS) < flips[centre]
        vector = means[centre] + random.normal(size=DIM)
        yield Entry(
            id=f"{number:07d}",
            code=np.packbits(centres[centre] ^ flipped),
            embedding=(vector / np.linalg.norm(vector)).astype(np.float16),
            label=str(centre),
            pixel_hash=f"{number:064x}",
        )


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """Return the milliseconds of each round."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return found


def main() -> None:
    """Build the index if it is not there, measure, and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    asked = parser.parse_args()
    faiss.omp_set_num_threads(1)
    build_seconds = None
    if not (asked.folder / "store.sqlite").exists():
        shutil.rmtree(asked.folder, ignore_errors=True)
        start = time.perf_counter()
        with Store.create(
            asked.folder, bits=BITS, dim=DIM, engine="faiss", model="benchmark"
        ) as store:
            store.add(entries(asked.count, seed=0))
        build_seconds = time.perf_counter() - start
    queries = list(entries(100, seed=0))

    def opened() -> None:
        with Store.open(asked.folder) as store, store.view() as view:
            _ = view.engine

    opening = timed(opened, 5)
    with Store.open(asked.folder) as store:
        with store.view() as view:
            codes = view.gallery.codes
        bare = faiss.IndexBinaryFlat(BITS)
        bare.add(codes)
        ranker = WithinDistance(bits=BITS, intercept=0.0, weight=1.0)

        def answer(query: Entry) -> None:
            with store.view() as view:
                allowed = view.select({}).copy()
                allowed[view.same_pixels(query.pixel_hash)] = False
                ((distances, rows),) = view.engine.tie_complete(query.code[None], SHORTLIST, allowed)
                cosines = cosine(query.embedding, view.embeddings(rows))
                ranking = ranker.rank(Ranking(rows, distances, cosines, np.full(len(rows), np.nan)))
                view.entries(ranking.rows[:K])

        answers, alone = [], []
        for query in queries:  # interleaved, so that a noisy machine disturbs both alike
            answers += timed(lambda query=query: answer(query), 1)  # type: ignore[misc]
            alone += timed(lambda query=query: bare.search(query.code[None], SHORTLIST), 1)  # type: ignore[misc]
    result = {
        "pictures": len(codes),
        "bits": BITS,
        "dim": DIM,
        "build_seconds": build_seconds,
        "open_ms": {"median": statistics.median(opening), "max": max(opening)},
        "answer_ms": {"median": statistics.median(answers), "max": max(answers)},
        "bare_faiss_ms": {"median": statistics.median(alone), "max": max(alone)},
        "answer_to_faiss": statistics.median(answers) / statistics.median(alone),
        "threads": 1,
        "faiss": faiss.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))  # noqa: T201 - the result is what it is for


if __name__ == "__main__":
    main()
