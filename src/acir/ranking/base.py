"""The contract of a ranker, the order and similarity that all of them share, and their evidence."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float16, Int, Real, Shaped

from acir.types import Ranking

DECIMALS = 6
Keys = tuple[Real[np.ndarray, " n"], ...]


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures that a ranker learns from.

    Attributes:
        bits: Length of the codes.
        distances: Hamming distance of the two codes, 0 to `bits`.
        cosines: Cosine of the two embeddings, in [-1, 1].
        same: Whether the two share a class.
    """

    bits: int
    distances: Int[np.ndarray, " pairs"]
    cosines: Float[np.ndarray, " pairs"]
    same: Bool[np.ndarray, " pairs"]


@dataclass(frozen=True)
class Ranker(ABC):
    """Order the candidates of a query; never add or drop one.

    The order is total: it ends with the row, hence the id. The same pair has the same similarity
    in any shortlist. Similarities lie in [0, 1] and never increase down the ranking: the keys of a
    ranker agree with its log-odds.

    Fields are what `fit` learned, keywords of the constructor.
    """

    @classmethod
    @abstractmethod
    def fit(cls, pairs: Pairs) -> "Ranker":
        """Learn when two pictures share a class.

        Defined for pairs that are all alike, as in a degenerate validation set, and for none.
        """

    @abstractmethod
    def log_odds(self, candidates: Ranking) -> Float[np.ndarray, " n"]:
        """Return a score a candidate: the log-odds of sharing the query's class."""

    @abstractmethod
    def keys(self, candidates: Ranking, scores: Float[np.ndarray, " n"]) -> Keys:
        """Return what the order goes by, the first key first; smaller is better.

        Args:
            candidates: What is ordered.
            scores: Their log-odds, in six decimals.
        """

    def config(self) -> Mapping[str, float | int]:
        """Return the constructor's keywords as plain numbers."""
        return asdict(self)

    def rank(self, candidates: Ranking) -> Ranking:
        """Return the candidates by (keys, row), with the probabilities of their log-odds."""
        scores = self.log_odds(candidates).round(DECIMALS)
        ranked = replace(candidates, similarities=probability(scores))
        return ranked.take(_order(candidates, self.keys(candidates, scores)))

    def tied(self, candidates: Ranking) -> tuple[Int[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
        """Return the rows as `rank` orders them, and which of them begin a group of ties.

        Within a group the keys are the same, so that the row alone decides.
        """
        keys = self.keys(candidates, self.log_odds(candidates).round(DECIMALS))
        order = _order(candidates, keys)
        differs = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
        return candidates.rows[order], np.append(np.ones(min(1, len(order)), np.bool_), differs)


def _order(candidates: Ranking, keys: Keys) -> Int[np.ndarray, " n"]:
    return np.lexsort((candidates.rows, *reversed(keys)))


def unranked(
    rows: Int[np.ndarray, " n"],
    distances: Int[np.ndarray, " n"],
    cosines: Float[np.ndarray, " n"],
) -> Ranking:
    """Return candidates as a ranker is given them: what it makes of them is not a number yet."""
    return Ranking(rows, distances, cosines, np.full(len(rows), np.nan))


def cosine(
    query: Float16[np.ndarray, " dim"], embeddings: Float16[np.ndarray, "n dim"]
) -> Float[np.ndarray, " n"]:
    """Return the cosine of two embeddings, the same for the same pair on any machine.

    float16 products are exact in float64 and the cosine is rounded to six decimals, so neither
    the size of the shortlist nor the machine's vector width shows. The lengths are divided out
    once more: unit vectors lose theirs in float16, and a picture would not be its own nearest.
    The cosine with a vector of zeros is 0.

    Example:
        >>> q = np.array([0.6, 0.8], dtype=np.float16)
        >>> cosine(q, np.array([[0.6, 0.8], [0.8, -0.6]], dtype=np.float16))
        array([1., 0.])
    """
    wide, other = embeddings.astype(np.float64), query.astype(np.float64)
    products = np.einsum("ij,j->i", wide, other)
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide) * np.einsum("j,j->", other, other))
    cosines: Float[np.ndarray, " n"] = np.divide(
        products, lengths, out=np.zeros_like(products), where=lengths > 0
    )
    return cosines.round(DECIMALS)


def nearness(distances: Shaped[np.ndarray, " n"], bits: int) -> Float[np.ndarray, " n"]:
    """Put Hamming distances on the scale of a cosine: it is that of the two codes as -1 and +1."""
    return 1 - 2 * distances.astype(np.float64) / bits


def probability(scores: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Turn log-odds into probabilities of six decimals; a larger score never gets a smaller one.

    Scores count with six decimals: two that still differ then differ by more than any error of
    the exponential at the edge where a probability is rounded.
    """
    bounded = np.clip(scores.round(DECIMALS), -50, 50)
    shares: Float[np.ndarray, " n"] = 1 / (1 + np.exp(-bounded))
    return shares.round(DECIMALS)


def fit_log_odds(
    evidence: Float[np.ndarray, "pairs kinds"], same: Bool[np.ndarray, " pairs"]
) -> tuple[float, Float[np.ndarray, " kinds"]]:
    """Fit log-odds of sharing a class that never fall when any kind of evidence grows.

    Logistic regression with scikit-learn's unit L2 penalty. Evidence whose weight comes out
    negative is left out and the rest fitted again. Two pairs that nobody doubts are added, one
    fully alike (same) and one fully opposed (different), so that the fit exists for any pairs.

    Args:
        evidence: One column a kind, in [-1, 1]; larger means more alike.
        same: Whether the two pictures of a pair share a class.

    Returns:
        The intercept, and a weight of at least 0 for each kind.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a query never fits

    kinds = evidence.shape[1]
    columns = np.vstack([evidence, np.ones(kinds), -np.ones(kinds)])
    target = np.append(same, [True, False])
    kept = np.ones(kinds, dtype=bool)
    while True:
        # A column of zeros keeps the weight 0, because only the penalty sees it.
        model = LogisticRegression(tol=1e-6, max_iter=1000).fit(columns * kept, target)
        weights: Float[np.ndarray, " kinds"] = np.asarray(model.coef_[0], dtype=np.float64)
        if (weights >= 0).all():
            return float(model.intercept_[0]), weights
        kept[weights.argmin()] = False
