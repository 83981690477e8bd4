"""A moving average of the weights: steadier than the weights of any one step.

Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM Journal on
Control and Optimization 30 (4), 1992; here with exponentially fading weights.
"""

from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from acir.models.encoder import Encoder

Tensors = tuple[Tensor, ...] | list[Tensor]


def moving_average(encoder: Encoder, decay: float) -> AveragedModel | None:
    """Return what averages a network over its steps, running statistics of norms included.

    The weights of the first step are taken as they are. From then on the average keeps a share of
    itself, `warm_decay`, and takes the rest from the network. Counters are taken as they are.

    Args:
        encoder: The network; the average is a copy of its own.
        decay: In [0, 1); at 0 there is no average, and what comes back is None.
    """
    if not decay:
        return None

    def blend(averages: Tensors, current: Tensors, steps: Tensor | int) -> None:
        kept = warm_decay(decay, int(steps))
        for average, now in zip(averages, current, strict=True):
            if average.is_floating_point():
                average.lerp_(now, 1 - kept)
            else:
                average.copy_(now)

    return AveragedModel(encoder, multi_avg_fn=blend, use_buffers=True)


def averaged(average: AveragedModel) -> Encoder:
    """Return the network that has the averaged weights."""
    network = average.module
    assert isinstance(network, Encoder)
    return network


def warm_decay(decay: float, steps: int) -> float:
    """Return the share that an average of so many steps keeps: less while it is young.

    Example:
        >>> warm_decay(0.99, 8), warm_decay(0.99, 100_000)
        (0.5, 0.99)
    """
    return min(decay, (1 + steps) / (10 + steps))
