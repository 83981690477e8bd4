"""What the optimiser is told: which parameters decay, and how fast each step learns."""

import math
from typing import Any

from torch import nn
from torch.optim import Optimizer

from acir.data.loader import number_of_batches
from acir.recipe import TrainingRecipe


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the trainable parameters in two groups: with weight decay, and without.

    Decay pulls towards zero what multiplies: matrices, convolutions, spline coefficients. Biases,
    norms, class tokens and learned positions are additions or scales for which zero is no neutral
    value; those of fewer than two axes are recognised by that, the others by their name.
    """
    named = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    decaying = [p for name, p in named if p.ndim > 1 and not _is_offset(name)]
    others = [p for name, p in named if p.ndim <= 1 or _is_offset(name)]
    return [
        {"params": decaying, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _is_offset(name: str) -> bool:
    own = name.rpartition(".")[2]
    return "position" in own or "token" in own


def scheduled(*, step: int, steps: int, warmup: float, peak: float, final: float) -> float:
    """Learning rate of a step: a linear warm-up, then half a cosine down to the final rate.

    Args:
        step: Steps done so far.
        steps: Steps of the whole stage.
        warmup: Steps of the warm-up; may be a fraction.
        peak: Rate after the warm-up.
        final: Rate that the cosine ends at; a stage with a lower peak keeps to its peak.

    Example:
        >>> [scheduled(step=s, steps=5, warmup=1.0, peak=0.4, final=0.0) for s in (0, 1, 3)]
        [0.2, 0.4, 0.2]
    """
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1.0, steps - warmup)
    low = min(final, peak)
    return low + (peak - low) * (1 + math.cos(math.pi * done)) / 2


def repeats(training: TrainingRecipe, pictures: int) -> int:
    """Return how often an epoch shows each picture, so that enough are shown in all.

    Example:
        >>> repeats(TrainingRecipe(epochs=8, least_views=30_000), 447)  # 8 * 447 = 3,576
        9
    """
    return max(1, math.ceil(training.least_views / (training.epochs * pictures)))


def planned_steps(training: TrainingRecipe, pictures: int) -> int:
    """Return how many steps stage 1 takes, if no patience ends it.

    Example:
        >>> planned_steps(TrainingRecipe(epochs=2, batch=64, least_views=1000), 250)
        16
    """
    batches = number_of_batches(pictures, training.batch)
    return training.epochs * repeats(training, pictures) * batches


def set_learning_rate(optimiser: Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate
