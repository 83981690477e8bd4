"""Time contenders in turn, so that a noisy machine disturbs all alike: only ratios count."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

Work = Callable[[int], object]
Tick = Callable[[int], None]
Times = dict[str, list[float]]

# Calls before the one that counts. After the first, caches that take in only what falls out of
# smaller ones still hold what others read.
WARMING = 2


def interleaved(works: Mapping[str, Work], rounds: int, tick: Tick) -> Times:
    """Return the seconds of each round of each contender.

    Each call that is timed comes right after some that are not, with other queries: all find in
    the cache the codes that they themselves have read, not those of the contender before them, and
    nobody finds an answer.

    Args:
        works: Contenders by name; each is told the number of its round.
        rounds: How many.
        tick: Told of each round that is done.
    """
    times: Times = {name: [] for name in works}
    for number in range(rounds):
        for name, work in works.items():
            for ahead in range(WARMING, 0, -1):
                work(number + ahead)
            times[name].append(once(partial(work, number)))
        tick(1)
    return times


def once(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def summary(seconds: Sequence[float], share: int = 1) -> dict[str, float]:
    """Return best and median in milliseconds, a call divided among the queries that share it."""
    return {
        "best_ms": min(seconds) * 1000 / share,
        "median_ms": statistics.median(seconds) * 1000 / share,
    }


def ratios(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Return how many times as long one takes as another, by their best rounds and by medians.

    Example:
        >>> one, other = {"best_ms": 3.0, "median_ms": 8.0}, {"best_ms": 2.0, "median_ms": 2.0}
        >>> ratios(one, other)
        {'best': 1.5, 'median': 4.0}
    """
    return {
        "best": one["best_ms"] / other["best_ms"],
        "median": one["median_ms"] / other["median_ms"],
    }
