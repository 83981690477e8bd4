"""The contract of a detector, and what several share: neighbours, Gaussians of classes."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeVar

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Float16, Float32, Float64, Int, Shaped
from torch import Tensor

from acir.errors import NotFittedError
from acir.tensors import Evidence

NEIGHBOURS = 5
Learned = TypeVar("Learned")
CANDIDATES = 32  # references that are compared in full before it is known which have to be
AXES = 64
ROUNDING = 1e-5  # more than single precision loses in a bound
LEAST_LENGTH = 1e-12
PICTURES_PER_DIMENSION = 10
LEAST_VARIANCE = 1e-6  # of vectors of unit length: a deviation by 0.001 may be rounding
LEAST_DEVIATION = 0.2  # five grey levels, or a fifth more contrast: another day's exposure


class Detector(ABC):
    """Score how unlike the training pictures a picture is.

    A higher score is more outlying. There is no threshold here: the gate turns scores into
    calibrated p-values.

    Attributes:
        reason: What a reader is told when this detector gives the reason.
        reason_code: The same as one stable word.
        measure: What the score is called beside its usual range.
        needs_decoder: Whether the detector reads `Evidence.reconstruction`.
        reads_classes: Whether the score is read off the class logits, which then must be learned.
        looks_at_content: Whether it looks at what the network makes of the whole picture, features,
            classes or code; those change whatever goes wrong, so other reasons go before.
        looks_at_places: Whether it looks for something at a place of the picture; noise and rings
            look like that at one place or another, so reasons about all of the picture go before.
    """

    reason: ClassVar[str]
    reason_code: ClassVar[str]
    measure: ClassVar[str]
    needs_decoder: ClassVar[bool] = False
    reads_classes: ClassVar[bool] = False
    looks_at_content: ClassVar[bool] = False
    looks_at_places: ClassVar[bool] = False

    @abstractmethod
    def fit(self, seen: Evidence) -> "Detector":
        """Learn from training pictures; return the detector itself."""

    @abstractmethod
    def score_one(self, one: Evidence) -> float:
        """Return the score of the only picture of `one`.

        Raises:
            NotFittedError: Before `fit` or `load_state`, where there is anything to learn.
        """

    @abstractmethod
    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return the arrays that `load_state` needs to score alike."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "Detector":
        """Take the arrays of `state` over; return the detector itself."""

    def score(self, evidence: Evidence) -> Float64[Tensor, " batch"]:
        """Return one score a picture; +inf where the evidence is not a number.

        A detector is shown one picture at a time, so that not even the last bit of a score
        depends on the others of its batch.
        """
        alone = len(evidence) == 1  # no need to cut it out, which takes time
        rows = range(len(evidence))
        ones = [evidence] if alone else [evidence[row : row + 1] for row in rows]
        scores = [self.score_one(one) for one in ones]
        return torch.tensor(
            [s if math.isfinite(s) else math.inf for s in scores], dtype=torch.float64
        )

    def heat_map(self, evidence: Evidence) -> Float[Tensor, "batch height width"] | None:
        """Return where each picture differs from known ones, or None when there is no telling.

        The unit is one standard deviation over the training pictures, pixel by pixel.
        """
        return None

    def relaxed(self, images: Float[Tensor, "n 3 height width"]) -> Float[Tensor, " n"] | None:
        """Return scores with a slope, which one who knows the detector follows; or None."""
        return None

    def require(self, learned: Learned | None) -> Learned:
        """Return what `fit` has learned.

        Raises:
            NotFittedError: It is None.
        """
        if learned is None:
            raise NotFittedError(
                f"{type(self).__name__} has not been fitted; call fit or load_state first"
            )
        return learned


class NeighbourDetector(Detector):
    r"""Cosine distance to the k-th nearest training picture, k = 5.

    $s(z) = 1 - z \cdot z_{(k)}$ on unit vectors. Sun et al. 2022 (arXiv 2204.06507, eq. 2) use the
    Euclidean distance, which is $\sqrt{2 s}$. With fewer pictures than k it is the farthest.
    A subclass says which vector is compared.

    Few are compared in all their numbers. With $a$ the part of a vector along the main axes of the
    references and $b$ the length of the rest, $z \cdot z' \le a \cdot a' + b b'$ (Cauchy and
    Schwarz): what this bound rules out cannot be among the nearest, so the answer is that of a
    complete search.
    """

    def __init__(self) -> None:
        self._references: Float16[Tensor, "n dim"] | None = None
        self._lengths: Float64[Tensor, " n"] | None = None
        self._axes: Float64[Tensor, "axes dim"] | None = None
        self._along: Float32[Tensor, "n axes"] | None = None
        self._rest: Float32[Tensor, " n"] | None = None

    @abstractmethod
    def vectors(self, evidence: Evidence) -> Float[Tensor, "batch dim"]:
        """Return the vectors that are compared."""

    def fit(self, seen: Evidence) -> "NeighbourDetector":
        """Keep the vectors of training pictures as float16."""
        return self.load_state({"references": self.vectors(seen).detach().cpu().half()})

    def score_one(self, one: Evidence) -> float:
        """Return the distance to the k-th neighbour, in [0, 2]."""
        query = self.vectors(one).detach().cpu()[0].double()
        length = math.sqrt(float(query @ query))
        bounds = self._bounds(query, length)
        likeliest = bounds.topk(min(CANDIDATES, len(bounds)))
        product = self._product(query, likeliest.indices)
        least = product - ROUNDING * length
        if float(likeliest.values[-1]) > least:  # there may be more
            product = self._product(query, (bounds > least).nonzero()[:, 0])
        return round(1 - product / max(length, LEAST_LENGTH), 6)

    def state(self) -> dict[str, Float16[Tensor, "..."]]:
        """Return the references as float16."""
        return {"references": self.require(self._references)}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "NeighbourDetector":
        """Take references over; at unit length again where they are compared."""
        self._references = state["references"]
        exact = self._references.double()
        self._lengths = exact.norm(dim=1).clamp_min(LEAST_LENGTH)
        units = exact / self._lengths[:, None]
        self._axes = _main_axes(units)
        along = units @ self._axes.T
        rest = units.square().sum(dim=1) - along.square().sum(dim=1)
        self._along, self._rest = along.float(), rest.clamp_min(0).sqrt().float()
        return self

    def _bounds(self, query: Float64[Tensor, " dim"], length: float) -> Float32[Tensor, " n"]:
        """Return what the products with the references, at unit length, are at most."""
        along = self.require(self._axes) @ query
        rest = math.sqrt(max(length**2 - float(along @ along), 0.0))
        return torch.addmv(
            self.require(self._rest), self.require(self._along), along.float(), beta=rest
        )

    def _product(self, query: Float64[Tensor, " dim"], rows: Int[Tensor, " some"]) -> float:
        """Return the product with the k-th nearest of some references, at unit length."""
        references, lengths = self.require(self._references), self.require(self._lengths)
        # Products of float16 and float32 are exact in float64, and the rounding of the score hides
        # the order of the sum, which differs between machines.
        close = references.index_select(0, rows).double() @ query / lengths.index_select(0, rows)
        return float(close.topk(min(NEIGHBOURS, len(close))).values[-1])


def _main_axes(units: Float64[Tensor, "n dim"]) -> Float64[Tensor, "axes dim"]:
    """Return orthonormal axes along which the vectors are long: one step of subspace iteration.

    Any would do. These need a hundredth of the time of principal components, for bounds as tight.
    """
    start = units[:: max(1, len(units) // AXES)][:AXES]
    towards = (start @ units.T) @ units
    axes: Tensor = torch.linalg.qr(towards.T).Q.T.contiguous()
    return axes


def shrunk_covariance(centred: Float64[Tensor, "n dim"]) -> Float64[Tensor, "dim dim"]:
    """Return the covariance of centred samples, shrunk after Ledoit and Wolf 2004.

    One sample says nothing about spread: its covariance is zero.
    """
    from sklearn.covariance import ledoit_wolf  # noqa: PLC0415 - a query never fits

    if len(centred) < 2:  # noqa: PLR2004 - see above
        return torch.zeros(2 * centred.shape[1:], dtype=torch.float64)
    return torch.from_numpy(ledoit_wolf(centred.numpy(), assume_centered=True)[0])


def whitening(
    covariance: Float64[Tensor, "dim dim"], least_variance: float
) -> Float64[Tensor, "dim dim"]:
    """Return W such that W'W is the inverse of a covariance.

    Directions that vary less than `least_variance` count as if they varied as much.
    """
    values, vectors = torch.linalg.eigh(covariance)
    lengths = rearrange(values.clamp_min(least_variance).sqrt(), "component -> component 1")
    found: Tensor = rearrange(vectors, "dim component -> component dim") / lengths
    return found.contiguous()


def class_means(
    samples: Float64[Tensor, "n ..."], predicted: Int[Tensor, " n"]
) -> tuple[Float64[Tensor, "classes ..."], Int[Tensor, " n"]]:
    """Return the mean of each class that occurs, and which of them each sample belongs to."""
    classes, members = torch.unique(predicted, return_inverse=True)
    means = [samples[members == k].mean(dim=0) for k in range(len(classes))]
    return torch.stack(means), members


class GaussianDetector(Detector):
    """Mahalanobis distance, to the nearest class, of numbers that describe a picture's places.

    A chest and a hand have little in common but that each looks like others of its class, so each
    predicted class has at each place a mean and a covariance, shrunk after Ledoit and Wolf 2004;
    classes with fewer than ten pictures a number share the covariances. Each number is given
    independent noise of `LEAST_DEVIATION`: what never varied in training must not outweigh
    everything else at the first noise. The distance of a place is divided by the square root of how
    many numbers there are; the score is the root mean square over the farthest places: near 1, or
    below, for an ordinary picture. A subclass says what the places and their numbers are; the whole
    of a picture may be the only place.

    Attributes:
        farthest: How many places make the score, as what is wrong at some is diluted by all.
    """

    farthest: ClassVar[int] = 1

    def __init__(self) -> None:
        self._means: Float64[Tensor, "classes places dim"] | None = None
        self._precisions: Float64[Tensor, "classes places dim dim"] | None = None

    @abstractmethod
    def describe(self, one: Evidence) -> Float64[np.ndarray, "places dim"]:
        """Return the numbers of the only picture of `one`, which are all finite."""

    def fit(self, seen: Evidence) -> "GaussianDetector":
        """Learn mean and covariance of the numbers of each place of each predicted class."""
        rows = range(len(seen))
        described = torch.from_numpy(np.stack([self.describe(seen[row : row + 1]) for row in rows]))
        predicted = seen.class_logits.detach().cpu().argmax(dim=1)
        self._means, members = class_means(described, predicted)
        gaps = described - self._means[members]
        shared, enough = _precisions(gaps), PICTURES_PER_DIMENSION * gaps.shape[2]
        each = [gaps[members == k] for k in range(len(self._means))]
        self._precisions = torch.stack(
            [_precisions(g) if len(g) >= enough else shared for g in each]
        )
        return self

    def score_one(self, one: Evidence) -> float:
        """Return the distance in root mean square deviations, rounded."""
        means, precisions = self.require(self._means), self.require(self._precisions)
        if not math.isfinite(one.greys.sum()):
            return math.inf
        gaps = self.describe(one) - means.numpy()
        weighed = (precisions.numpy() @ gaps[..., None])[..., 0]
        squared = (gaps * weighed).mean(axis=2)
        nearest = squared[squared.sum(axis=1).argmin()]
        # Sums may differ in their last bits between machines.
        return round(math.sqrt(np.sort(nearest)[-self.farthest :].mean()), 6)

    def state(self) -> dict[str, Float64[Tensor, "..."]]:
        """Return means and inverse covariances."""
        return {"mean": self.require(self._means), "precision": self.require(self._precisions)}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> "GaussianDetector":
        """Take over what `fit` learned."""
        self._means, self._precisions = state["mean"], state["precision"]
        return self


def _precisions(centred: Float64[Tensor, "n places dim"]) -> Float64[Tensor, "places dim dim"]:
    return torch.stack([_precision(place) for place in centred.unbind(dim=1)])


def _precision(centred: Float64[Tensor, "n dim"]) -> Float64[Tensor, "dim dim"]:
    covariance = shrunk_covariance(centred)
    noise = LEAST_DEVIATION**2 * torch.eye(len(covariance), dtype=torch.float64)
    precision: Tensor = torch.linalg.inv(covariance + noise)
    return precision.contiguous()
