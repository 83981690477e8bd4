"""Whether a picture lies as training pictures do; off where these have no up."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Float64, Int, Shaped
from torch import Tensor, nn
from torch.nn.utils import fuse_linear_bn_eval

from acir.lessons import teach
from acir.metrics.ood import auroc
from acir.ood.base import Detector
from acir.tensors import Evidence

SEED = 20261129
TURNS = 8
SIDE = 16  # cells that a picture is reduced to
FINER = 2  # learned from pictures reduced less, which are moved before they are reduced to cells
WIDTH = 128
DROPOUT = 0.2
BATCH, VIEWS, STEPS = 128, 60, (200, 2000)  # pictures a step, times each is seen, least and most
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 0.05
DEGREES, SCALE, SHIFT, EXPOSURE = 5.0, 0.1, 0.05, 0.15  # what turns no picture, at most
HELD_OUT = 5  # every fifth of the reference pictures
FEWEST = 2 * HELD_OUT
SUREST = math.log(99)
LEAST_AUROC = 0.85

Images = Float[Tensor, "n 3 height width"]
Greys = Float[Tensor, "n 1 side side"]
Layer = tuple[Float32[np.ndarray, "out into"], Float32[np.ndarray, " out"]]  # weights, bias


class Orientation(Detector):
    r"""How improbable it is that a picture has not been turned or mirrored.

    A small network tells the eight rotations and mirrorings of a square apart (self-supervision as
    in Hendrycks et al. 2019, arXiv 1906.12340, who use four). It sees the grey picture reduced to
    16 x 16 cells and is taught by reference pictures in all eight ways, moved, turned and exposed
    a little. With $p_1$ the probability that the picture lies as it should, the score is
    $\log (1 - p_1) - \log p_1$, at most log 99: surer the network cannot be of pictures of a kind
    that it has not been taught. Where a picture and its mirror image look alike, $p_1$ is 1/2 for
    both and still 0 upside down.

    Every fifth reference picture is held out. Where upright ones are not told from turned ones in
    at least 85 % of the pairs, the pictures have no up that is worth the name, as blood cells:
    the detector switches itself off, all weights are zero, and its p-value is 1 for every picture.
    The light of a camera alone gave 74 % on blood cells. With fewer than ten pictures it is off.
    """

    reason: ClassVar[str] = "it seems to be turned or mirrored"
    reason_code: ClassVar[str] = "orientation"
    measure: ClassVar[str] = "log odds against upright"

    def __init__(self) -> None:
        self._network: nn.Sequential | None = None
        self._folded: list[Layer] | None = None
        self._is_on = False

    def fit(self, seen: Evidence) -> "Orientation":
        """Teach the network the eight ways; switch off where held-out pictures look alike."""
        greys = _reduced(seen.images.detach().cpu().float())
        network = _network()
        if not (len(greys) >= FEWEST and _learned(network, greys)):
            for weights in network.parameters():
                nn.init.zeros_(weights)
        return self.load_state(network.state_dict())

    @property
    def is_on(self) -> bool:
        """Whether the training pictures have an up."""
        self.require(self._network)
        return self._is_on

    def score_one(self, one: Evidence) -> float:
        """Return the log odds, rounded; log 7 for every picture where it is off.

        In NumPy: each operation of torch would cost several times what it computes here.
        """
        layers, grey = self.require(self._folded), one.greys[0]
        if not math.isfinite(grey.sum()):
            return math.inf
        if not self._is_on:  # what the zeros would say
            return math.log(TURNS - 1)
        *hidden, (last, bias) = layers
        rows, columns = (_means(side) for side in grey.shape)
        found = 2 * (rows @ grey @ columns.T).ravel() - 1
        for weights, offsets in hidden:
            found = np.maximum(weights @ found + offsets, 0)
        logits: list[float] = (last @ found + bias).tolist()
        upright, *others = logits
        # Sums may differ in their last bits between machines.
        return round(min(float(np.logaddexp.reduce(others)) - upright, SUREST), 4)

    def state(self) -> dict[str, Float32[Tensor, "..."]]:
        """Return the network."""
        return dict(self.require(self._network).state_dict())

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Orientation":
        """Take a network over."""
        self._network = _network()
        self._network.load_state_dict(dict(state))
        self._folded = _folded(self._network)
        self._is_on = any(bool(weights.any()) for weights in self._network.parameters())
        return self


def ways(images: Float[Tensor, "n channels side side"]) -> Float[Tensor, "8 n channels side side"]:
    """Return the pictures as they are, mirrored, turned by a quarter, that mirrored, and so on."""
    quarters = [images.rot90(k, (2, 3)) for k in range(4)]
    return torch.stack([way for turned in quarters for way in (turned, turned.flip(3))])


def _network() -> nn.Sequential:
    """Return a network from cells to logits of the eight ways."""
    with torch.random.fork_rng([]):
        torch.manual_seed(SEED)
        layers: list[nn.Module] = []
        for into in (SIDE**2, WIDTH):
            layers += [nn.Linear(into, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU()]
            layers.append(nn.Dropout(DROPOUT))
        return nn.Sequential(*layers, nn.Linear(WIDTH, TURNS)).eval()


def _folded(network: nn.Sequential) -> list[Layer]:
    """Return the network's layers with the norms after them in their weights."""
    *hidden, last = (each for each in network if isinstance(each, nn.Linear))
    norms = (each for each in network if isinstance(each, nn.BatchNorm1d))
    folded = [fuse_linear_bn_eval(a, b) for a, b in zip(hidden, norms, strict=True)]
    return [(each.weight.detach().numpy(), each.bias.detach().numpy()) for each in (*folded, last)]


