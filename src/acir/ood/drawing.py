"""Whether something is drawn on a picture: writing, arrows, lines."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Shaped
from numpy.random import Generator
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from acir.jpeg import compressed
from acir.lessons import convolutions, teach
from acir.metrics.ood import auroc
from acir.ood.base import Detector
from acir.tensors import Evidence

SEED = 20261128
CROP = 32  # pixels a side, or the whole of a smaller picture: strokes are near each other
BATCH = 64  # crops, each as it is and drawn on
STEPS = 1000
LEARNING_RATE = 3e-3
WIDTH = 8  # channels of the first half of the network
HELD_OUT = 5  # every fifth reference picture
FEWEST = 500
LEAST_AUROC = 0.6  # of held-out crops; half of the strokes can hardly be seen by anybody
PLACES = 4  # of the map, whose mean is the score
SEEN = 0.06  # of the range of values; ink that changes less cannot be asked for
# What is drawn, in pixels of the crop; masks are drawn finer and reduced, for smooth edges.
FINER = 4
LETTER, STROKE = (2.5, 10.0), (0.8, 2.2)
LETTERS, STROKES, CORNERS = (3, 12), (1, 4), (2, 4)  # from, and below
TYPICAL_SHADE = 0.3  # share of drawings in the picture's median; the others are as some pixel of it
# What is no drawing: noise, dust, exposure and compression, at most, and how often.
NOISE, DUST, EXPOSURE, QUALITY = 0.03, 0.012, 0.15, (80, 96)
OFTEN_NOISY, OFTEN_DUSTY, OFTEN_COMPRESSED = 0.5, 0.3, 0.3

Images = Float[Tensor, "n 3 height width"]
Layer = tuple[Tensor, Tensor | None, int]  # weights, bias and stride of a convolution


class Drawing(Detector):
    """How much a picture looks as if something were drawn on it.

    A small convolutional network is taught to mark strokes: random short lines in a row, in the
    shade of some pixel of the picture or of its median, drawn on crops of reference pictures
    (self-supervision by made anomalies, as in CutPaste, arXiv 2104.04015, and DRAEM,
    arXiv 2108.07610). No letter and no arrow is among them. Noise, dust, exposure and compression
    come with and without strokes, so that they are none. The score is the mean of the four highest
    log odds of the map.

    Every fifth reference picture is held out. Where less than 60 % of pairs of a crop with strokes
    and one without are told apart, or there are fewer than 500 pictures, the detector switches
    itself off: it scores 0 for every picture.

    It is taught by pictures that ought to have nothing drawn on them. Where many have, as scans
    with a mark of the side, those count as ordinary and drawings are seen less well.
    """

    reason: ClassVar[str] = "something seems to be drawn or written on it"
    reason_code: ClassVar[str] = "drawing"
    measure: ClassVar[str] = "log odds of strokes"
    looks_at_places: ClassVar[bool] = True

    def __init__(self) -> None:
        self._network: nn.Sequential | None = None
        self._folded: list[Layer] | None = None
        self._is_on = False

    def fit(self, seen: Evidence) -> "Drawing":
        """Teach the network; switch off where held-out strokes are not seen."""
        images = seen.images.detach().cpu().float()
        network = _network()
        if not (len(images) >= FEWEST and _learned(network, images)):
            for weights in network.parameters():
                nn.init.zeros_(weights)
        return self.load_state(network.state_dict())

    @property
    def is_on(self) -> bool:
        """Whether strokes can be told from what training pictures show."""
        self.require(self._network)
        return self._is_on

    @torch.inference_mode()
    def score_one(self, one: Evidence) -> float:
        """Return the log odds, rounded; 0 for every picture where it is off."""
        layers, images = self.require(self._folded), one.images.detach().cpu().float()
        if not self._is_on:  # what the zeros would say
            return 0.0 if math.isfinite(float(images.sum())) else math.inf
        found = _scores(partial(_marked, layers), images)
        # The sums of a convolution may differ in their last bits between machines.
        return round(float(found[0]), 4)

    def state(self) -> dict[str, Float32[Tensor, "..."]]:
        """Return the network."""
        return dict(self.require(self._network).state_dict())

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Drawing":
        """Take a network over."""
        self._network = _network()
        self._network.load_state_dict(dict(state))
        self._folded = _folded(self._network)
        self._is_on = any(bool(weights.any()) for weights in self._network.parameters())
        return self


def _network() -> nn.Sequential:
    """Return a network from a picture to log odds of strokes, a quarter as high and wide."""
    return convolutions(
        (3, WIDTH, 1),
        (WIDTH, WIDTH, 2),
        (WIDTH, 2 * WIDTH, 1),
        (2 * WIDTH, 2 * WIDTH, 2),
        (2 * WIDTH, 2 * WIDTH, 1),
        seed=SEED,
    )


def _folded(network: nn.Sequential) -> list[Layer]:
    """Return the network's convolutions with the norms after them in their weights."""
    *blocks, last = network
    convolutions = [each for each in blocks if isinstance(each, nn.Conv2d)]
    norms = [each for each in blocks if isinstance(each, nn.BatchNorm2d)]
    pairs = zip(convolutions, norms, strict=True)
    folded = [fuse_conv_bn_eval(convolution, norm) for convolution, norm in pairs]
    assert isinstance(last, nn.Conv2d)
    return [(each.weight, each.bias, each.stride[0]) for each in (*folded, last)]


def _marked(layers: list[Layer], images: Images) -> Float[Tensor, "n 1 high wide"]:
    """Return what the network does; its modules would take a fifth of the time by themselves."""
    *hidden, last = layers
    for weight, bias, stride in hidden:
        images = torch.conv2d(images, weight, bias, stride, padding=1).relu_()
    return torch.conv2d(images, *last)


