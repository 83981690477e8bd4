"""The contract of a stem."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn


class Stem(nn.Module, ABC):
    """Turn pictures into a shallow and a deep map.

    Attributes:
        channels: Channels of the shallow and of the deep map.
        strides: Pixels of the picture for one position of the shallow and of the deep map.
    """

    channels: tuple[int, int]
    strides: tuple[int, int]

    @abstractmethod
    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch shallow hs ws"], Float[Tensor, "batch deep hd wd"]]:
        """Return the shallow and the deep map of normalised pictures of any size."""
