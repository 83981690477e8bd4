"""`acir compare`: methods x data sets x code lengths x seeds, under the same conditions for all."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from acir import recipe as recipes
from acir.evaluation import benchmark as benchmarks
from acir.evaluation import benchmark_file
from acir.evaluation.benchmark import NOTHING, Benchmark, DataSet, Method
from acir.types import Progress, silent
from acir.workflows import records
from acir.workflows.calibrate import require_ranker
from acir.workflows.comparing.contest import Entry, Place, run
from acir.workflows.comparing.keys import run_key
from acir.workflows.comparing.pictures import digests, keep_exam, keep_lessons
from acir.workflows.comparing.processes import Work, carry_out, threads_each
from acir.workflows.comparing.report import write_report
from acir.workflows.comparing.tuning import Choices, tunings
from acir.workflows.destination import refuse_not_utf8, refuse_unwritable
from acir.workflows.learning import Say, loss_for

log = logging.getLogger("acir.compare")


@dataclass(frozen=True)
class Means:
    """How a comparison is carried out; none of it decides what comes out.

    Attributes:
        jobs: Runs at a time.
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        download: Whether official files may be fetched.
    """

    jobs: int = 1
    device: str = "cpu"
    download: bool = False


def compare(
    path: Path,
    out: Path,
    *,
    only: Mapping[str, Iterable[str]] | None = None,
    sources: Mapping[str, str] | None = None,
    means: Means | None = None,
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> Path:
    """Run what has no record yet, and write tables and a report of all there is.

    Args:
        path: The benchmark, a `.toml` file.
        out: Folder of the comparison; called again on it, the comparison goes on.
        only: The part to run; see `acir.evaluation.benchmark.selected`.
        sources: Other places for some data sets, by their names.
        means: How to carry it out.
        progress: Shows how many runs are done.
        say: Takes a line for a person.

    Returns:
        The report as a page; Markdown, all numbers and the figures lie beside it.

    Raises:
        UsageError: The benchmark, the part or a source cannot be used.
        StorageError: The folder cannot be written.
        AcirError: A run failed for another reason than that the method cannot run so.
    """
    benchmark = benchmark_file.load(path)
    moved = benchmarks.with_sources(benchmark, sources or {})
    part = benchmarks.selected(moved, only or {})
    _check_methods(benchmark)
    refuse_not_utf8(out)
    refuse_unwritable(out)
    try:
        with TemporaryDirectory() as scratch:
            course = _Course(part, out, means or Means(), Path(scratch), progress, say)
            course.run()
        return write_report(benchmark, path, out, progress, say)
    except KeyboardInterrupt:
        say("stopped; what is done is kept, and the same command goes on")
        raise


@dataclass(frozen=True)
class _Course:
    """The way through a comparison: pictures, tuning, test, runs."""

    benchmark: Benchmark
    out: Path
    means: Means
    scratch: Path
    progress: Progress
    say: Say

    @property
    def place(self) -> Place:
        return Place(self.means.device, threads_each(self.means.jobs), self.scratch)

    def run(self) -> None:
        """Do what is not done."""
        self._keep_lessons()
        choices = self._tune()
        self._keep_exams()
        self._carry_out("runs", [*self._runs(choices)])

    def _keep_lessons(self) -> None:
        method, bits = self.benchmark.method[0], self.benchmark.bits[0]
        for data in self.benchmark.data:
            keep_lessons(
                data,
                self.benchmark.recipe_for(data, method, bits),
                self._lessons(data),
                download=self.means.download,
                progress=self.progress,
                say=self.say,
            )

    def _tune(self) -> Choices:
        choices = Choices(self.out)
        lessons = {data.name: self._lessons(data) for data in self.benchmark.data}
        undecided = [
            tuning
            for tuning in tunings(self.benchmark, self.out, lessons)
            if not choices.knows(tuning)
        ]
        self._carry_out("trials", [w for tuning in undecided for w in tuning.works(self.place)])
        for tuning in undecided:
            choices.add(tuning)
        return choices

    def _keep_exams(self) -> None:
        for data in self.benchmark.data:
            keep_exam(
                data,
                self._lessons(data),
                self._exam(data),
                download=self.means.download,
                progress=self.progress,
            )

    def _runs(self, choices: Choices) -> Iterator[Work]:
        """Yield the runs without a record, seed by seed, so that every table fills early."""
        whole = self.benchmark
        for seed, bits, data, method in product(whole.seeds, whole.bits, whole.data, whole.method):
            entry = self._entry(data, method, bits, seed, choices)
            outs = self._outs(entry)
            if not all(records.is_done(o, entry.key) for o in outs.values()):
                title = f"{method.name} on {data.name}, {bits} bits, seed {seed}"
                call = partial(run, entry, self.place, self._exam(data), outs)
                yield Work(title, call)

    def _entry(
        self, data: DataSet, method: Method, bits: int, seed: int, choices: Choices
    ) -> Entry:
        tuned = choices.of(data, method)
        recipe = self.benchmark.recipe_for(data, method, bits, tuned)
        pictures = {**digests(self._lessons(data)), **digests(self._exam(data))}
        return Entry(
            data=data.name,
            method=method.name,
            seed=seed,
            recipe=recipes.to_dict(recipe),
            tuned=dict(tuned),
            lessons=self._lessons(data),
            key=run_key(recipe, seed, pictures),
        )

    def _outs(self, entry: Entry) -> dict[str, Path]:
        floors = [f.name for f in self.benchmark.floor if f.of == entry.method]
        return {
            name: records.place(self.out, entry.data, name, entry.bits, entry.seed)
            for name in (entry.method, *floors)
        }

    def _carry_out(self, title: str, works: Sequence[Work]) -> None:
        if not works:
            return
        self.say(f"{len(works)} {title} to do")
        with self.progress(title, len(works)) as tick:

            def done(work: Work) -> None:
                log.info("done: %s", work.title)
                tick(1)

            carry_out(works, self.means.jobs, done)

    def _lessons(self, data: DataSet) -> Path:
        return self.out / "pictures" / f"{data.name}.npz"

    def _exam(self, data: DataSet) -> Path:
        return self.out / "pictures" / f"{data.name}-test.npz"


def _check_methods(benchmark: Benchmark) -> None:
    """Refuse unknown losses, options and rankers, and networks that no such loss teaches.

    Two classes and a power of two as length are possible for every loss, so what it refuses here
    is a mistake, and what it refuses in a run is an impossibility to be recorded.
    """
    for data, method in product(benchmark.data, benchmark.method):
        for tuned in method.trials or (NOTHING,):
            recipe = benchmark.recipe_for(data, method, 64, tuned)
            loss_for(recipe, (2, 2), 4)
            require_ranker(recipe)
