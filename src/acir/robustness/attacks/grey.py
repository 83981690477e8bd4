"""Attacks that keep grey pictures grey: they see one channel, and the network three equal ones."""

from einops import repeat
from jaxtyping import Float
from torch import Tensor

from acir.robustness.attacks.objective import Logits

Grey = Float[Tensor, "batch 1 height width"]
Coloured = Float[Tensor, "batch 3 height width"]


def spread(grey: Grey) -> Coloured:
    """Return pictures of one channel with three equal ones."""
    return repeat(grey, "batch 1 y x -> batch 3 y x")


def of_grey(logits: Logits) -> Logits:
    """Return the same network for pictures of one channel."""
    return lambda grey: logits(spread(grey))
