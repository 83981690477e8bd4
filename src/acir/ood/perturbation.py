"""Whether all of a picture was changed a little, as attacks on a network do."""

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Float64, Shaped
from numpy.random import Generator
from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]
from torch import Tensor, nn

from acir.jpeg import compressed
from acir.lessons import convolutions, teach
from acir.metrics.ood import auroc
from acir.ood.base import Detector
from acir.tensors import Encode, Evidence

SEED = 20261130
PICTURES = 1500  # of the references are attacked; every fifth of these is held out
HELD_OUT = 5
FEWEST = 500
CROP = 32  # pixels a side, or the whole of a smaller picture: a perturbation is everywhere
BATCH = 64  # crops, each as it is and perturbed
STEPS = 1000
LEARNING_RATE = 3e-3
WIDTH = 8  # channels of the first third of the network
LEAST_AUROC = 0.9  # of held-out crops; who sees less would call noise an attack
ORDINARY = 0.99  # of held-out crops that are not perturbed score 0
# What is added: the greatest change of a pixel; in steps that could go so many times as far. A
# share of lessons is of random patterns instead: squares, or noise of some grain in pixels, mostly
# its signs. Finer noise looks like that which is no perturbation.
CHANGE, SLOPES, REACH = (3 / 255, 9 / 255), 5, 2.5
RANDOM, SQUARES, AREAS = 0.25, (5, 60), (0.3, 0.1, 0.05, 0.02, 0.01, 0.004)
GRAINS, OFTEN_SIGNS = (1.0, 2.0, 3.0), 0.9
# What is no perturbation: noise of this deviation at most, compression, another exposure.
NOISE, QUALITY, EXPOSURE = 0.024, (70, 96), 0.12
OFTEN_NOISY, OFTEN_COMPRESSED = 0.7, 0.3

Images = Float[Tensor, "n 3 height width"]


class Perturbation(Detector):
    """How much a picture looks as if an attack on the network had changed all of it a little.

    A small convolutional network is taught to tell crops of reference pictures that were attacked
    from the same crops with noise of a deviation up to 0.02 and after compression; both are exposed
    anew. The attacks follow the slope of the hash logits away from a picture's own code or towards
    another's, in five steps and within 3 to 9 grey levels of 255; a quarter are random patterns of
    that size, squares or smooth noise, for attacks that follow no slope (a detector trained on
    attacks: Metzen et al. 2017, arXiv 1702.04267; squares: Andriushchenko et al. 2020,
    arXiv 1912.00049). The score is the mean of its log odds over the picture above what 99 % of
    held-out crops without an attack have; below, it is 0.

    Of the pictures that are attacked every fifth is held out. Where less than 90 % of pairs of an
    attacked crop and another are told apart, or there are fewer than 500 references, the detector
    switches itself off: it scores 0 for every picture. To fit it takes up to 7,500 passes of the
    encoder forward and back.

    Who knows of it gets past it: it is a network itself, and has a slope (`relaxed`). It is for
    attacks that are not made for it, best beside `training.robust`.

    Args:
        encode: Encodes pictures, with their slope.
    """

    reason: ClassVar[str] = "all of it seems to be changed a little, as attacks on a network do"
    reason_code: ClassVar[str] = "perturbation"
    measure: ClassVar[str] = "log odds of an attack"

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._network: nn.Sequential | None = None
        self._ordinary: Float32[Tensor, ""] | None = None

    def fit(self, seen: Evidence) -> "Perturbation":
        """Attack pictures and teach the network; switch off where held-out attacks are not seen."""
        images = seen.images.detach().cpu().float()
        network, ordinary = _network(), torch.tensor(math.inf)
        if len(images) >= FEWEST:
            chosen = np.linspace(0, len(images), min(PICTURES, len(images)), endpoint=False)
            ordinary = _learned(network, images[chosen.astype(np.int64)], self._encode)
        return self.load_state({**network.state_dict(), "ordinary": ordinary})

    @property
    def is_on(self) -> bool:
        """Whether attacks can be told from what training pictures show."""
        return bool(self.require(self._ordinary).isfinite())

    @torch.inference_mode()
    def score_one(self, one: Evidence) -> float:
        """Return the log odds above what is ordinary, rounded; 0 below, and where it is off."""
        images = one.images.detach().cpu().float()
        if not math.isfinite(float(images.sum())):
            return math.inf
        if not self.is_on:
            return 0.0
        above = _odds(self.require(self._network), images) - self.require(self._ordinary)
        # The sums of a convolution may differ in their last bits between machines.
        return round(max(float(above[0]), 0.0), 4)

    def relaxed(self, images: Images) -> Float[Tensor, " n"] | None:
        """Return the log odds themselves; None where it is off."""
        network = self.require(self._network)  # on the CPU, wherever the pictures are
        return _odds(network, images.cpu()).to(images.device) if self.is_on else None

    def state(self) -> dict[str, Float32[Tensor, "..."]]:
        """Return the network, and what is ordinary."""
        network, ordinary = self.require(self._network), self.require(self._ordinary)
        return {**network.state_dict(), "ordinary": ordinary}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Perturbation":
        """Take a network over."""
        weights = dict(state)
        self._ordinary = weights.pop("ordinary")
        self._network = _network().requires_grad_(requires_grad=False)
        self._network.load_state_dict(weights)
        return self


