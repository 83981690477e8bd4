"""Whether black and white are exchanged; off where training pictures do not tell."""

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float64, Shaped
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from acir.ood.base import Detector, class_means, shrunk_covariance, whitening
from acir.tensors import Evidence

GRID = 4
LEAST_DEVIATION = 0.03  # the mean of a cell counts as varying by eight grey levels at least
HELD_OUT = 5  # every fifth reference picture
FEWEST = 2 * HELD_OUT
USUAL = 0.95  # share of ordinary pictures that are at most as unlikely as an inverted one may be
MOST_INVERTED = 0.01
LARGEST = 600.0  # e to this power is a number still


class Polarity(Detector):
    r"""How much more likely a picture is with black and white exchanged than as it is.

    A picture is described by the means $t$ of 4 x 4 cells of its grey values, and each predicted
    class by a Gaussian of them, its covariance shrunk after Ledoit and Wolf. With $p$ the density
    of the likeliest class, the score is the likelihood ratio $p(1 - t) / p(t)$, but 1 where that is
    below 1, and where $1 - t$ is no ordinary picture either: less likely than all but 5 % of
    reference pictures. So ordinary pictures score 1 and weigh nothing in a sum of surprises.

    Every fifth reference picture is held out. Where more than 1 % of these look inverted, or there
    are fewer than ten, polarity varies or cannot be told: the detector switches itself off, and
    every picture scores 1.
    """

    reason: ClassVar[str] = "its grey values seem to be inverted"
    reason_code: ClassVar[str] = "inverted"
    measure: ClassVar[str] = "likelihood ratio"

    def __init__(self) -> None:
        self._centres: Float64[Tensor, "classes cells"] | None = None
        self._whitenings: Float64[Tensor, "classes cells cells"] | None = None
        self._volumes: Float64[Tensor, " classes"] | None = None
        self._limit: Float64[Tensor, ""] | None = None

    def fit(self, seen: Evidence) -> "Polarity":
        """Learn each predicted class, and from held-out pictures whether that tells polarity."""
        cells = torch.stack([_cells(seen[row : row + 1]) for row in range(len(seen))])
        held_out = torch.arange(len(cells)) % HELD_OUT == 0
        self._switch_off()
        if len(cells) < FEWEST:
            return self
        self._learn(cells[~held_out], seen.class_logits.detach().cpu()[~held_out].argmax(dim=1))
        new = cells[held_out].numpy()
        as_they_are, inverted = self._unlikelihood(new), self._unlikelihood(1 - new)
        if (as_they_are > inverted).mean() > MOST_INVERTED:
            self._switch_off()
        else:
            self._limit = torch.from_numpy(as_they_are).quantile(USUAL)
        return self

    @property
    def is_on(self) -> bool:
        """Whether training pictures have one polarity."""
        return bool(self.require(self._limit).isfinite())

    def score_one(self, one: Evidence) -> float:
        """Return the likelihood ratio, from 1 on."""
        cells, limit = _cells(one).numpy(), self.require(self._limit)
        if not math.isfinite(cells.sum()):
            return math.inf
        as_it_is, inverted = self._unlikelihood(np.array([cells, 1 - cells])).tolist()
        if inverted > float(limit):
            return 1.0
        return math.exp(min(max((as_it_is - inverted) / 2, 0.0), LARGEST))

    def state(self) -> dict[str, Float64[Tensor, "..."]]:
        """Return the Gaussians and what an ordinary picture reaches at most."""
        return {
            "centres": self.require(self._centres),
            "whitenings": self.require(self._whitenings),
            "volumes": self.require(self._volumes),
            "limit": self.require(self._limit),
        }

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Polarity":
        """Take over what `fit` learned."""
        self._centres, self._whitenings = state["centres"], state["whitenings"]
        self._volumes, self._limit = state["volumes"], state["limit"]
        return self

    def _learn(self, cells: Float64[Tensor, "n cells"], predicted: Shaped[Tensor, " n"]) -> None:
        centres, members = class_means(cells, predicted)
        noise = LEAST_DEVIATION**2 * torch.eye(cells.shape[1], dtype=torch.float64)
        gaps = [cells[members == k] - centre for k, centre in enumerate(centres)]
        covariances = torch.stack([shrunk_covariance(each) + noise for each in gaps])
        self._centres = centres
        self._whitenings = torch.stack([whitening(c, 0.0) for c in covariances])
        self._volumes = torch.logdet(covariances)

    def _switch_off(self) -> None:
        dim = GRID**2
        self._centres = torch.zeros(1, dim, dtype=torch.float64)
        self._whitenings = torch.eye(dim, dtype=torch.float64)[None]
        self._volumes = torch.zeros(1, dtype=torch.float64)
        self._limit = torch.tensor(-math.inf, dtype=torch.float64)

    def _unlikelihood(self, cells: Float64[np.ndarray, "n cells"]) -> Float64[np.ndarray, " n"]:
        """Return -2 log p of the likeliest class, but for a constant."""
        centres, whitenings = self.require(self._centres), self.require(self._whitenings)
        gaps = cells.T - centres.numpy()[:, :, None]
        lengths = np.square(whitenings.numpy() @ gaps).sum(axis=1)
        found: Float64[np.ndarray, " n"] = (lengths.T + self.require(self._volumes).numpy()).min(1)
        return found


def _cells(one: Evidence) -> Float64[Tensor, " cells"]:
    grey = one.images.detach().cpu().double().mean(dim=1)
    return adaptive_avg_pool2d(grey, GRID).flatten()
