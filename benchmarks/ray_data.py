"""Ray Data beside plain tasks, for pictures read on one machine and encoded on others.

    python benchmarks/ray_data.py --out benchmarks/results/ray_data.json

A local cluster of two workers encodes batches for 50 ms each; one worker is killed after a fifth of
them, as in the test of `acir index build --ray`. Ray Data has no source for what a program reads
itself, so it is given all pictures at once, or windows of some. Seconds of the wall: to the first
result, and in all beside what two workers need at least.
"""

import argparse
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from logging import ERROR
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import numpy as np
import ray
from ray.cluster_utils import Cluster

Batch = dict[str, Any]
SECONDS, COUNT, WINDOW, PENDING = 0.05, 120, 16, 4
MEMORY_BYTES = 150 * 2**20


def batches() -> Iterator[Batch]:
    """Yield batches of 16 pictures as they would come from a source."""
    for number in range(COUNT):
        yield {"number": number, "images": np.zeros((16, 3, 64, 64), np.float32)}


def encode(batch: Batch) -> Batch:
    """Take the time of a network."""
    time.sleep(SECONDS)
    return {"number": batch["number"]}


def by_tasks() -> Iterator[int]:
    """Encode as `acir.workflows.cluster` does."""
    task = ray.remote(encode).options(max_retries=-1)
    pending: deque[Any] = deque()
    for batch in batches():
        pending.append(task.remote(batch))
        if len(pending) >= PENDING:
            yield ray.get(pending.popleft())["number"]
    while pending:
        yield ray.get(pending.popleft())["number"]


def by_data(size: int) -> Iterator[int]:
    """Encode windows of so many batches as data sets."""
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    source = batches()
    while window := list(islice(source, size)):
        given = ray.data.from_items(window, override_num_blocks=len(window))
        for row in given.map(encode).iter_rows():
            yield int(row["number"])


def timed(work: Callable[[], Iterator[int]], kill: Callable[[], None] | None) -> Batch:
    """Run; say how long it took, and whether all came once and in order."""
    start, first, found = time.perf_counter(), 0.0, list[int]()
    error = ""
    try:
        for number in work():
            first = first or time.perf_counter() - start
            found.append(number)
            if kill is not None and len(found) == COUNT // 5:
                kill()
    except Exception as failed:  # that it fails is a result
        error = f"{type(failed).__name__}: {failed}".splitlines()[0]
    seconds = time.perf_counter() - start
    return {
        "first_s": round(first, 2),
        "all_s": round(seconds, 2),
        "to_ideal": round(seconds / (SECONDS * COUNT / 2), 2),
        "in_order_and_whole": found == list(range(COUNT)),
        "error": error,
    }


def kill(cluster: Any, nodes: list[Any]) -> None:  # noqa: ANN401 - Ray has no types
    """Lose a worker without notice."""
    cluster.remove_node(nodes.pop(), allow_graceful=False)


def main() -> None:
    """Measure each way with two workers, and with one killed on the way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    size: dict[str, Any] = {"object_store_memory": MEMORY_BYTES}
    head = {"num_cpus": 0, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=head | size)
    ray.init(address=cluster.address, log_to_driver=False, logging_level=ERROR)
    ways: dict[str, Callable[[], Iterator[int]]] = {
        "tasks": by_tasks,
        "Ray Data, all at once": lambda: by_data(COUNT),
        f"Ray Data, windows of {WINDOW}": lambda: by_data(WINDOW),
    }
    result: dict[str, object] = {"ray": ray.__version__, "batches": COUNT, "seconds": SECONDS}
    nodes = [cluster.add_node(num_cpus=1, **size) for _ in range(2)]
    for name, work in ways.items():
        list(islice(work(), PENDING))  # starts the workers
        result[name] = timed(work, None)
        result[f"{name}, one worker killed"] = timed(work, partial(kill, cluster, nodes))
        nodes.append(cluster.add_node(num_cpus=1, **size))
        out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))  # noqa: T201 - the result is what it is for
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
