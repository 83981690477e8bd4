"""`acir bench index`: measure, go on where an earlier call stopped, and write the report."""

import gc
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from acir import registry
from acir.bench import plan as plans
from acir.bench import report, scale, searching, storing
from acir.bench.conditions import conditions
from acir.bench.drawn import Drawn, draw
from acir.bench.harness import Tick
from acir.bench.plan import Gallery, Plan, Stored
from acir.bundle import load_bundle
from acir.errors import ComponentError, UsageError, suggestion
from acir.evaluation.growth_figure import growth
from acir.index import engines
from acir.sources.base import SourceOptions
from acir.tables import plain
from acir.types import Progress, silent
from acir.workflows import records
from acir.workflows.coding import Coder
from acir.workflows.destination import refuse_unwritable

REAL_ROUNDS, REAL_BATCHES = 25, 3
Say = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """One case: what decides its result, what does the work, and in how many steps."""

    name: str
    decided_by: Mapping[str, Any]
    measure: Callable[[Tick], dict[str, Any]]
    steps: int


@dataclass(frozen=True)
class RealCodes:
    """Pictures whose codes are measured too.

    Attributes:
        model: Folder of the bundle that encodes them.
        data: SOURCE of the pictures.
    """

    model: Path
    data: str


def bench_index(
    path: Path,
    out: Path,
    *,
    real: RealCodes | None = None,
    servers: Mapping[str, str] | None = None,
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> Path:
    """Measure all cases of a benchmark file and return the report.

    A case whose result is there, with the same settings, is not measured again.

    Args:
        path: The benchmark, a `.toml` file.
        out: Folder of the results.
        real: Codes of pictures, measured beside the drawn ones.
        servers: Addresses by engine, for those that need one.
        progress: Shows how far a case is.
        say: Takes a line for a person.

    Raises:
        UsageError: The benchmark, the bundle, the source, the folder or the name of an engine is
            wrong.
        StorageError: The folder cannot be written.
    """
    plan = plans.load(path)
    refuse_unwritable(out)
    _check_engines([*(servers or {}), *(name for g in plan.gallery for name in g.leave_out)])
    bench = _Bench(plan, out, dict(servers or {}), progress, say)
    cases = [*map(bench.gallery, plan.gallery), *map(bench.store, plan.store)]
    if real is not None:
        cases.append(bench.real(real))
    out.mkdir(parents=True, exist_ok=True)
    results = {"title": plan.title, "k": plan.k, "cases": {c.name: bench.result(c) for c in cases}}
    return write(results, plan, out)


def _check_engines(names: Sequence[str]) -> None:
    known = registry.names(engines.FAMILY)
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no engine {name!r}; there are {', '.join(known)}."
                f"{suggestion(name, known)}"
            )


def write(results: Mapping[str, Any], plan: Plan, out: Path) -> Path:
    """Write results, report, figure and the plan for a larger gallery; return the report."""
    records.write(out / "results.json", results)
    (out / "growth.svg").write_bytes(growth(curves(results, plan.growth.bits)))
    larger = scale.page(results, plan.growth)
    if larger is not None:
        (out / "scale.md").write_text(larger, encoding="utf-8")
    (out / "report.md").write_text(report.page(results), encoding="utf-8")
    return out / "report.md"


def curves(results: Mapping[str, Any], bits: int) -> dict[str, list[tuple[int, float]]]:
    """Return the best times of a query against the rows of clustered galleries, by contender."""
    found: dict[str, list[tuple[int, float]]] = {}
    for name, case in results["cases"].items():
        if name.startswith("clustered") and case["bits"] == bits:
            for contender, figure in case["figures"].items():
                engine, _, task = contender.rpartition(" ")
                if task == "knn" or contender in report.REFERENCES:
                    points = found.setdefault(engine if task == "knn" else contender, [])
                    points.append((case["rows"], figure["best_ms"]))
    return found


