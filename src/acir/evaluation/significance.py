"""Whether a difference between two methods is more than chance. Pure numpy.

Both methods answer the same queries, so everything is paired by query; a query's score is its mean
over training seeds. A permutation test (Fisher 1935) asks whether the choice of queries explains
the difference between these very models. A bootstrap that draws queries and seeds anew (the
pigeonhole bootstrap of Owen 2007, https://arxiv.org/abs/0712.1111) says how large it is; from n
seeds it sees but (n - 1) / n of the variance between them. A test on seed means alone is no use:
with three seeds its smallest two-sided p is 0.25.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, Int64

LEVEL = 0.05
DRAWS_AT_ONCE = 2**18  # rounds x units: a chunk stays in the processor's cache
ROUNDING = 1e-12  # relative; sums that differ by less are ties
NO_PATIENT = -1


@dataclass(frozen=True)
class Paired:
    """What two methods' scores of the same queries say about their difference.

    Attributes:
        difference: Mean over queries of ours - other; positive where ours scores higher.
        low: Lower end of the 95 % bootstrap interval of the difference.
        high: Its upper end.
        p: Two-sided, of the paired permutation test; at least 1 / (1 + rounds).
        effect: Difference over the standard deviation of the queries' differences (Cohen's d_z);
            0 when all are 0, None when all are the same otherwise: they have no spread.
        queries: How many were compared.
    """

    difference: float
    low: float
    high: float
    p: float
    effect: float | None
    queries: int


@dataclass(frozen=True)
class _DataSet:
    """Scores of one data set, summed over what is drawn and flipped as one: query or patient."""

    ours: Float64[np.ndarray, "seeds units"]
    other: Float64[np.ndarray, "other_seeds units"]
    sizes: Int64[np.ndarray, " units"]
    differences: Float64[np.ndarray, " queries"]


def compare(
    ours: Float[np.ndarray, "seeds queries"],
    other: Float[np.ndarray, "other_seeds queries"],
    *,
    patients: Int[np.ndarray, " queries"] | None = None,
    rounds: int = 10_000,
    seed: int = 0,
) -> Paired:
    """Compare two methods on the queries of one data set.

    Args:
        ours: Score of each query, such as its AP, by each of our training seeds.
        other: The same of the other method, whose seeds may be more or fewer.
        patients: The patient of each query, where known: queries of one patient are no
            independent evidence, so they change sign and are drawn together.
        rounds: Sign flips, and bootstrap samples.
        seed: Of both; the same seed gives the same numbers.

    Raises:
        ValueError: A score is not finite, or there are too few or unequally many queries.

    Example:
        >>> ours, other = np.array([[0.9, 0.8, 0.7, 0.9]]), np.array([[0.5, 0.6, 0.6, 0.6]])
        >>> round(compare(ours, other).difference, 3)  # (0.4 + 0.2 + 0.1 + 0.3) / 4
        0.25
    """
    return compare_over_sets([(ours, other)], patients=[patients], rounds=rounds, seed=seed)


def compare_over_sets(
    pairs: Sequence[tuple[Float[np.ndarray, "_ _"], Float[np.ndarray, "_ _"]]],
    *,
    patients: Sequence[Int[np.ndarray, " _"] | None] | None = None,
    blocks: Sequence[int] | None = None,
    rounds: int = 10_000,
    seed: int = 0,
) -> Paired:
    """Compare two methods by the mean over data sets of their mean difference.

    Sets weigh equally, however many queries each has. Signs are flipped, and queries and seeds
    drawn, within each set; the sets themselves are taken as given, so the result speaks of these
    sets alone. The effect is the difference over the root of the mean of the sets' variances.

    Args:
        pairs: `ours` and `other` of each set; all arguments as for `compare`.
        patients: The patients of each set's queries; None where unknown.
        blocks: A number for each set, the same for sets that ask the same queries in the same
            order: these are no independent evidence, so they change sign and are drawn together.
            None where each set has its own.
        rounds: Sign flips, and bootstrap samples.
        seed: Of both.

    Raises:
        ValueError: As `compare`; or there is no set, not one entry of `patients` and `blocks` a
            set, or sets of one block do not have the same queries or patients.
    """
    patients = [None] * len(pairs) if patients is None else patients
    blocks = range(len(pairs)) if blocks is None else blocks
    if not pairs or not len(patients) == len(blocks) == len(pairs):
        raise ValueError(
            f"{len(pairs)} data sets came with {len(patients)} entries of patients and "
            f"{len(blocks)} of blocks; give at least one set, and one entry (or None) for each"
        )
    sets = [_summed(*pair, ids) for pair, ids in zip(pairs, patients, strict=True)]
    together = _together(sets, blocks)
    flips, draws = np.random.default_rng(seed).spawn(2)
    difference = float(np.mean([one.differences.mean() for one in sets]))
    resampled = np.sum([_resampled(some, rounds, draws) for some in together], axis=0) / len(sets)
    low, high = np.quantile(resampled, [LEVEL / 2, 1 - LEVEL / 2])
    return Paired(
        difference=difference,
        low=float(low),
        high=float(high),
        p=_permutation_p(together, rounds, flips),
        effect=_effect(difference, sets),
        queries=sum(len(one.differences) for one in sets),
    )


def independent(patients: Int[np.ndarray, " queries"]) -> Int[np.ndarray, " queries"] | None:
    """Return whom each query stands for: its patient or, where that is -1, the query itself.

    None where nobody is named.

    Example:
        >>> independent(np.array([0, -1, 0, -1]))
        array([0, 1, 0, 2])
    """
    unnamed = patients == NO_PATIENT
    if unnamed.all():
        return None
    numbers = patients.copy()
    numbers[unnamed] = patients.max() + 1 + np.arange(unnamed.sum())
    return numbers


def _summed(
    ours: Float[np.ndarray, "seeds ours_queries"],
    other: Float[np.ndarray, "other_seeds other_queries"],
    patients: Int[np.ndarray, " entries"] | None,
) -> _DataSet:
    queries = ours.shape[1]
    ids = np.arange(queries) if patients is None else patients
    if not other.shape[1] == len(ids) == queries:
        raise ValueError(
            f"ours has {queries} queries, the other {other.shape[1]} and {len(ids)} have a "
            "patient; give scores and patients of the same queries, in the same order"
        )
    units, unit_of, sizes = np.unique(ids, return_inverse=True, return_counts=True)
    if 0 in {len(ours), len(other)} or len(units) < 2:  # noqa: PLR2004 - one value has no spread
        raise ValueError(
            f"{len(ours)} and {len(other)} seeds on {len(units)} independent queries or patients "
            "cannot be compared; give at least one seed each and two queries or patients"
        )
    refuse_unless_finite(ours, other)

    def summed(scores: Float[np.ndarray, "n queries"]) -> Float64[np.ndarray, "n units"]:
        return np.stack([np.bincount(unit_of, row, len(units)) for row in scores])

    differences = ours.mean(axis=0, dtype=np.float64) - other.mean(axis=0, dtype=np.float64)
    return _DataSet(summed(ours), summed(other), sizes, differences)


def refuse_unless_finite(*scores: Float[np.ndarray, "..."]) -> None:
    """Refuse scores among which is an infinite one or none at all.

    Raises:
        ValueError: There is one.
    """
    bad, total = sum(int((~np.isfinite(s)).sum()) for s in scores), sum(s.size for s in scores)
    if bad:
        raise ValueError(
            f"{bad} of {total} scores are not finite; leave out what cannot be scored, such as a "
            "query without any relevant picture, for every method alike"
        )


def _together(sets: Sequence[_DataSet], blocks: Sequence[int]) -> list[list[_DataSet]]:
    """Return the sets of each block, which must have the same queries or patients."""
    found: dict[int, list[_DataSet]] = {}
    for block, one in zip(blocks, sets, strict=True):
        found.setdefault(block, []).append(one)
    for block, some in found.items():
        if any(not np.array_equal(one.sizes, some[0].sizes) for one in some):
            counts = ", ".join(f"{one.sizes.sum()} of {len(one.sizes)}" for one in some)
            raise ValueError(
                f"the sets of block {block} have other queries or patients ({counts}); give a "
                "block of its own to a set with other queries"
            )
    return list(found.values())


def _permutation_p(
    blocks: Sequence[Sequence[_DataSet]], rounds: int, rng: np.random.Generator
) -> float:
    """Return (1 + flips that give at least the difference) / (1 + flips), two-sided."""
    shares = np.concatenate([np.sum([_shares(one) for one in some], axis=0) for some in blocks])
    total = shares.sum()
    as_large = abs(total) - ROUNDING * abs(shares).sum()
    count = 0
    for some in _chunks(rounds, len(shares)):
        heads = rng.integers(0, 2, (some, len(shares)), dtype=np.int8)
        count += int((abs(2 * (heads @ shares) - total) >= as_large).sum())
    return (1 + count) / (1 + rounds)


def _shares(one: _DataSet) -> Float64[np.ndarray, " units"]:
    """Return what each query or patient adds to the mean difference of its set."""
    gained = one.ours.mean(axis=0) - one.other.mean(axis=0)
    shares: Float64[np.ndarray, " units"] = gained / one.sizes.sum()
    return shares


def _resampled(
    block: Sequence[_DataSet], rounds: int, rng: np.random.Generator
) -> Float64[np.ndarray, " rounds"]:
    """Return the sum of the sets' differences on queries or patients and seeds drawn anew."""
    parts, count = [], len(block[0].sizes)
    for some in _chunks(rounds, count):
        units = _times_drawn(some, count, rng)
        parts.append(np.sum([_difference(one, units, rng) for one in block], axis=0))
    return np.concatenate(parts)