def _network() -> nn.Sequential:
    """Return a network from a picture to log odds of an attack, a quarter as high and wide."""
    return convolutions(
        (3, WIDTH, 1),
        (WIDTH, WIDTH, 1),
        (WIDTH, 2 * WIDTH, 2),
        (2 * WIDTH, 2 * WIDTH, 1),
        (2 * WIDTH, 4 * WIDTH, 2),
        (4 * WIDTH, 4 * WIDTH, 1),
        seed=SEED,
    )


def _odds(network: nn.Sequential, images: Images) -> Float[Tensor, " n"]:
    found: Tensor = network(2 * images - 1).mean(dim=(1, 2, 3))
    return found


def _learned(network: nn.Sequential, images: Images, encode: Encode) -> Float32[Tensor, ""]:
    """Teach a network; return what is ordinary of held-out crops, infinite where it sees little."""
    random = np.random.default_rng(SEED)
    with torch.enable_grad():
        changed = torch.cat(
            [_attacked(some, encode, random) for some in torch.split(images, BATCH)]
        )
        pairs = torch.stack([images, changed])
        held_out = torch.arange(len(images)) % HELD_OUT == 0
        _teach(network, pairs[:, ~held_out], random)
    rounds = math.ceil(len(images) / BATCH)
    lessons = [_lesson(pairs[:, held_out], random) for _ in range(rounds)]
    with torch.no_grad():
        odds = torch.cat([_odds(network, batch).view(2, -1) for batch in lessons], dim=1)
    plain, perturbed = odds
    sees = auroc(plain.numpy(), perturbed.numpy()) >= LEAST_AUROC
    return plain.quantile(ORDINARY) if sees else torch.tensor(math.inf)


def _attacked(images: Images, encode: Encode, random: Generator) -> Images:
    """Return pictures whose codes are turned over, or brought near those of other pictures.

    Projected gradient descent (Madry et al. 2018, arXiv 1706.06083) from a random start; pictures
    without colour stay so.
    """
    logits = encode(images).logits.detach().cpu()
    codes, scale = logits.sign(), logits.abs().mean(dim=1, keepdim=True).clamp_min(1e-6)
    turned = torch.from_numpy(random.random(len(images)) < 0.5)[:, None]  # noqa: PLR2004 - half
    goals = torch.where(turned, -codes, codes[torch.from_numpy(random.permutation(len(images)))])
    most = _of_each(random.uniform(*CHANGE, len(images)))
    channels = 1 if _is_grey(images) else 3
    start = random.uniform(-1, 1, (len(images), channels, *images.shape[2:])).astype(np.float32)
    points = (images + most * torch.from_numpy(start)).clamp(0, 1)
    for _ in range(SLOPES):
        points.requires_grad_()
        nearness = ((encode(points).logits.cpu() / scale).tanh() * goals).mean(dim=1).sum()
        (slope,) = torch.autograd.grad(nearness, [points])
        if channels == 1:
            slope = slope.mean(dim=1, keepdim=True)
        moved = points.detach() + REACH / SLOPES * most * slope.sign()
        points = moved.clamp(images - most, images + most).clamp(0, 1)
    return points


