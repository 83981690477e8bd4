"""What any method must beat, codes that no label taught, and the ceiling.

ITQ and LSH turn embeddings into codes by the signs of a linear map. They learn it from the
training embeddings alone and apply it to any others. The ceiling ranks by the float embeddings
themselves, which codes only approximate.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from acir.codes import BITS_PER_BYTE, pack
from acir.errors import SourceError, UsageError
from acir.evaluation.cosines import cosines
from acir.evaluation.protocol import CodedSet
from acir.metrics.ties import TieGroups, chunks
from acir.ranking.base import DECIMALS

ITERATIONS = 50  # as in the paper on ITQ

Metric = Callable[[TieGroups], Float[np.ndarray, " queries"]]


@dataclass(frozen=True)
class LinearCoder:
    """A code whose bit b says on which side of hyperplane b an embedding lies.

    Attributes:
        mean: Of the training embeddings; every hyperplane goes through it.
        projection: The normal of each hyperplane.
    """

    mean: Float[np.ndarray, " dim"]
    projection: Float[np.ndarray, "dim bits"]

    def logits(self, embeddings: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n bits"]:
        """Return one number a bit, whose sign is the bit; their mean over the training set is 0."""
        found: Float[np.ndarray, "n bits"] = _centred(embeddings, self.mean) @ self.projection
        return found

    def encode(self, embeddings: Float[np.ndarray, "n dim"]) -> UInt8[np.ndarray, "n bytes"]:
        """Return packed codes."""
        return pack(self.logits(embeddings))


def fit_lsh(embeddings: Float[np.ndarray, "n dim"], bits: int, seed: int) -> LinearCoder:
    """Draw random hyperplanes through the mean (Charikar, STOC 2002).

    Two embeddings at an angle t, seen from the mean, differ in each bit with chance t / pi.

    Raises:
        SourceError: There are no embeddings.
        UsageError: The bits do not fill whole bytes.
    """
    mean = _mean(embeddings, bits)
    return LinearCoder(mean, np.random.default_rng(seed).normal(size=(len(mean), bits)))


def fit_itq(embeddings: Float[np.ndarray, "n dim"], bits: int, seed: int) -> LinearCoder:
    """Turn the principal components until they lie near the corners of the cube of codes.

    ITQ (Gong and Lazebnik, "Iterative Quantization", CVPR 2011, section 3.2), from a random
    rotation. Embeddings with fewer dimensions than bits are taken as flat in the others: the
    rotation then spreads what varies over all bits, which repeat one another as far as they must.
    Costs n dim**2 + dim**3.

    Raises:
        SourceError: There are no embeddings.
        UsageError: The bits do not fill whole bytes.
    """
    mean = _mean(embeddings, bits)
    centred = _centred(embeddings, mean)
    _, axes = np.linalg.eigh(centred.T @ centred)  # variances ascend
    axes = axes[:, ::-1][:, :bits]
    axes = np.pad(axes, ((0, 0), (0, bits - axes.shape[1])))
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(bits, bits)))
    components = centred @ axes
    for _ in range(ITERATIONS):
        rotation = better_rotation(components, rotation)
    return LinearCoder(mean, axes @ rotation)


def better_rotation(
    components: Float[np.ndarray, "n bits"], rotation: Float[np.ndarray, "bits bits"]
) -> Float[np.ndarray, "bits bits"]:
    """Do one iteration of ITQ: fix the codes, then turn the components as near as can be to them.

    The second is the orthogonal Procrustes problem: with V' B = U S W' the best rotation is U W'.
    Neither half can raise the quantisation error ||B - V R||^2, equation 2.
    """
    left, _, right = np.linalg.svd(components.T @ _signs(components @ rotation))
    better: Float[np.ndarray, "bits bits"] = left @ right
    return better


def float_ceiling(
    gallery: CodedSet, queries: CodedSet, metrics: Mapping[str, Metric]
) -> Mapping[str, Float[np.ndarray, " queries"]]:
    """Return each metric of each query where the cosine of the float embeddings ranks alone."""
    parts: dict[str, list[Float[np.ndarray, " some"]]] = {name: [] for name in metrics}
    for some in chunks(len(queries), len(gallery)):
        groups = by_cosine(
            queries.embeddings[some], queries.labels[some], gallery.embeddings, gallery.labels
        )
        for name, metric in metrics.items():
            parts[name].append(metric(groups))
    return {name: np.concatenate([np.zeros(0), *values]) for name, values in parts.items()}


def by_cosine(
    query_embeddings: Float[np.ndarray, "queries dim"],
    query_labels: Bool[np.ndarray, "queries classes"],
    gallery_embeddings: Float[np.ndarray, "n dim"],
    gallery_labels: Bool[np.ndarray, "n classes"],
) -> TieGroups:
    """Group the gallery by cosine, six decimals, highest first; empty groups fill up to n.

    A picture is relevant when it shares at least one label with the query. Memory is that of
    queries x n: give some queries at a time.

    Example:
        >>> gallery = np.array([[1.0, 0], [0, 1], [2, 0]])
        >>> by_cosine(gallery[:1], np.ones((1, 1), bool), gallery, np.ones((3, 1), bool)).sizes
        array([[2, 1, 0]])
    """
    alike = np.rint(cosines(query_embeddings, gallery_embeddings) * 10**DECIMALS).astype(np.int32)
    relevant = query_labels.astype(np.float32) @ gallery_labels.T.astype(np.float32) > 0
    # Relevance rides in the lowest bit: sorting integers alone is several times as fast as
    # finding an order and applying it.
    ranked = np.sort(-2 * alike - relevant, axis=1)
    relevant = (ranked & 1).astype(np.bool_)
    starts = np.diff(ranked + relevant, axis=1, prepend=ranked[:, :1] + relevant[:, :1]) != 0
    groups = starts.cumsum(axis=1) + np.arange(len(ranked))[:, None] * ranked.shape[1]
    sizes = np.bincount(groups.ravel(), minlength=ranked.size)
    hits = np.bincount(groups[relevant], minlength=ranked.size)
    return TieGroups(sizes.reshape(ranked.shape), hits.reshape(ranked.shape))


def _mean(embeddings: Float[np.ndarray, "n dim"], bits: int) -> Float[np.ndarray, " dim"]:
    """Return the mean in float64; refuse what no code can be learnt from."""
    if bits < 1 or bits % BITS_PER_BYTE:
        raise UsageError(f"a code of {bits} bits was asked for, expected a multiple of 8 above 0")
    if not len(embeddings):
        raise SourceError("there are no embeddings to learn a code from; give at least one")
    mean: Float[np.ndarray, " dim"] = embeddings.mean(axis=0, dtype=np.float64)
    return mean


def _centred(
    embeddings: Float[np.ndarray, "n dim"], mean: Float[np.ndarray, " dim"]
) -> Float[np.ndarray, "n dim"]:
    centred: Float[np.ndarray, "n dim"] = embeddings.astype(np.float64) - mean
    return centred


def _signs(logits: Float[np.ndarray, "n bits"]) -> Float[np.ndarray, "n bits"]:
    """Return -1 and +1, which 0 gives too, as in `acir.codes`."""
    return np.where(logits >= 0, 1.0, -1.0)
