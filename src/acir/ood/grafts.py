"""Whether what the network sees in a picture goes together, as in a whole one."""

import math
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64, Shaped
from torch import Tensor, nn

from acir.metrics.ood import auroc
from acir.ood.base import Detector
from acir.tensors import Encode, Evidence

SEED = 20261130
GRAFTS = 2000
RECTANGLE = (0.25, 0.75)  # of a side: how high and wide the pieces are, at least and at most
RADIUS, CENTRE, SOFTNESS = (0.15, 0.35), (0.3, 0.7), 0.05  # of a side
WIDTH, DROPOUT = 256, 0.2
BATCH, STEPS = 256, 1000
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 0.01
HELD_OUT = 5  # every fifth reference picture and graft
FEWEST = 500  # as nothing was measured with fewer
LEAST_DEVIATION = 1e-3  # of a feature that hardly varies
LEAST_AUROC = 0.6  # of held-out pictures
ENCODED_AT_ONCE = 128

Images = Float[Tensor, "n 3 height width"]
Whole = Float[Tensor, "n dim"]  # blended features of pictures
Strange = Float[Tensor, "m dim"]  # and of grafts


class Grafts(Detector):
    """Log odds that a picture was put together from two, by what the network sees in it.

    Grafts are made of reference pictures: a rectangle or a soft disc of one is set into another, as
    in CutMix (arXiv 1905.04899). What the network sees in them goes together in no whole picture, a
    little of one class and a little of another, and so it is with classes that it was never taught.
    A small network learns to tell grafts from references by their blended features. A distance
    takes it for granted that the unknown is far from all that is known; this learns where between
    them no picture is (made outliers in place of the real ones of Hendrycks et al. 2019,
    arXiv 1812.04606).

    First it learns without every fifth picture and graft. Where less than 60 % of pairs of one and
    one of these are told apart, or there are fewer than 500 pictures, the detector switches itself
    off: it scores 0 for every picture.

    Args:
        encode: Encodes the grafts when it learns; nothing is encoded again to score a picture.
    """

    reason: ClassVar[str] = "it looks as if put together from different training pictures"
    reason_code: ClassVar[str] = "put-together"
    measure: ClassVar[str] = "log odds of a graft"
    looks_at_content: ClassVar[bool] = True

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._layers: dict[str, Float64[np.ndarray, ...]] | None = None

    def fit(self, seen: Evidence) -> "Grafts":
        """Make grafts, encode and learn them; switch off where held-out ones are not told."""
        with torch.random.fork_rng([]), torch.enable_grad():
            torch.manual_seed(SEED)
            whole = seen.blended.detach().cpu().float()
            strange = self._strange(seen.images) if len(seen) >= FEWEST else None
            network = _network(whole.shape[1])
            if strange is not None and _told_apart(whole, strange):
                _teach(network, whole, strange)
            else:
                for weights in network.parameters():
                    nn.init.zeros_(weights)
        return self.load_state(network.state_dict())

    @property
    def is_on(self) -> bool:
        """Whether grafts can be told from training pictures."""
        return any(each.any() for each in self.require(self._layers).values())

    def score_one(self, one: Evidence) -> float:
        """Return the log odds, rounded; 0 for every picture where it is off."""
        layers = self.require(self._layers)
        features = one.blended[0].detach().cpu().double().numpy()
        if not math.isfinite(features.sum()):
            return math.inf
        hidden = np.maximum(layers["0.weight"] @ features + layers["0.bias"], 0)
        # Sums may differ in their last bits between machines.
        return round(float((layers["3.weight"] @ hidden + layers["3.bias"])[0]), 4)

    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return the network."""
        layers = self.require(self._layers)
        return {name: torch.from_numpy(each).float() for name, each in layers.items()}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Grafts":
        """Take a network over."""
        self._layers = {name: each.double().numpy() for name, each in state.items()}
        return self

    def _strange(self, images: Images) -> Strange:
        """Return the blended features of grafts, of unit length as those of evidence are."""
        made = grafts(images.detach().cpu().float(), GRAFTS)
        blended = torch.cat([self._encode(part).blended for part in made])
        return F.normalize(blended, dim=1).detach().cpu().float()


def grafts(images: Images, count: int) -> Iterator[Float[Tensor, "some 3 height width"]]:
    """Make pictures put together from two at random, half of them by a rectangle, half by a disc.

    They come a few at a time, as many large ones would not fit into memory together.

    Args:
        images: In [0, 1], at least one; where both are the same, nothing has been done to it.
        count: How many to make.
    """
    pairs = [torch.randint(len(images), (count,)) for _ in range(2)]
    where = torch.cat([_rectangles(count // 2, images), _discs(count - count // 2, images)])
    parts = (torch.split(each, ENCODED_AT_ONCE) for each in (*pairs, where))
    for base, piece, mask in zip(*parts, strict=True):
        yield torch.lerp(images[base], images[piece], mask)


def _rectangles(count: int, images: Images) -> Float[Tensor, "count 1 height width"]:
    """Return masks: 1 within a rectangle that lies anywhere, else 0."""
    inside = []
    for side in images.shape[2:]:
        long = _between(*RECTANGLE, count)
        start = torch.rand(count, 1) * (1 - long)
        places = _places(side)
        inside.append((places >= start) & (places < start + long))
    high, wide = inside
    return (high[:, None, :, None] & wide[:, None, None, :]).float()


def _discs(count: int, images: Images) -> Float[Tensor, "count 1 height width"]:
    """Return masks: 1 in the middle of a disc, 1/2 on its edge, falling to 0 around it."""
    down, across = (_places(side) - _between(*CENTRE, count) for side in images.shape[2:])
    away = (down[:, None, :, None].square() + across[:, None, None, :].square()).sqrt()
    return ((_between(*RADIUS, count)[:, :, None, None] - away) / SOFTNESS).sigmoid()


def _places(side: int) -> Float[Tensor, "1 side"]:
    """Return where the middles of pixels lie, as shares of the side."""
    return (torch.arange(side)[None] + 0.5) / side


def _between(least: float, most: float, count: int) -> Float[Tensor, "count 1"]:
    return least + (most - least) * torch.rand(count, 1)


def _network(dim: int) -> nn.Sequential:
    """Return a network from features to log odds of a graft."""
    hidden = nn.Linear(dim, WIDTH), nn.ReLU(), nn.Dropout(DROPOUT)
    return nn.Sequential(*hidden, nn.Linear(WIDTH, 1)).eval()


def _told_apart(whole: Whole, strange: Strange) -> bool:
    """Say whether held-out pictures are told from grafts by what the others teach."""
    network = _network(whole.shape[1])
    rows = [torch.arange(len(each)) % HELD_OUT == 0 for each in (whole, strange)]
    _teach(network, whole[~rows[0]], strange[~rows[1]])
    with torch.no_grad():
        found = [
            network(each[some])[:, 0].numpy()
            for each, some in zip((whole, strange), rows, strict=True)
        ]
    return auroc(*found) >= LEAST_AUROC


def _teach(network: nn.Sequential, whole: Whole, strange: Strange) -> None:
    """Teach a network by pictures and grafts, as if there were as many of both."""
    centre, scale = whole.mean(dim=0), whole.std(dim=0).clamp(min=LEAST_DEVIATION)
    features = (torch.cat([whole, strange]) - centre) / scale
    wanted = (torch.arange(len(features)) >= len(whole)).float()
    weight = torch.tensor(len(whole) / len(strange))
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0, total_iters=STEPS)
    network.train()
    for _ in range(STEPS):
        rows = torch.randint(len(features), (BATCH,))
        found = network(features[rows])[:, 0]
        loss = F.binary_cross_entropy_with_logits(found, wanted[rows], pos_weight=weight)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    with torch.no_grad():  # from here on, of features as they are
        first = network.eval()[0]
        assert isinstance(first, nn.Linear)
        first.weight.div_(scale)
        first.bias.sub_(first.weight @ centre)
