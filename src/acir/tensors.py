"""Values that travel between the torch stages."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from acir.errors import UsageError


@dataclass(frozen=True)
class Batch:
    """Pictures as the network sees them, with what the losses need.

    Attributes:
        images: In [0, 1], three channels; a grey picture has three equal ones.
        fingerprints: 16 x 16 grey area means of `images`, flattened, in [0, 1].
        labels: One column a class: 1 where the picture has the class, else 0; shares where two
            pictures are mixed.
        rows: Position of each picture in the training set, for losses with a memory.
    """

    images: Float[Tensor, "batch 3 height width"]
    fingerprints: Float[Tensor, "batch pixels"]
    labels: Float[Tensor, "batch classes"]
    rows: Int[Tensor, " batch"]

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on another device."""
        return Batch(
            self.images.to(device),
            self.fingerprints.to(device),
            self.labels.to(device),
            self.rows.to(device),
        )


@dataclass(frozen=True)
class Encoding:
    """What the network says about a batch.

    Attributes:
        logits: One real number a bit; its sign is the bit.
        blended: The blended features, not normalised.
        class_logits: Output of the class head.
        middle: The shallow map averaged over a 2 x 2 grid, flattened.
        deep: The stem's deep map before any attention, from which the decoder reconstructs.
    """

    logits: Float[Tensor, "batch bits"]
    blended: Float[Tensor, "batch dim"]
    class_logits: Float[Tensor, "batch classes"]
    middle: Float[Tensor, "batch middle"]
    deep: Float[Tensor, "batch channels height width"]


Encode = Callable[[Float[Tensor, "batch 3 height width"]], Encoding]
"""Encodes prepared pictures, with their slope: what a detector that must encode again is given."""


@dataclass(frozen=True)
class Evidence:
    """What the detectors may look at, computed once for a batch of pictures.

    Attributes:
        images: The pictures, in [0, 1].
        reconstruction: What the decoder makes of them; equal to `images` without a decoder.
        blended: The blended features, unit length.
        middle: The pooled shallow map, unit length.
        logits: The hash logits.
        class_logits: Output of the class head.
    """

    images: Float[Tensor, "batch 3 height width"]
    reconstruction: Float[Tensor, "batch 3 height width"]
    blended: Float[Tensor, "batch dim"]
    middle: Float[Tensor, "batch middle"]
    logits: Float[Tensor, "batch bits"]
    class_logits: Float[Tensor, "batch classes"]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.images)

    def __getitem__(self, rows: Int[Tensor, " n"] | slice) -> "Evidence":
        """Return the evidence of some of the pictures."""
        return Evidence(*(getattr(self, f.name)[rows] for f in fields(self)))

    @cached_property
    def planes(self) -> Float64[np.ndarray, "batch 3 height width"]:
        """The pictures in NumPy: small ones take it less time than torch."""
        found: Float64[np.ndarray, "batch 3 height width"]
        found = self.images.detach().cpu().double().numpy()
        return found

    @cached_property
    def greys(self) -> Float64[np.ndarray, "batch height width"]:
        """The mean of the three channels."""
        red, green, blue = np.moveaxis(self.planes, 1, 0)
        found: Float64[np.ndarray, "batch height width"] = (red + green + blue) / 3
        return found

    @staticmethod
    def concatenate(parts: list["Evidence"]) -> "Evidence":
        """Join the evidence of several batches."""
        return Evidence(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Evidence)))


def binarised(logits: Float[Tensor, "batch bits"]) -> Float[Tensor, "batch bits"]:
    """Return -1 where a logit is below 0, else +1; its derivative is taken to be 1 everywhere.

    Example:
        >>> binarised(torch.tensor([[-0.2, 0.0, 3.0]]))
        tensor([[-1.,  1.,  1.]])
    """
    nothing = logits - logits.detach()  # exactly 0, with the gradient of the logits
    return torch.where(logits >= 0, 1.0, -1.0).to(logits) + nothing


def chosen_device(name: str) -> torch.device:
    """Return the device that a user means: `auto`, `cpu`, `cuda` or `cuda:n`.

    Raises:
        UsageError: There is no such device here.

    Example:
        >>> chosen_device("cpu")
        device(type='cpu')
    """
    if not (isinstance(name, str) and re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", name)):
        raise UsageError(f"the device is {name!r}, expected auto, cpu, cuda or cuda:n")
    kind, _, index = name.partition(":")
    count = torch.cuda.device_count()
    if kind == "cuda" and int(index or 0) >= count:
        raise UsageError(
            f"the device is {name!r}, but torch finds {count} GPUs here; use --device cpu"
        )
    return torch.device("cuda" if kind == "auto" and count else name.replace("auto", "cpu"))
