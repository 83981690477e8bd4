"""A stand-in for a gate, which an adaptive attack can differentiate.

A gate's detectors round, count neighbours and turn scores into ranks: their slope is 0 or not a
number. The stand-in adds up numbers of the kinds that such detectors look at, each in deviations
over training pictures:

=========  =========================================================================
blended    distance to the fifth nearest training picture in the blended features
middle     the same in the pooled shallow map
code       expected bits to the nearest training code, undecided bits counted half
residual   logarithm of the mean residual of the reconstruction, either way unusual
roughness  logarithm of the mean curvature of the grey picture, either way unusual
relaxed    what detectors that do have a slope say (`Detector.relaxed`), one number each
=========  =========================================================================

It knows no other detector of a gate, and no calibration. An attack through it is a lower
bound of what an attacker could do who differentiates the very gate: that few get past the stand-in
does not prove that few can get past the gate.
"""

from dataclasses import dataclass, fields

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize, softplus

from acir.errors import UsageError
from acir.tensors import binarised

NEIGHBOURS = 5
FAINTEST = 0.01  # residuals and curvatures below this differ little
LEAST_SPREAD = 1e-3
LEAST_PICTURES = 4


@dataclass(frozen=True)
class Traces:
    """What the stand-in looks at, with its slope.

    Attributes:
        images: In [0, 1].
        reconstruction: What the decoder makes of them; equal to `images` without a decoder.
        blended: The blended features.
        middle: The pooled shallow map.
        logits: The hash logits.
        relaxed: What detectors with a slope say, higher is more outlying; there may be none.
    """

    images: Float[Tensor, "batch channels height width"]
    reconstruction: Float[Tensor, "batch channels height width"]
    blended: Float[Tensor, "batch dim"]
    middle: Float[Tensor, "batch middle"]
    logits: Float[Tensor, "batch bits"]
    relaxed: Float[Tensor, "batch detectors"]

    def __getitem__(self, rows: slice | Int[Tensor, " n"]) -> "Traces":
        """Return the traces of some of the pictures."""
        return Traces(*(getattr(self, f.name)[rows] for f in fields(self)))


class Surrogate:
    """The stand-in, fitted.

    Args:
        seen: Of training pictures; every second one is remembered, the others say what is usual.

    Raises:
        UsageError: There are fewer than four.
    """

    def __init__(self, seen: Traces) -> None:
        if len(seen.images) < LEAST_PICTURES:
            raise UsageError(
                f"there are {len(seen.images)} training pictures to stand in for the gate, "
                f"expected at least {LEAST_PICTURES}"
            )
        known, others = seen[::2], seen[1::2]
        self._blended = normalize(known.blended, dim=1)
        self._middle = normalize(known.middle, dim=1)
        self._codes = torch.unique(binarised(known.logits), dim=0)
        usual = self._numbers(others)
        self._centre = usual.median(dim=0).values
        self._spread = usual.std(dim=0).clamp(min=LEAST_SPREAD)

    def __call__(self, traces: Traces) -> Float[Tensor, " batch"]:
        """Return how outlying pictures look: the mean of all; 0.7 to 0.9 for ordinary ones."""
        z = (self._numbers(traces) - self._centre) / self._spread
        return torch.cat([softplus(z[:, :-2]), z[:, -2:].abs()], dim=1).mean(dim=1)

    def _numbers(self, traces: Traces) -> Float[Tensor, "batch numbers"]:
        residual = (traces.images - traces.reconstruction).abs().mean(dim=(1, 2, 3))
        return torch.stack(
            [
                _kth_distance(traces.blended, self._blended),
                _kth_distance(traces.middle, self._middle),
                (traces.logits.shape[1] - (traces.logits.tanh() @ self._codes.T).amax(dim=1)) / 2,
                *traces.relaxed.unbind(dim=1),
                (residual + FAINTEST).log(),
                (_curvature(traces.images) + FAINTEST).log(),
            ],
            dim=1,
        )


def _kth_distance(
    found: Float[Tensor, "batch dim"], known: Float[Tensor, "n dim"]
) -> Float[Tensor, " batch"]:
    nearest = (normalize(found, dim=1) @ known.T).topk(min(NEIGHBOURS, len(known)), dim=1).values
    return 1 - nearest[:, -1]


def _curvature(images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, " batch"]:
    grey = images.mean(dim=1)
    down = grey.diff(n=2, dim=1).abs().mean(dim=(1, 2))
    across = rearrange(grey, "b y x -> b x y").diff(n=2, dim=1).abs().mean(dim=(1, 2))
    return (down + across) / 2
