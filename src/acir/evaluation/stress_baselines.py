"""What the gate is compared with: published scores, one global threshold each.

Every score is higher where a picture is more outlying, and none looks at labels. All of them read
what the gate itself reads, so that no difference comes from another network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.special import logsumexp  # type: ignore[import-untyped]
from sklearn.covariance import ledoit_wolf

from acir import codes

NEIGHBOURS = 5
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "reconstruction": "reconstruction error, L2 (ACIR as published)",
        "hamming": "Hamming distance to the nearest code (as CSQ)",
        "msp": "largest class probability (MSP)",
        "knn": "nearest neighbours (KNN)",
        "vim": "virtual logit (ViM)",
        "mahalanobis": "Mahalanobis distance",
    }
)


@dataclass(frozen=True)
class Traits:
    """What the baselines look at.

    Attributes:
        errors: Root mean square of each picture's reconstruction residual.
        blended: Blended features, unit length.
        logits: Hash logits.
        class_logits: Output of the class head.
    """

    errors: Float64[np.ndarray, " n"]
    blended: Float32[np.ndarray, "n dim"]
    logits: Float32[np.ndarray, "n bits"]
    class_logits: Float32[np.ndarray, "n classes"]

    @staticmethod
    def concatenate(parts: list["Traits"]) -> "Traits":
        """Join the traits of several batches."""
        names = [f.name for f in fields(Traits)]
        return Traits(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


Scorer = Callable[[Traits], Float64[np.ndarray, " n"]]


def fit(seen: Traits, *, decoder: bool) -> dict[str, Scorer]:
    """Learn every baseline from training pictures.

    Args:
        seen: Of the training pictures.
        decoder: Whether there is one; without it nothing is reconstructed.
    """
    fitted: dict[str, Scorer] = {"reconstruction": lambda asked: asked.errors} if decoder else {}
    return fitted | {
        "hamming": _hamming(seen),
        "msp": _improbability,
        "knn": _knn(seen),
        "vim": _vim(seen),
        "mahalanobis": _mahalanobis(seen),
    }


def _hamming(seen: Traits) -> Scorer:
    """The distance to the nearest training code in bits; CSQ's own codes lie at its centres."""
    known = np.unique(codes.pack(seen.logits), axis=0)

    def score(asked: Traits) -> Float64[np.ndarray, " n"]:
        nearest = codes.hamming(codes.pack(asked.logits), known).min(axis=1)
        return np.asarray(nearest, np.float64)

    return score


def _improbability(asked: Traits) -> Float64[np.ndarray, " n"]:
    """1 less the largest class probability (Hendrycks and Gimpel 2017, arXiv 1610.02136).

    In logarithms and summed over the other classes, of which a model has one at least: so sure
    pictures stay in order.
    """
    ordered = np.sort(asked.class_logits.astype(np.float64), axis=1)
    others, all_classes = logsumexp(ordered[:, :-1], axis=1), logsumexp(ordered, axis=1)
    improbability: Float64[np.ndarray, " n"] = others - all_classes
    return improbability


def _knn(seen: Traits) -> Scorer:
    """The cosine distance to the k-th nearest training picture (Sun et al., arXiv 2204.06507)."""
    kth = min(NEIGHBOURS, len(seen.blended))

    def score(asked: Traits) -> Float64[np.ndarray, " n"]:
        cosines = asked.blended @ seen.blended.T
        return 1 - np.partition(cosines, -kth, axis=1)[:, -kth].astype(np.float64)

    return score


def _vim(seen: Traits) -> Scorer:
    r"""The virtual logit less the energy (Wang et al. 2022, arXiv 2203.10807, eq. 7).

    $\alpha \lVert z^{P^\perp} \rVert - \log \sum_k e^{l_k}$, which orders as the probability of
    the virtual class. The features are centred on their mean, because the class head does not read
    them and has no origin there; the principal space has half their dimensions.
    """
    mean = seen.blended.mean(axis=0, dtype=np.float64)
    offsets = seen.blended - mean
    _, vectors = np.linalg.eigh(offsets.T @ offsets)  # the largest come last
    outside = vectors[:, : len(mean) - len(mean) // 2]
    norms = np.linalg.norm(offsets @ outside, axis=1)
    alpha = seen.class_logits.max(axis=1).mean(dtype=np.float64) / max(norms.mean(), 1e-12)

    def score(asked: Traits) -> Float64[np.ndarray, " n"]:
        virtual = alpha * np.linalg.norm((asked.blended - mean) @ outside, axis=1)
        energy = logsumexp(asked.class_logits.astype(np.float64), axis=1)
        return np.asarray(virtual - energy)

    return score


def _mahalanobis(seen: Traits) -> Scorer:
    """The squared distance to the nearest class (Lee et al. 2018, arXiv 1807.03888, eq. 2).

    The class of a training picture is the predicted one; the covariance that the classes share is
    shrunk after Ledoit and Wolf.
    """
    samples = seen.blended.astype(np.float64)
    classes, members = np.unique(seen.class_logits.argmax(axis=1), return_inverse=True)
    centres = np.stack([samples[members == k].mean(axis=0) for k in range(len(classes))])
    covariance, _ = ledoit_wolf(samples - centres[members], assume_centered=True)
    precision = np.linalg.pinv(covariance, hermitian=True)

    def score(asked: Traits) -> Float64[np.ndarray, " n"]:
        each = [_squared(asked.blended - centre, precision) for centre in centres]
        return np.asarray(np.min(each, axis=0))

    return score


def _squared(
    gaps: Float[np.ndarray, "n dim"], precision: Float64[np.ndarray, "dim dim"]
) -> Float64[np.ndarray, " n"]:
    squared: Float64[np.ndarray, " n"] = ((gaps @ precision) * gaps).sum(axis=1)
    return squared
