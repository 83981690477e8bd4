"""Encode on the machines of a Ray cluster; reading and writing stay on this one.

Batches go out as plain tasks, not as a data set: a source streams by and is read once, and Ray
runs a task again on another machine when its own is lost.
"""

import os
from collections import deque
from collections.abc import Iterator
from logging import ERROR
from typing import Any

from acir.errors import ComponentError, UsageError
from acir.models.encoder import Encoder
from acir.tensors import chosen_device
from acir.workflows.entries import Coded, Images, encode_batch

BATCHES_PER_WORKER = 2  # one at work and one on its way
_models: dict[str, Encoder] = {}  # in a worker: one network, by its bundle


class Cluster:
    """A connection to a Ray cluster, as `encode` of `acir.workflows.entries.encoded`.

    Args:
        address: As `ray.init` takes it, such as `auto` or `10.0.0.1:6379`.
        encoder: The network, on the CPU.
        name: Tells it from other networks.

    Raises:
        ComponentError: Ray is not installed.
        UsageError: There is no cluster at the address.
    """

    def __init__(self, address: str, encoder: Encoder, name: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # tells no one who uses it
        try:
            import ray  # noqa: PLC0415 - an extra, and slow to load
        except ImportError as error:
            raise ComponentError(
                "--ray needs 'ray', which is not installed. Install it with: "
                "pip install 'acir[scale]'"
            ) from error
        self._ray: Any = ray
        self._address = address
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level=ERROR)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"there is no Ray cluster at {address} ({error}); start one with ray start --head "
                "and give the address that it prints"
            ) from error
        self._name = name
        self._encoder = self._ray.put(encoder)
        resources = self._ray.cluster_resources()
        self._gpus = int(resources.get("GPU", 0))
        self._workers = max(1, self._gpus or int(resources.get("CPU", 0)))

    def __call__(self, batches: Iterator[Images]) -> Iterator[Coded]:
        """Encode batches in order; a few for each worker are on their way at a time.

        Raises:
            UsageError: A worker cannot encode.
        """
        task = self._ray.remote(_encode).options(
            num_cpus=0 if self._gpus else 1, num_gpus=1 if self._gpus else 0, max_retries=-1
        )
        pending: deque[Any] = deque()
        for batch in batches:
            # In a list the reference arrives as it is, and is followed once a process.
            pending.append(task.remote(self._name, [self._encoder], batch))
            if len(pending) >= BATCHES_PER_WORKER * self._workers:
                yield self._result(pending.popleft())
        while pending:
            yield self._result(pending.popleft())

    def close(self) -> None:
        """Leave the cluster; what it still works on for us is dropped."""
        self._ray.shutdown()

    def _result(self, reference: Any) -> Coded:  # noqa: ANN401 - Ray has no types
        try:
            found: Coded = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise UsageError(
                f"the Ray cluster at {self._address} cannot encode ({reason}); give its machines "
                "this version of acir, then run the command again, or acir index add where the "
                "index has been begun: it goes on where this stopped"
            ) from error
        return found


def _encode(name: str, encoder: list[Any], images: Images) -> Coded:
    """Run in a worker: fetch the network once a process, and encode a batch."""
    import ray  # noqa: PLC0415 - as above

    if name not in _models:
        _models.clear()
        _models[name] = ray.get(encoder[0]).to(chosen_device("auto"))
    return encode_batch(_models[name], images)
