"""Encodings and batches of chosen logits, labels and rows, for losses over pairs."""

from collections.abc import Callable, Iterator, Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from acir.losses.base import Loss, LossTerms
from acir.tensors import Batch, Encoding

Picture = tuple[list[float], set[int]]  # its logits, its labels


def paired(
    logits: Float[Tensor, "batch bits"],
    labels: Float[Tensor, "batch classes"],
    rows: Int[Tensor, " batch"] | None = None,
) -> tuple[Encoding, Batch]:
    """Return what a loss is given; rows count from 0 unless they are given."""
    n = len(logits)
    nothing = torch.zeros(n, 2)
    encoding = Encoding(
        logits=logits,
        blended=nothing,
        class_logits=torch.zeros_like(labels),
        middle=nothing,
        deep=nothing[..., None, None],
    )
    return encoding, Batch(
        images=torch.zeros(n, 3, 4, 4),
        fingerprints=torch.zeros(n, 256),
        labels=labels,
        rows=torch.arange(n) if rows is None else rows,
    )


def as_function(loss: Loss, batch: Batch) -> Callable[..., Tensor]:
    """Return the total of a loss as a function of the logits and, if they count, class logits."""
    nothing = torch.zeros(len(batch.labels), 2)

    def total(logits: Tensor, class_logits: Tensor = batch.labels) -> Tensor:
        encoding = Encoding(logits, nothing, class_logits, nothing, nothing[..., None, None])
        result: Tensor = loss(encoding, batch).total
        return result

    return total


def over_memory(loss: Loss) -> Iterator[tuple[LossTerms, list[Picture], list[Picture]]]:
    """Show batches that share rows; yield what the loss says, the batch, and all seen so far."""
    remembered: dict[int, Picture] = {}
    for seed, rows in enumerate([[3, 8, 0, 11], [8, 19], [5, 3, 2]]):
        logits, labels = drawn_logits(seed, len(rows)), drawn_labels(seed, len(rows))
        terms = loss(*paired(logits, labels, torch.tensor(rows)))
        batch = list(zip(logits.tolist(), sets(labels), strict=True))
        remembered.update(zip(rows, batch, strict=True))
        yield terms, batch, list(remembered.values())


def drawn_logits(
    seed: int, pictures: int, bits: int = 16, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "pictures bits"]:
    """Draw differentiable logits."""
    random = torch.Generator().manual_seed(seed)
    return torch.randn(pictures, bits, generator=random, dtype=dtype).requires_grad_()


def drawn_labels(seed: int, pictures: int, classes: int = 3) -> Float[Tensor, "pictures classes"]:
    """Draw label sets of none to all classes."""
    random = torch.Generator().manual_seed(seed)
    return (torch.rand(pictures, classes, generator=random) < 0.4).float()


def sets(labels: Float[Tensor, "pictures classes"]) -> list[set[int]]:
    """Return the label sets in plain Python."""
    return [{c for c, has in enumerate(row) if has} for row in labels.tolist()]


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Watch every result of every operation, for the most numbers in one."""

    numbers = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple) else (result,):
            if isinstance(value, Tensor):
                self.numbers = max(self.numbers, value.numel())
        return result
