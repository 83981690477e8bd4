"""What the runs of a comparison say, ready to be set side by side; runs become a tidy table."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Shaped

from acir.errors import UsageError

Order = Literal["hamming", "reranked"]

HAMMING: Order = "hamming"
RERANKED: Order = "reranked"
ORDERS = (HAMMING, RERANKED)
COLUMNS = ("data", "method", "bits", "seed", "order", "metric", "value")
OF_TRAINING = ("seconds", "views", "epochs", "parameters")
DONE = "done"


@dataclass(frozen=True)
class Run:
    """One run as it was recorded.

    Attributes:
        record: Its numbers.
        arrays: One row a query; empty where the run was not possible.
    """

    record: Mapping[str, Any]
    arrays: Mapping[str, Shaped[np.ndarray, "..."]]

    @property
    def is_possible(self) -> bool:
        """Whether the method could run so."""
        return bool(self.record["status"] == DONE)

    def value(self, order: Order, metric: str) -> float | None:
        """Return a mean over queries, or what else the test gave; None where there is none."""
        test = self.record["test"]
        found = (test[RERANKED] if order == RERANKED else test).get(metric)
        return None if found is None else float(found)


@dataclass(frozen=True)
class Spread:
    """Mean over seeds.

    Attributes:
        mean: Of one value a seed.
        sd: Their standard deviation with divisor n - 1; 0 for a single seed.
        n: How many seeds.
    """

    mean: float
    sd: float
    n: int

    def __str__(self) -> str:
        """Say it with three decimals."""
        return f"{self.mean:.3f} ± {self.sd:.3f}" if self.n > 1 else f"{self.mean:.3f}"


def spread(values: Sequence[float]) -> Spread:
    """Summarise one value a seed.

    Example:
        >>> str(spread([0.9, 0.92]))
        '0.910 ± 0.014'
    """
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return Spread(float(np.mean(values)), deviation, len(values))


class Results:
    """Runs by data set, method and code length.

    Args:
        runs: At most one of each data set, method, code length and seed.

    Raises:
        UsageError: Two runs on one data set used different pictures.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        self._groups: dict[tuple[str, str, int], list[Run]] = defaultdict(list)
        for run in sorted(runs, key=lambda run: int(run.record["seed"])):
            record = run.record
            self._groups[record["data"], record["method"], record["bits"]].append(run)
        _refuse_different_pictures(self.all())

    def all(self) -> list[Run]:
        """Return every run."""
        return [run for group in self._groups.values() for run in group]

    def begun(self, data: Iterable[str], bits: int) -> tuple[str, ...]:
        """Return those of some data sets that any run of a code length is recorded of."""
        names = {name for name, _, length in self._groups if length == bits}
        return tuple(name for name in data if name in names)

    def runs(self, data: str, method: str, bits: int) -> list[Run]:
        """Return the possible runs of all seeds, in order of their seeds."""
        return [run for run in self._groups.get((data, method, bits), []) if run.is_possible]

    def seeds(self, data: str, method: str, bits: int) -> tuple[int, ...]:
        """Return the seeds of the possible runs, in order."""
        return tuple(run.record["seed"] for run in self.runs(data, method, bits))

    def reason(self, data: str, method: str, bits: int) -> str | None:
        """Return why a method cannot run so, or None."""
        group = self._groups.get((data, method, bits), [])
        reasons = [str(run.record["reason"]) for run in group if not run.is_possible]
        return reasons[0] if reasons else None

    def spread(self, data: str, method: str, bits: int, order: Order, metric: str) -> Spread | None:
        """Return a metric over seeds; None where no run has it."""
        found = [run.value(order, metric) for run in self.runs(data, method, bits)]
        values = [value for value in found if value is not None]
        return spread(values) if values else None

    def scores(
        self, data: str, method: str, bits: int, order: Order, metric: str = "mAP"
    ) -> Float[np.ndarray, "seeds queries"] | None:
        """Return the score of each query with each seed; None where no run has it."""
        found = self.by_seed(data, method, bits, order, metric)
        return np.stack([*found.values()]) if found else None

    def by_seed(
        self, data: str, method: str, bits: int, order: Order, metric: str = "mAP"
    ) -> dict[int, Float[np.ndarray, " queries"]]:
        """Return the score of each query by the seed of the run, in order of the seeds."""
        key, runs = f"{order}/{metric}", self.runs(data, method, bits)
        return {run.record["seed"]: run.arrays[key] for run in runs if key in run.arrays}


@dataclass(frozen=True)
class Value:
    """One number of one run."""

    data: str
    method: str
    bits: int
    seed: int
    order: Order
    metric: str
    value: float


def tidy(runs: Iterable[Run]) -> Iterator[Value]:
    """Yield the numbers of the runs that were possible, one by one; curves are left out.

    A number inside a table of its record is called `table/number`. What belongs to no order, such
    as the seconds of the training, stands in the order `hamming`.
    """
    for run in runs:
        record = run.record
        if not run.is_possible:
            continue
        named = (record["data"], record["method"], record["bits"], record["seed"])
        orders = {HAMMING: dict(record["test"])}
        orders[RERANKED] = orders[HAMMING].pop(RERANKED)
        orders[HAMMING] |= {key: record[key] for key in OF_TRAINING}
        for order, values in orders.items():
            for metric, value in _numbers(values):
                yield Value(*named, order, metric, value)


def write_csv(path: Path, values: Iterable[Value]) -> None:
    """Write a row a number."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*vars(value).values()] for value in values)


def _numbers(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{above}{key}/")
        elif isinstance(value, int | float):
            yield f"{above}{key}", float(value)


def _refuse_different_pictures(runs: Iterable[Run]) -> None:
    seen: dict[str, Mapping[str, str]] = {}
    for run in runs:
        if run.is_possible:
            data, splits = run.record["data"], run.record["splits"]
            if seen.setdefault(data, splits) != splits:
                raise UsageError(
                    f"the runs on {data} used different pictures, so they cannot be compared; run "
                    "the whole benchmark on one version of them"
                )
