"""How often an epoch shows each picture, so that small classes are seen as often as large ones."""

import torch
from einops import einsum, rearrange
from jaxtyping import Float, Float64, Int
from torch import Generator, Tensor


def balanced_rows(
    labels: Float[Tensor, "n classes"], balance: float, random: Generator
) -> Int[Tensor, " n"]:
    """Draw as many rows as there are pictures, in ascending order, some of them several times.

    A picture is drawn as often as `expected_times` says, rounded up or down by chance (systematic
    sampling, in random order); at balance 0 each is drawn once.

    Args:
        labels: One column a class, 1 where the picture has it.
        balance: 0 for the classes as large as they are, 1 for all equally large.
        random: The only source of chance; untouched at balance 0.
    """
    rows = torch.arange(len(labels))
    if not balance:
        return rows
    order = torch.randperm(len(labels), generator=random)
    ends = expected_times(labels, balance)[order].cumsum(dim=0)
    ends[-1] = len(labels)  # which it is but for rounding
    start = torch.rand((), generator=random, dtype=torch.float64)
    marks = torch.floor(ends + start).long()
    times = torch.empty_like(rows)
    times[order] = marks.diff(prepend=torch.zeros(1, dtype=torch.long))
    return rows.repeat_interleave(times)


def expected_times(labels: Float[Tensor, "n classes"], balance: float) -> Float64[Tensor, " n"]:
    """Return how often each picture is to be drawn on average; n in all.

    A picture of several classes is divided evenly among them, both when classes are measured and
    when its times are added up. A picture of no class is drawn once.

    Example:
        >>> labels = torch.tensor([[1.0, 0], [1, 0], [1, 0], [0, 1]])
        >>> [round(times, 2) for times in expected_times(labels, 1.0).tolist()]
        [0.67, 0.67, 0.67, 2.0]
    """
    labels = labels.double()
    number = labels.sum(dim=1)
    shares = labels / rearrange(number.clamp(min=1), "n -> n 1")
    sizes = shares.sum(dim=0)
    wanted = sizes.sum() / (sizes > 0).sum().clamp(min=1)  # pictures of each class that has any
    least = 1 / labels.shape[1]  # no class that has a picture measures less
    times = einsum(shares, wanted / sizes.clamp(min=least), "n label, label -> n")
    return 1 + balance * (torch.where(number > 0, times, 1.0) - 1)
