"""Join the batches of several processes, so that pairs are formed over all of them."""

from dataclasses import fields

import torch.distributed as dist
from torch import Tensor, cat
from torch.distributed.nn.functional import all_gather

from acir.tensors import Batch, Encoding


def gather(encoding: Encoding, batch: Batch) -> tuple[Encoding, Batch]:
    """Return the encoding and the batch of all processes; in a single process, what was given.

    Gradients flow back to the process that a row came from. Every process computes the same loss
    over all rows, so the backward pass adds up as many equal gradients as there are processes,
    and the mean that data-parallel training takes of them is the single-process gradient.
    All processes must give batches of one size.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return encoding, batch
    whole_encoding = Encoding(*(_joined(getattr(encoding, f.name)) for f in fields(encoding)))
    whole_batch = Batch(*(_joined(getattr(batch, f.name)) for f in fields(batch)))
    return whole_encoding, whole_batch


def _joined(rows: Tensor) -> Tensor:
    return cat(all_gather(rows.contiguous()))  # type: ignore[no-untyped-call]
