"""What refusing costs and saves: the error among answered queries against the share answered.

A query with a lower score is answered sooner. Equal scores are never split: no order of the
queries can change a value.
"""

import numpy as np
from jaxtyping import Float

MIX = 16  # known queries to one unknown, as the paper's 8,000 to 500 (arXiv 2503.09370, Fig. 5)


def risk_coverage(
    scores: Float[np.ndarray, " n"],
    losses: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"] | None = None,
) -> tuple[Float[np.ndarray, " steps"], Float[np.ndarray, " steps"]]:
    """Return the share of queries answered, and their mean loss, at each score as threshold.

    Args:
        scores: Higher is more outlying.
        losses: What an answer to each query would cost, such as 1 where it is wrong.
        weights: How often each query comes; None for equally often. Not all 0.

    Returns:
        Coverage, ascending to 1, and risk (El-Yaniv and Wiener, JMLR 11, 2010), one entry a
        distinct score.

    Raises:
        ValueError: There is no query, or a score is NaN.

    Example:
        >>> risk_coverage(np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]))
        (array([0.25, 0.75, 1.  ]), array([0.        , 0.33333333, 0.5       ]))
    """
    if not len(scores) or np.isnan(scores).any():
        raise ValueError(
            f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN; give at least one "
            "score, and leave out queries that have none"
        )
    counted = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(scores)
    last = np.append(scores[order][1:] != scores[order][:-1], True)
    answered = counted[order].cumsum()[last]
    lost = (counted * losses)[order].cumsum()[last]
    some = answered > 0  # a query that never comes opens no step
    return answered[some] / answered[-1], lost[some] / answered[some]


def aurc(
    scores: Float[np.ndarray, " n"],
    losses: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"] | None = None,
) -> float:
    """Return the area under risk over coverage, as a step function that each step ends.

    Without ties and weights it is the mean of the risks of the 1, 2, ..., n queries answered
    first (Geifman et al. 2019, arXiv 1805.08206, eq. 3); 0 is best.

    Args:
        scores: Higher is more outlying.
        losses: What an answer to each query would cost.
        weights: How often each query comes; None for equally often. Not all 0.

    Raises:
        ValueError: There is no query, or a score is NaN.

    Example:
        >>> aurc(np.array([0.0, 1.0]), np.array([0.0, 1.0]))  # (0 + 1/2) / 2
        0.25
    """
    coverage, risk = risk_coverage(scores, losses, weights)
    return float((np.diff(coverage, prepend=0.0) * risk).sum())


def silent_error_rate(known_wrong: float, unknown_answered: float, mix: float = MIX) -> float:
    """Return the share of all queries that are answered wrongly without a warning.

    Args:
        known_wrong: Share of known queries that are answered, and with the wrong class.
        unknown_answered: Share of unknown queries that are answered at all.
        mix: Known queries to one unknown, at least 0.

    Example:
        >>> round(silent_error_rate(489 / 8000, 98 / 500), 4)  # the paper's ACIR
        0.0691
    """
    return (mix * known_wrong + unknown_answered) / (mix + 1)
