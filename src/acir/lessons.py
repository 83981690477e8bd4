"""Small networks that detectors teach themselves: their convolutions, and how they learn."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

WEIGHT_DECAY = 0.01


def convolutions(*shapes: tuple[int, int, int], seed: int) -> nn.Sequential:
    """Return 3 x 3 convolutions, each with batch norm and ReLU, and one of 1 x 1 to a single map.

    They are in evaluation mode. No other random number depends on this.

    Args:
        shapes: Channels in, channels out and stride of each, in order.
        seed: What their weights are drawn from.
    """
    layers: list[nn.Module] = []
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        for into, out, stride in shapes:
            convolution = nn.Conv2d(into, out, 3, stride, 1, bias=False)
            layers += [convolution, nn.BatchNorm2d(out), nn.ReLU()]
        _, last, _ = shapes[-1]
        return nn.Sequential(*layers, nn.Conv2d(last, 1, 1)).eval()


def teach(
    network: nn.Module,
    lesson: Callable[[], Float[Tensor, ""]],
    *,
    steps: int,
    rate: float,
    weight_decay: float = WEIGHT_DECAY,
) -> None:
    """Teach a network by AdamW, its learning rate up and down again in one cycle.

    It is in evaluation mode afterwards.

    Args:
        network: What is taught, in place.
        lesson: Draws a lesson and returns the loss of the network.
        steps: So many lessons.
        rate: The peak of the learning rate.
        weight_decay: Of AdamW.
    """
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    network.train()
    for _ in range(steps):
        loss = lesson()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    network.eval()
