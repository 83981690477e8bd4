"""Score 2,500 queries against 10,000 pictures, beside loops that sort the gallery query by query.

    python benchmarks/metrics.py --out benchmarks/results/metrics.json

Two kinds of 64-bit codes of eight classes: `apart`, nearly all different (each bit of a class
centre flipped with a chance of 20 %), and `repeated`, as of a trained model, whose pictures mostly
share their codes. Two loops: `packed` counts differing bits and sorts them stably, `signs` takes
products of -1 and +1 and sorts with numpy's default, as published evaluation code does. All
compute mAP; `every_score` is all that `acir evaluate` prints of the Hamming order. Rounds are
interleaved, so that a noisy machine disturbs all alike; the ratios are what counts.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from threadpoolctl import threadpool_limits

from acir.codes import unpack
from acir.evaluation.scores import by_codes
from acir.metrics.code_use import distinct_codes
from acir.metrics.retrieval import mean_average_precision

BITS, CLASSES = 64, 8
SOME = 250  # queries of a round of a loop, whose cost a query does not depend on their number

REST = 0.2  # seconds for the threads of the method before to stop waiting for work


@dataclass(frozen=True)
class Pictures:
    """Queries and gallery, packed and as -1 and +1."""

    query_codes: UInt8[np.ndarray, "queries bytes"]
    query_labels: Bool[np.ndarray, "queries classes"]
    codes: UInt8[np.ndarray, "n bytes"]
    labels: Bool[np.ndarray, "n classes"]

    @cached_property
    def signs(self) -> tuple[Float[np.ndarray, "queries bits"], Float[np.ndarray, "n bits"]]:
        """The codes as the loop over signs wants them."""
        return unpack(self.query_codes), unpack(self.codes)

    @cached_property
    def weights(self) -> tuple[Float[np.ndarray, "queries c"], Float[np.ndarray, "n c"]]:
        """The labels as numbers."""
        return self.query_labels.astype(np.float32), self.labels.astype(np.float32)


def drawn(kind: str, queries: int, gallery: int) -> Pictures:
    """Draw codes around the centres of their classes."""
    random = np.random.default_rng(0)
    centres = random.integers(0, 2, (CLASSES, BITS), dtype=np.uint8)
    classes = random.integers(0, CLASSES, queries + gallery)
    # A trained model is sure of most pictures and unsure of few.
    chance = random.exponential(0.002, len(classes)) if kind == "repeated" else np.array([0.2])
    flipped = random.random((len(classes), BITS)) < chance[:, None]
    codes = np.packbits(centres[classes] ^ flipped, axis=1)
    labels = np.eye(CLASSES, dtype=np.bool_)[classes]
    return Pictures(codes[:queries], labels[:queries], codes[queries:], labels[queries:])


def packed_loop(pictures: Pictures) -> float:
    """Count differing bits and sort, query by query."""
    return _loop(
        pictures,
        lambda query: np.bitwise_count(pictures.codes ^ pictures.query_codes[query]).sum(axis=1),
        lambda distances: np.argsort(distances, kind="stable"),
    )


def signs_loop(pictures: Pictures) -> float:
    """Take products of signs and sort, query by query."""
    asked, held = pictures.signs
    return _loop(pictures, lambda query: 0.5 * (BITS - held @ asked[query]), np.argsort)


def _loop(
    pictures: Pictures,
    distance: Callable[[int], Float[np.ndarray, " n"] | Int[np.ndarray, " n"]],
    order: Callable[..., Int[np.ndarray, " n"]],
) -> float:
    asked, held = pictures.weights
    scores = np.zeros(SOME)
    for query in range(SOME):
        relevant = held @ asked[query] > 0
        ranks = np.flatnonzero(relevant[order(distance(query))]) + 1
        scores[query] = (np.arange(1, len(ranks) + 1) / ranks).mean()
    return float(scores.mean())


def ours(pictures: Pictures) -> float:
    """Count ties, for all queries at once."""
    return mean_average_precision(
        pictures.query_codes, pictures.query_labels, pictures.codes, pictures.labels
    )


def every_score(pictures: Pictures) -> float:
    """Compute all scores and curves of the Hamming order."""
    found = by_codes(pictures.query_codes, pictures.query_labels, pictures.codes, pictures.labels)
    return float(found.scores["mAP"].mean())


def measured(pictures: Pictures, rounds: int) -> dict[str, object]:
    """Return microseconds a query and the ratios of the loops to ours, medians over rounds."""
    methods: dict[str, Callable[[Pictures], float]] = {
        "packed_loop": packed_loop,
        "ours": ours,
        "every_score": every_score,
        "signs_loop": signs_loop,
    }
    queries = {"packed_loop": SOME, "signs_loop": SOME}
    times: dict[str, list[float]] = {name: [] for name in methods}
    for method in methods.values():  # warm up
        method(pictures)
    for _ in range(rounds):
        for name, method in methods.items():
            time.sleep(REST)
            start = time.perf_counter()
            method(pictures)
            seconds = time.perf_counter() - start
            times[name].append(1e6 * seconds / queries.get(name, len(pictures.query_codes)))
    return {
        "us_a_query": {name: statistics.median(found) for name, found in times.items()},
        "times_as_fast": {
            name: statistics.median(np.divide(times[name], times["ours"]).tolist())
            for name in queries
        },
    }


def main() -> None:
    """Measure both kinds with one thread and with as many as numpy takes; write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=2_500)
    parser.add_argument("--gallery", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    result: dict[str, object] = {
        "queries": asked.queries,
        "gallery": asked.gallery,
        "bits": BITS,
        "rounds": asked.rounds,
        "cpus": os.cpu_count(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    for kind in ("apart", "repeated"):
        pictures = drawn(kind, asked.queries, asked.gallery)
        with threadpool_limits(1):
            one = measured(pictures, asked.rounds)
        result[kind] = {
            "distinct_codes": distinct_codes(pictures.codes),
            "one_thread": one,
            "default_threads": measured(pictures, asked.rounds),
        }
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))  # noqa: T201 - the result is what it is for


if __name__ == "__main__":
    main()