def _is_grey(images: Images) -> bool:
    return bool((images == images[:, :1]).all())


def _teach(
    network: nn.Sequential, pairs: Float[Tensor, "2 n 3 height width"], random: Generator
) -> None:
    wanted = torch.cat([torch.zeros(BATCH), torch.ones(BATCH)])

    def lesson() -> Float[Tensor, ""]:
        return F.binary_cross_entropy_with_logits(_odds(network, _lesson(pairs, random)), wanted)

    teach(network, lesson, steps=STEPS, rate=LEARNING_RATE)


def _lesson(
    pairs: Float[Tensor, "2 n 3 height width"], random: Generator
) -> Float[Tensor, "twice 3 high wide"]:
    """Return crops, noisy and compressed, then the same crops attacked; both exposed anew."""
    high, wide = (min(CROP, side) for side in pairs.shape[3:])
    top, left = (
        random.integers(0, side - part + 1)
        for side, part in zip(pairs.shape[3:], (high, wide), strict=True)
    )
    rows = torch.from_numpy(random.integers(0, pairs.shape[1], BATCH))
    plain, changed = pairs[:, rows, :, top : top + high, left : left + wide]
    shape = (1 if _is_grey(plain) else 3, high, wide)
    for row in np.flatnonzero(random.random(BATCH) < RANDOM):
        changed[row] = plain[row] + torch.from_numpy(_pattern(shape, random))
    exposure = _of_each(1 + EXPOSURE * (2 * random.random(BATCH) - 1))
    deviations = NOISE * random.random(BATCH) * (random.random(BATCH) < OFTEN_NOISY)
    noise = torch.from_numpy(random.standard_normal((BATCH, *shape), np.float32))
    plain = exposure * plain + noise * _of_each(deviations)
    for row in np.flatnonzero(random.random(BATCH) < OFTEN_COMPRESSED):
        plain[row] = compressed(plain[row], int(random.integers(*QUALITY)))
    return torch.cat([plain, exposure * changed]).clamp(0, 1)


def _of_each(numbers: Float64[np.ndarray, " n"]) -> Float32[Tensor, "n 1 1 1"]:
    return torch.from_numpy(numbers.astype(np.float32))[:, None, None, None]


def _pattern(
    shape: tuple[int, int, int], random: Generator
) -> Float32[np.ndarray, "channels high wide"]:
    """Return squares over stripes, or smooth noise, as strong as an attack."""
    drawn = _squares if random.random() < 0.5 else _smooth_noise  # noqa: PLR2004 - half
    found: Float32[np.ndarray, "channels high wide"]
    found = (random.uniform(*CHANGE) * drawn(shape, random)).astype(np.float32)
    return found


def _squares(
    shape: tuple[int, int, int], random: Generator
) -> Float64[np.ndarray, "channels high wide"]:
    """Return stripes of -1 and 1 down the picture, and squares of either over them."""
    channels, high, wide = shape
    found = np.repeat(random.choice([-1.0, 1.0], (channels, 1, wide)), high, axis=1)
    for _ in range(random.integers(*SQUARES)):
        side = min(max(1, round(math.sqrt(random.choice(AREAS) * high * wide))), high, wide)
        top, left = random.integers(0, high - side + 1), random.integers(0, wide - side + 1)
        value = random.choice([-1.0, 1.0], (channels, 1, 1))
        found[:, top : top + side, left : left + side] = value
    return found


def _smooth_noise(
    shape: tuple[int, int, int], random: Generator
) -> Float64[np.ndarray, "channels high wide"]:
    """Return noise of some grain within [-1, 1], or its signs."""
    grain = random.choice(GRAINS)
    smooth = gaussian_filter(random.standard_normal(shape), (0, grain, grain))
    found: Float64[np.ndarray, "channels high wide"]
    if random.random() < OFTEN_SIGNS:
        found = np.sign(smooth)
    else:
        found = np.clip(smooth / max(float(smooth.std()), 1e-6), -1, 1)
    return found
