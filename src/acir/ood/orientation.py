"""Whether a picture lies as training pictures do; off where these have no up."""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from einops import rearrange
from jaxtyping import Float, Float64, Shaped
from torch import Tensor
from torch.nn.functional import normalize

from acir.ood.base import Detector
from acir.tensors import Encode, Encoding, Evidence

TURNS = 8
MOST = 1000  # reference pictures, each of which is encoded seven times more
CHUNK = 64
HELD_OUT = 5  # every fifth of them
FEWEST = 2 * HELD_OUT
LEAST_AUROC = 0.85


class Orientation(Detector):
    r"""How improbable it is that a picture has not been turned or mirrored.

    A linear head tells the eight rotations and mirrorings of a square apart (self-supervision as
    in Hendrycks et al. 2019, arXiv 1906.12340, who use four). It looks at blended features and
    pooled shallow map and is learned from reference pictures in all eight ways, by the
    discriminant of Gaussians with one covariance, shrunk after Ledoit and Wolf. With $p_1$ the
    probability that the picture lies as it should, the score is $\log (1 - p_1) - \log p_1$: where
    a picture and its mirror image look alike, $p_1$ is 1/2 for both and still 0 upside down.

    Every fifth reference picture is held out. Where upright ones are not told from turned ones in
    at least 85 % of the pairs, the pictures have no up that is worth the name, as blood cells:
    the detector switches itself off, all weights are zero, and its p-value is 1 for every picture.
    The light of a camera alone gave 73 % on blood cells. With fewer than ten pictures it is off.

    A query costs no further pass of the encoder.

    Args:
        encode: Encodes pictures; used to learn.
    """

    reason: ClassVar[str] = "it seems to be turned or mirrored"
    reason_code: ClassVar[str] = "orientation"
    measure: ClassVar[str] = "log odds against upright"

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._weights: Float64[Tensor, "turns dim"] | None = None
        self._bias: Float64[Tensor, " turns"] | None = None
        self._is_on = False

    def fit(self, seen: Evidence) -> "Orientation":
        """Learn the eight ways from at most 1,000 pictures; switch off where they look alike."""
        some = seen[slice(0, MOST)]
        upright = _vectors(some)
        off = {
            "weights": torch.zeros(TURNS, upright.shape[1], dtype=torch.float64),
            "bias": torch.zeros(TURNS, dtype=torch.float64),
        }
        if len(some) < FEWEST:
            return self.load_state(off)
        turned = torch.stack([upright, *self._turned(some.images)])
        held_out = torch.arange(len(some)) % HELD_OUT == 0
        weights, bias = _learned(turned[:, ~held_out])
        on = _told_apart(turned[:, held_out] @ weights.T + bias) >= LEAST_AUROC
        return self.load_state({"weights": weights, "bias": bias} if on else off)

    @property
    def is_on(self) -> bool:
        """Whether the training pictures have an up."""
        self.require(self._weights)
        return self._is_on

    def score_one(self, one: Evidence) -> float:
        """Return the log odds; log 7 for every picture where it is off."""
        weights, bias = self.require(self._weights), self.require(self._bias)
        if not self._is_on:  # what the zeros would say
            usable = math.isfinite(float(one.blended.sum() + one.middle.sum()))
            return math.log(TURNS - 1) if usable else math.inf
        return float(_improbability(weights @ _vectors(one)[0] + bias))

    def state(self) -> dict[str, Float64[Tensor, "..."]]:
        """Return the head."""
        return {"weights": self.require(self._weights), "bias": self.require(self._bias)}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Orientation":
        """Take a head over."""
        self._weights, self._bias = state["weights"], state["bias"]
        self._is_on = bool(self._weights.any())
        return self

    def _turned(self, images: Float[Tensor, "n 3 side side"]) -> list[Float64[Tensor, "n dim"]]:
        """Return the vectors of the pictures in the seven ways that are not upright."""
        parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
        return [
            torch.cat([_unit(self._encode(ways(part)[turn])) for part in parts])
            for turn in range(1, TURNS)
        ]


def ways(images: Float[Tensor, "n 3 side side"]) -> Float[Tensor, "8 n 3 side side"]:
    """Return the pictures as they are, mirrored, turned by a quarter, that mirrored, and so on."""
    quarters = [images.rot90(k, (2, 3)) for k in range(4)]
    return torch.stack([way for turned in quarters for way in (turned, turned.flip(3))])


def _vectors(evidence: Evidence) -> Float64[Tensor, "n dim"]:
    return torch.cat([evidence.blended, evidence.middle], dim=1).detach().cpu().double()


def _unit(encoding: Encoding) -> Float64[Tensor, "n dim"]:
    """Return what `_vectors` returns of the evidence of the same pictures."""
    parts = [normalize(encoding.blended, dim=1), normalize(encoding.middle, dim=1)]
    return torch.cat(parts, dim=1).cpu().double()


def _learned(
    turned: Float64[Tensor, "8 n dim"],
) -> tuple[Float64[Tensor, "8 dim"], Float64[Tensor, " 8"]]:
    """Return weights and bias of the linear discriminant."""
    from sklearn.discriminant_analysis import (  # noqa: PLC0415 - a query never fits
        LinearDiscriminantAnalysis,
    )

    samples = rearrange(turned, "turn n dim -> (turn n) dim")
    members = torch.arange(TURNS).repeat_interleave(turned.shape[1])
    head = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    head.fit(samples.numpy(), members.numpy())
    return torch.from_numpy(head.coef_).contiguous(), torch.from_numpy(head.intercept_)


def _improbability(logits: Float64[Tensor, "*n 8"]) -> Float64[Tensor, "*n"]:
    found: Tensor = logits[..., 1:].logsumexp(dim=-1) - logits[..., 0]
    return found


def _told_apart(logits: Float64[Tensor, "8 n 8"]) -> float:
    """Return the share of pairs, one upright and one not, that the score orders rightly."""
    upright, *others = _improbability(logits)
    gaps = torch.cat(others)[:, None] - upright
    return float(((gaps > 0).double() + (gaps == 0) / 2).mean())