def _difference(
    one: _DataSet, units: Float64[np.ndarray, "rounds units"], rng: np.random.Generator
) -> Float64[np.ndarray, " rounds"]:
    """Return the difference on units that were drawn so often, and on seeds drawn anew."""
    scores = np.concatenate([one.ours / len(one.ours), -one.other / len(one.other)])
    seeds = [_times_drawn(len(units), len(each), rng) for each in (one.ours, one.other)]
    sums = (units @ scores.T * np.concatenate(seeds, axis=1)).sum(axis=1)
    means: Float64[np.ndarray, " rounds"] = sums / (units @ one.sizes)
    return means


def _times_drawn(
    rounds: int, n: int, rng: np.random.Generator
) -> Float64[np.ndarray, "{rounds} {n}"]:
    """Return how often each of n comes up in n draws, every round anew."""
    drawn = rng.integers(0, n, (rounds, n)) + n * np.arange(rounds)[:, None]
    return np.bincount(drawn.ravel(), minlength=rounds * n).reshape(rounds, n).astype(np.float64)


def _chunks(rounds: int, units: int) -> Iterator[int]:
    """Cut rounds into numbers that are worked on at once."""
    step = max(1, DRAWS_AT_ONCE // units)
    for start in range(0, rounds, step):
        yield min(step, rounds - start)


def _effect(difference: float, sets: Sequence[_DataSet]) -> float | None:
    spread = math.sqrt(np.mean([one.differences.var(ddof=1) for one in sets]))
    if spread > ROUNDING * abs(difference):
        return difference / spread
    return None if difference else 0.0