def _learned(network: nn.Sequential, images: Images) -> bool:
    """Teach a network; say whether it sees strokes on held-out pictures."""
    held_out = torch.arange(len(images)) % HELD_OUT == 0
    random = np.random.default_rng(SEED)
    with torch.enable_grad():
        _teach(network, images[~held_out], random)
    return _told_apart(network, images[held_out], random) >= LEAST_AUROC


def _scores(network: Callable[[Images], Tensor], images: Images) -> Float[Tensor, " n"]:
    places: Tensor = network(2 * images - 1).flatten(start_dim=1)
    return places.topk(min(PLACES, places.shape[1]), dim=1).values.mean(dim=1)


def _teach(network: nn.Sequential, images: Images, random: Generator) -> None:
    def lesson() -> Float[Tensor, ""]:
        batch, marked = _lesson(images, random)
        found = network(2 * batch - 1)
        wanted = F.adaptive_max_pool2d(marked.float(), found.shape[2:])
        return F.binary_cross_entropy_with_logits(found, wanted)

    teach(network, lesson, steps=STEPS, rate=LEARNING_RATE)


@torch.no_grad()
def _told_apart(network: nn.Sequential, images: Images, random: Generator) -> float:
    """Return the share of pairs, one crop with strokes to be seen, one without, rightly ordered.

    It is 0 where strokes are to be seen on none.
    """
    lessons = [_lesson(images, random) for _ in range(math.ceil(len(images) / BATCH))]
    plain, drawn = torch.cat([_scores(network, batch).view(2, -1) for batch, _ in lessons], dim=1)
    drawn = drawn[torch.cat([marked.chunk(2)[1].flatten(1).any(dim=1) for _, marked in lessons])]
    return auroc(plain.numpy(), drawn.numpy()) if len(drawn) else 0.0


def _lesson(
    images: Images, random: Generator
) -> tuple[Float[Tensor, "twice 3 high wide"], Bool[Tensor, "twice 1 high wide"]]:
    """Return crops as they are, then the same drawn on, all with faults; and where ink is seen."""
    crops = _crops(images, random)
    inked = _drawn_on(crops, random)
    both = torch.cat([crops, inked])
    seen = (inked - crops).abs().amax(dim=1, keepdim=True) > SEEN
    return _with_faults(both, random), torch.cat([torch.zeros_like(seen), seen])


def _crops(images: Images, random: Generator) -> Float[Tensor, "crops 3 high wide"]:
    high, wide = (min(CROP, side) for side in images.shape[2:])
    rows = random.integers(0, len(images), BATCH)
    tops = random.integers(0, images.shape[2] - high + 1, BATCH)
    lefts = random.integers(0, images.shape[3] - wide + 1, BATCH)
    return torch.stack(
        [
            images[row, :, top : top + high, left : left + wide]
            for row, top, left in zip(rows, tops, lefts, strict=True)
        ]
    )


def _drawn_on(crops: Images, random: Generator) -> Images:
    """Draw a row of strokes on each crop, in one shade."""
    count, _, height, width = crops.shape
    masks = torch.from_numpy(np.stack([_mask(height, width, random) for _ in crops]))[:, None]
    pixels = crops.flatten(start_dim=2)
    some = pixels[torch.arange(count), :, random.integers(0, height * width, count)]
    typical = torch.from_numpy(random.random((count, 1)) < TYPICAL_SHADE)
    shades = torch.where(typical, pixels.median(dim=2).values, some)
    return torch.lerp(crops, shades[:, :, None, None].expand_as(crops), masks)


def _mask(height: int, width: int, random: Generator) -> Float32[np.ndarray, "height width"]:
    """Return where there is ink, from 0 to 1."""
    page = Image.new("L", (FINER * width, FINER * height))
    pen = ImageDraw.Draw(page)
    letter = FINER * random.uniform(*LETTER)
    thick = max(1, round(FINER * random.uniform(*STROKE)))
    start = random.random(2) * page.size
    angle = random.uniform(0, 2 * math.pi)
    step = letter * random.uniform(0.6, 1.6) * np.array([math.cos(angle), math.sin(angle)])
    for place in range(random.integers(*LETTERS)):
        for _ in range(random.integers(*STROKES)):
            corners = random.uniform(-0.5, 0.5, (random.integers(*CORNERS), 2))
            line = start + place * step + letter * corners
            pen.line([tuple(point) for point in line.tolist()], fill=255, width=thick)
    small = page.resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


def _with_faults(images: Images, random: Generator) -> Images:
    """Return the pictures with what is no drawing: noise, dust, exposure and compression."""
    count, _, height, width = images.shape

    def some(most: float, often: float) -> Float[Tensor, "n 1 1 1"]:
        amount = most * random.random(count) * (random.random(count) < often)
        return torch.from_numpy(amount.astype(np.float32))[:, None, None, None]

    shape = (count, 1, height, width)
    noise = torch.from_numpy(random.standard_normal(shape, np.float32))
    dust = torch.from_numpy(random.random(shape, np.float32))
    rate = some(DUST, OFTEN_DUSTY)
    exposed = (images + noise * some(NOISE, OFTEN_NOISY)) * (1 + EXPOSURE / 2 - some(EXPOSURE, 1.0))
    faulty = exposed.masked_fill(dust < rate / 2, 0.0).masked_fill(dust > 1 - rate / 2, 1.0)
    for row in np.flatnonzero(random.random(count) < OFTEN_COMPRESSED):
        faulty[row] = compressed(faulty[row], int(random.integers(*QUALITY)))
    return faulty.clamp(0, 1)
