"""As a program: build an index on a real Ray cluster of two workers and kill one on the way.

It runs in a process of its own because Ray starts many, warns much and stays loaded. It prints one
JSON object: how many pictures were stored when the worker died, and what the build and a second
add said.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from ray.cluster_utils import Cluster

from acir.errors import AcirError
from acir.index.store import Store
from acir.workflows import index as workflow
from acir.workflows.index_creation import IndexOptions

MEMORY_BYTES = 150 * 2**20  # of each object store; Ray wants at least half of that


def stored(index: Path) -> int:
    """Return the number of pictures that are committed; 0 before there is an index."""
    try:
        with Store.open(index) as store:
            return int(store.info()["n"])
    except AcirError:
        return 0


def run(bundle: Path, data: str, index: Path) -> dict[str, object]:
    size: dict[str, Any] = {"object_store_memory": MEMORY_BYTES}
    head = {"num_cpus": 0, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=head | size)
    nodes = [cluster.add_node(num_cpus=1, **size) for _ in range(2)]
    killed: list[int] = []

    def kill() -> None:
        while not stored(index):
            time.sleep(0.02)
        cluster.remove_node(nodes[1], allow_graceful=False)
        killed.append(stored(index))

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        built = workflow.build(
            bundle, data, index, IndexOptions(thumbnails=False), ray=cluster.address
        )
        killer.join(60)
        again = workflow.add(index, data, ray=cluster.address)
        return {"killed_at": killed, "built": vars(built), "again": vars(again)}
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))))  # noqa: T201 - read by the test
