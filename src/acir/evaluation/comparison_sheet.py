"""The sheet that all sections of a comparison's report are written from."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from acir.evaluation.benchmark import Benchmark, DataSet, Floor, Method
from acir.evaluation.comparison import Order, Results, Spread, spread
from acir.evaluation.contrasts import LEAST_SETS

MISSING, IMPOSSIBLE, UNDEFINED = "missing", "not possible", "-"


@dataclass(frozen=True)
class Sheet:
    """Where a report's numbers come from.

    Attributes:
        whole: What is to be compared.
        results: The runs there are.
    """

    whole: Benchmark
    results: Results

    @cached_property
    def benchmark(self) -> Benchmark:
        """What is shown: the data sets and code lengths that have any run; with none, all."""
        records = [run.record for run in self.results.all()]
        names, lengths = ({record[key] for record in records} for key in ("data", "bits"))
        return replace(
            self.whole,
            data=tuple(d for d in self.whole.data if d.name in names) or self.whole.data,
            bits=tuple(b for b in self.whole.bits if b in lengths) or self.whole.bits,
        )

    @property
    def titles(self) -> dict[str, str]:
        """What people call methods, floors and data sets."""
        named: list[DataSet | Method | Floor] = [
            *self.benchmark.data,
            *self.benchmark.method,
            *self.benchmark.floor,
        ]
        return {one.name: one.title or one.name for one in named}

    @property
    def methods(self) -> list[str]:
        """Names of the methods, ours first."""
        names = [method.name for method in self.benchmark.method]
        return sorted(names, key=lambda name: name != self.benchmark.ours)

    @property
    def rows(self) -> list[str]:
        """Names of the methods, ours first, then of floors and ceiling."""
        return [*self.methods, *(floor.name for floor in self.benchmark.floor)]

    @property
    def blocks(self) -> tuple[tuple[str, ...], ...]:
        """Names of the data sets, those of one source or of the same patients together."""
        sets = self.benchmark.data
        block_of = list(range(len(sets)))
        for (one, first), (other, second) in combinations(enumerate(sets), 2):
            if first.shares_patients_with(second):
                kept, joined = block_of[one], block_of[other]
                block_of = [kept if block == joined else block for block in block_of]
        blocks: dict[int, list[str]] = {}
        for block, data in zip(block_of, sets, strict=True):
            blocks.setdefault(block, []).append(data.name)
        return tuple(map(tuple, blocks.values()))

    def averaged(self, bits: int) -> tuple[str, ...]:
        """Return the data sets whose mean is shown at a code length."""
        return self.results.begun((data.name for data in self.benchmark.data), bits)

    @property
    def averages(self) -> str:
        """Say which data sets the means are of, and at which code lengths where these differ."""
        lengths: dict[tuple[str, ...], list[int]] = {}
        for bits in self.benchmark.bits:
            lengths.setdefault(self.averaged(bits), []).append(bits)
        named = {
            ", ".join(self.titles[name] for name in sets): " and ".join(map(str, bits))
            for sets, bits in lengths.items()
        }
        if len(named) == 1:
            return next(iter(named))
        return "; ".join(f"{bits} bits: {names}" for names, bits in named.items())

    def over_sets(self, method: str, bits: int, order: Order, metric: str = "mAP") -> Spread | None:
        """Return a metric's mean over the data sets, over those seeds that all of them have.

        The data sets are those that have begun at that code length, at least two.
        """
        columns: list[dict[int, float]] = []
        for data in self.averaged(bits):
            values = (
                (run.record["seed"], run.value(order, metric))
                for run in self.results.runs(data, method, bits)
            )
            columns.append({seed: value for seed, value in values if value is not None})
        if len(columns) < LEAST_SETS:
            return None
        seeds = sorted(set[int].intersection(*map(set, columns)))
        means = [float(np.mean([column[seed] for column in columns])) for seed in seeds]
        return spread(means) if means else None

    def cell(self, data: str, method: str, bits: int, order: Order, metric: str = "mAP") -> str:
        """Say a metric, or why there is none."""
        found = self.results.spread(data, method, bits, order, metric)
        if found is not None:
            return str(found)
        if self.results.reason(data, method, bits) is not None:
            return IMPOSSIBLE
        return UNDEFINED if self.results.runs(data, method, bits) else MISSING