@dataclass(frozen=True)
class _Bench:
    plan: Plan
    out: Path
    servers: Mapping[str, str]
    progress: Progress
    say: Say

    def gallery(self, asked: Gallery) -> Case:
        seed, queries = self.plan.seed, self.plan.queries
        drawn = partial(draw, asked.codes, asked.rows, asked.bits, queries, seed)
        rounds = searching.Rounds(self.plan.k, asked.rounds, asked.batch, asked.batch_rounds)
        return self._searched(asked.name, plain(asked), rounds, drawn, asked.leave_out)

    def real(self, asked: RealCodes) -> Case:
        """Encode pictures; as many as there are queries leave the gallery and are asked for."""
        bundle = load_bundle(asked.model)
        coder = Coder(bundle, SourceOptions(), self.progress, self.say)
        codes = coder.known(asked.data).pictures.codes
        order = np.random.default_rng(self.plan.seed).permutation(len(codes))
        count = min(self.plan.queries, len(codes) // 2)
        if count < searching.CHECKED:
            raise UsageError(
                f"{asked.data} has {len(codes)} pictures, expected at least "
                f"{2 * searching.CHECKED}; give more, or leave --model and --data out"
            )
        gallery, queries = np.sort(order[count:]), order[:count]
        drawn = Drawn(codes[gallery], codes[queries], np.zeros(len(gallery), np.int64))
        rounds = searching.Rounds(self.plan.k, REAL_ROUNDS, count, REAL_BATCHES)
        decided_by = {"model": bundle.id, "data": asked.data}
        name = f"real-{drawn.codes.shape[0]}x{drawn.bits}"
        return self._searched(name, decided_by, rounds, lambda: drawn)

    def store(self, asked: Stored) -> Case:
        sizes = storing.Sizes(asked.dim, asked.engine, asked.rounds, self.plan.k)

        def measure(tick: Tick) -> dict[str, Any]:
            drawn = draw("clustered", asked.rows, asked.bits, self.plan.queries, self.plan.seed)
            with TemporaryDirectory(dir=self.out) as folder:
                return storing.measure(Path(folder) / "index", drawn, sizes, self.plan.seed, tick)

        return Case(asked.name, self._decided_by(plain(asked)), measure, asked.rounds + 2)

    def result(self, case: Case) -> dict[str, Any]:
        """Return the result of a case, measured now or before."""
        path = self.out / "cases" / f"{case.name}.json"
        found = records.read(path)
        if found is not None and found["decided_by"] == case.decided_by:
            self.say(f"{case.name} is measured already")
            return found
        # Else a collection among all that is loaded, 0.1 s long, counts for what it falls into.
        gc.freeze()
        with self.progress(case.name, case.steps) as tick:
            measured = {"decided_by": case.decided_by, "conditions": conditions()}
            measured |= case.measure(tick)
        records.write(path, measured)
        return measured

    def _searched(
        self,
        name: str,
        settings: Mapping[str, Any],
        rounds: searching.Rounds,
        drawn: Callable[[], Drawn],
        leave_out: Sequence[str] = (),
    ) -> Case:
        def measure(tick: Tick) -> dict[str, Any]:
            codes = drawn()
            with ExitStack() as opened:
                built = self._built(codes, leave_out, opened)
                return searching.measure(built, codes, rounds, self.plan.seed, tick)

        steps = rounds.single + rounds.batches
        return Case(name, self._decided_by(settings), measure, steps)

    def _built(
        self, codes: Drawn, leave_out: Sequence[str], opened: ExitStack
    ) -> dict[str, searching.Built]:
        """Build every engine that this machine can run; each is closed with `opened`."""
        built: dict[str, searching.Built] = {}
        for name in registry.names(engines.FAMILY):
            if name not in leave_out:
                try:
                    built[name] = searching.build(name, codes, self.servers.get(name))
                except ComponentError as error:
                    self.say(f"left out: {error}")
                else:
                    opened.callback(built[name].engine.close)
        return built

    def _decided_by(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        shared = {"k": self.plan.k, "queries": self.plan.queries, "seed": self.plan.seed}
        servers = sorted(self.servers)
        # As JSON gives it back.
        again: dict[str, Any] = json.loads(json.dumps({**settings, **shared, "servers": servers}))
        return again