def _learned(network: nn.Sequential, greys: Greys) -> bool:
    """Teach a network; say whether it tells held-out pictures from turned ones."""
    held_out = torch.arange(len(greys)) % HELD_OUT == 0
    with torch.random.fork_rng([]), torch.enable_grad():
        torch.manual_seed(SEED)
        _teach(network, greys[~held_out])
    return _told_apart(network, greys[held_out]) >= LEAST_AUROC


def _teach(network: nn.Sequential, greys: Greys) -> None:
    least, most = STEPS
    steps = min(max(math.ceil(VIEWS * len(greys) / BATCH), least), most)

    def lesson() -> Float[Tensor, ""]:
        cells, turns = _lesson(greys[torch.randint(len(greys), (BATCH,))])
        return F.cross_entropy(network(cells), turns)

    teach(network, lesson, steps=steps, rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def _lesson(greys: Greys) -> tuple[Float[Tensor, "n cells"], Int[Tensor, " n"]]:
    """Return the cells of pictures, moved a little, each in some way; and which way that is."""
    turns = torch.randint(TURNS, (len(greys),))
    return _cells(ways(_moved(greys))[turns, torch.arange(len(greys))]), turns


def _moved(greys: Greys) -> Greys:
    """Return pictures turned by few degrees, shifted, made larger or smaller, and exposed anew."""
    count = len(greys)

    def some(most: float, *shape: int) -> Float[Tensor, "..."]:
        return most * (2 * torch.rand(count, *shape) - 1)

    angle, scale = some(math.radians(DEGREES)), 1 + some(SCALE)
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    turn = torch.stack([cosine, -sine, sine, cosine], dim=1).view(count, 2, 2)
    places = torch.cat([turn, some(2 * SHIFT, 2, 1)], dim=2)  # of a side of length 2
    grid = F.affine_grid(places, list(greys.shape), align_corners=False)
    moved = F.grid_sample(greys, grid, padding_mode="reflection", align_corners=False)
    return moved * (1 + some(EXPOSURE, 1, 1, 1))


@torch.no_grad()
def _told_apart(network: nn.Sequential, greys: Greys) -> float:
    """Return the share of pairs, one upright and one not, that the score orders rightly."""
    upright, *others = (_improbability(network(_cells(way))) for way in ways(greys))
    return auroc(upright.numpy(), torch.cat(others).numpy())


def _improbability(logits: Float[Tensor, "n 8"]) -> Float[Tensor, " n"]:
    found: Tensor = logits[:, 1:].logsumexp(dim=1) - logits[:, 0]
    return found


@lru_cache(maxsize=4)
def _means(side: int) -> Float64[np.ndarray, "cells side"]:
    """Return what takes the pixels along a side to the means that `_cells(_reduced())` has."""
    pixels = torch.eye(side, dtype=torch.float64)[:, None]
    cells = F.avg_pool1d(F.adaptive_avg_pool1d(pixels, FINER * SIDE), FINER)
    found: Float64[np.ndarray, "cells side"] = cells[:, 0].T.contiguous().numpy()
    return found


def _reduced(images: Images) -> Greys:
    return F.adaptive_avg_pool2d(images.mean(dim=1, keepdim=True), FINER * SIDE)


def _cells(greys: Greys) -> Float[Tensor, "n cells"]:
    """Return the means of 16 x 16 cells, from -1 to 1."""
    return 2 * F.avg_pool2d(greys, FINER).flatten(start_dim=1) - 1
