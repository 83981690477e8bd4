"""Our method against each peer: paired tests, corrected for how many are made at once.

Three contrasts are drawn: codes against codes, re-ranked against re-ranked (every peer gets the
re-ranking too), and ours re-ranked against a peer's codes, which is what either product shows. The
correction of Holm spans all peers, data sets and code lengths of a contrast; for the mean over the
data sets, all peers and code lengths.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import chain

import numpy as np
from jaxtyping import Float, Int

from acir.evaluation.claims import Wording, holm, relative_error_cut, said
from acir.evaluation.comparison import HAMMING, RERANKED, Order, Results
from acir.evaluation.mean_ranks import MeanRanks, mean_ranks
from acir.evaluation.significance import Paired, compare_over_sets, independent

LEAST_SETS = 2  # of one alone, the mean would say the same again
LEAST_BLOCKS, LEAST_METHODS = 2, 3  # below, no mean rank is tested

Scores = Float[np.ndarray, "_ _"]  # a row a seed, a column a query; each data set has its own


@dataclass(frozen=True)
class Contrast:
    """Which order of ours is set against which order of a peer."""

    ours: Order
    other: Order

    def __str__(self) -> str:
        """Say it in words."""
        words = {HAMMING: "in Hamming order", RERANKED: "re-ranked"}
        return f"Ours {words[self.ours]} against the others {words[self.other]}"


CONTRASTS = (
    Contrast(HAMMING, HAMMING),
    Contrast(RERANKED, RERANKED),
    Contrast(RERANKED, HAMMING),
)


@dataclass(frozen=True)
class Scope:
    """What is compared: names in the order of the benchmark.

    Attributes:
        ours: Our method.
        peers: The others.
        data: The data sets.
        bits: The code lengths.
        sources: The SOURCE of each data set.
        blocks: The data sets again, those of one source or of the same patients together.
    """

    ours: str
    peers: tuple[str, ...]
    data: tuple[str, ...]
    bits: tuple[int, ...]
    sources: tuple[str, ...]
    blocks: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Outcome:
    """Our method against one peer.

    Attributes:
        contrast: In which orders.
        data: The data set; empty for the mean over all.
        bits: The code length.
        peer: The peer.
        paired: Difference in mAP, interval, p and effect.
        adjusted_p: After Holm.
        error_cut: Share by which our error 1 - mAP is below the peer's; None where that has none.
        verdict: `better`, `worse` or `no difference shown`.
        key: What it was computed from.
    """

    contrast: Contrast
    data: str
    bits: int
    peer: str
    paired: Paired
    adjusted_p: float
    error_cut: float | None
    verdict: Wording
    key: str


def outcomes(
    results: Results,
    scope: Scope,
    contrast: Contrast,
    known: Mapping[str, Paired],
    done: Callable[[int], None],
) -> list[Outcome]:
    """Compare with every peer on every data set and on their mean, at every code length.

    What a method cannot do or has not done yet is left out; the mean takes all data sets that have
    begun at that code length or none, and wants at least two. Of each method it takes the seeds
    that all of them have.

    Args:
        results: The runs.
        scope: What is compared.
        contrast: In which orders.
        known: Earlier results by key, which save the time of doing them again.
        done: Called with 1 after each comparison.
    """
    families: list[list[tuple[str, ...]]] = [[(name,) for name in scope.data]]
    if len(scope.data) > 1:  # else the mean would say the same again
        families.append([scope.data])
    found = []
    for family in families:
        pairs = list(_pairs(results, scope, contrast, family))
        tested = []
        for pair in pairs:
            tested.append(known.get(pair.key) or pair.tested())
            done(1)
        adjusted = holm(np.array([paired.p for paired in tested]))
        found += [
            pair.outcome(contrast, paired, float(p))
            for pair, paired, p in zip(pairs, tested, adjusted, strict=True)
        ]
    return found


def ranked(
    results: Results, scope: Scope, order: Order
) -> tuple[tuple[str, ...], MeanRanks] | None:
    """Rank the methods that could run everywhere; a block is what comes of the same patients.

    A method's score in a block is the mean over its data sets and code lengths of the mean over
    those seeds that all ranked methods have there: where a run is missing, none is judged by a
    seed that another has not had. Lengths are no blocks of their own, nor is a sub-sample or
    another view of the same patients: what favours a method in one favours it in all. What has not
    begun does not count.
    None where such methods are fewer than three or blocks than two, or have no seed in common.
    """
    begun = [
        [(data, bits) for bits in scope.bits for data in results.begun(block, bits)]
        for block in scope.blocks
    ]
    begun = [parts for parts in begun if parts]
    methods = tuple(
        name
        for name in (scope.ours, *scope.peers)
        if all(results.spread(data, name, bits, order, "mAP") for data, bits in chain(*begun))
    )
    if len(begun) < LEAST_BLOCKS or len(methods) < LEAST_METHODS:
        return None
    blocks = []
    for parts in begun:
        found = [_on_shared_seeds(results, data, methods, bits, order) for data, bits in parts]
        if not all(found):
            return None
        blocks.append(np.mean(found, axis=0))
    return methods, mean_ranks(np.array(blocks))


@dataclass(frozen=True)
class _Pair:
    """The scores of our method and of a peer on some data sets, a row a seed."""

    data: tuple[str, ...]
    bits: int
    peer: str
    ours: tuple[Scores, ...]
    other: tuple[Scores, ...]
    patients: tuple[Int[np.ndarray, " _"] | None, ...]
    blocks: tuple[int, ...]

    @cached_property
    def key(self) -> str:
        """Hash of the scores: a run keeps its name when the program that made it has changed."""
        digest = sha256()
        if len(set(self.blocks)) < len(self.blocks):
            digest.update(f"{self.blocks} ".encode())
        for part in (*self.ours, *self.other, *self.patients):
            if part is not None:
                digest.update(f"{part.shape} {part.dtype.str} ".encode())
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]

    def tested(self) -> Paired:
        pairs = list(zip(self.ours, self.other, strict=True))
        return compare_over_sets(pairs, patients=self.patients, blocks=self.blocks)

    def outcome(self, contrast: Contrast, paired: Paired, adjusted_p: float) -> Outcome:
        ours, other = _by_seed(self.ours), _by_seed(self.other)
        return Outcome(
            contrast=contrast,
            data=self.data[0] if len(self.data) == 1 else "",
            bits=self.bits,
            peer=self.peer,
            paired=paired,
            adjusted_p=adjusted_p,
            error_cut=relative_error_cut(float(np.mean(ours)), float(np.mean(other))),
            verdict=said(paired, adjusted_p, ours, other),
            key=self.key,
        )


def _pairs(
    results: Results, scope: Scope, contrast: Contrast, family: Sequence[tuple[str, ...]]
) -> Iterator[_Pair]:
    for sets in family:
        for bits in scope.bits:
            data = results.begun(sets, bits)
            if len(data) < min(len(sets), LEAST_SETS):
                continue
            for peer in scope.peers:
                ours = _with_shared_seeds(results, data, scope.ours, bits, contrast.ours)
                other = _with_shared_seeds(results, data, peer, bits, contrast.other)
                if ours and other:
                    yield _Pair(
                        data=data,
                        bits=bits,
                        peer=peer,
                        ours=ours,
                        other=other,
                        patients=tuple(_patients(results, d, scope.ours, bits) for d in data),
                        blocks=_asked_alike(results, scope, data, bits),
                    )


def _with_shared_seeds(
    results: Results, data: Sequence[str], method: str, bits: int, order: Order
) -> tuple[Scores, ...]:
    """Return the scores on each data set with those seeds that all of them have; else nothing."""
    found = [results.by_seed(name, method, bits, order) for name in data]
    seeds = sorted(set[int].intersection(*map(set, found)))
    return tuple(np.stack([one[seed] for seed in seeds]) for one in found) if seeds else ()


def _by_seed(sets: Sequence[Scores]) -> list[float]:
    """Return the mAP with each seed, the mean over the data sets."""
    found: list[float] = np.mean([one.mean(axis=1) for one in sets], axis=0).tolist()
    return found


def _patients(results: Results, data: str, method: str, bits: int) -> Int[np.ndarray, " _"] | None:
    """Return whom the queries stand for; see `independent`."""
    return independent(results.runs(data, method, bits)[0].arrays["patient"])


def _asked_alike(results: Results, scope: Scope, data: Sequence[str], bits: int) -> tuple[int, ...]:
    """Return a number for each data set, the same where the queries are the same pictures.

    A sub-sample thins out the training pictures of its source, not those that ask.
    """
    queries = [
        (
            scope.sources[scope.data.index(name)],
            results.runs(name, scope.ours, bits)[0].arrays["row"].tolist(),
        )
        for name in data
    ]
    return tuple(map(queries.index, queries))


def _on_shared_seeds(
    results: Results, data: str, methods: Sequence[str], bits: int, order: Order
) -> list[float]:
    """Return the mAP of each method, the mean over the seeds that all have; else nothing."""
    found = [
        {
            run.record["seed"]: value
            for run in results.runs(data, name, bits)
            if (value := run.value(order, "mAP")) is not None
        }
        for name in methods
    ]
    seeds = set[int].intersection(*map(set, found))
    return [float(np.mean([one[seed] for seed in seeds])) for one in found] if seeds else []
