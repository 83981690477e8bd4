"""What tuning chooses for each method on each data set, by validation alone.

All trials have one code length of the benchmark's and a seed outside its table; no test split is
known here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from acir import recipe as recipes
from acir.evaluation.benchmark import NOTHING, Benchmark, DataSet, Method, Settings
from acir.workflows import records
from acir.workflows.comparing.contest import Entry, Place, trial
from acir.workflows.comparing.keys import run_key
from acir.workflows.comparing.pictures import digests
from acir.workflows.comparing.processes import Work

TUNING = "tuning.json"


@dataclass(frozen=True)
class Tuning:
    """The trials of one method on one data set.

    Attributes:
        data: The data set.
        method: The method.
        entries: One a trial.
        folder: Where their records go.
    """

    data: DataSet
    method: Method
    entries: tuple[Entry, ...]
    folder: Path

    @property
    def key(self) -> str:
        """Tell tunings apart by what decides them."""
        return records.digest({"trials": [entry.key for entry in self.entries]})

    def works(self, place: Place) -> Iterator[Work]:
        """Yield the trials that have no record yet."""
        for number, entry in enumerate(self.entries):
            path = self._path(number)
            if not records.is_done(path, entry.key):
                title = f"trial {number + 1} of {self.method.name} on {self.data.name}"
                yield Work(title, partial(trial, entry, place, path))

    def chosen(self) -> records.Record:
        """Return the choice with what it was made by: the best validation mAP, the first of equals.

        A trial that was not possible is worse than any other.
        """
        found = [records.read(self._path(number)) or {} for number in range(len(self.entries))]
        scores = [record.get("validation_mAP", -1.0) for record in found]
        return {
            "key": self.key,
            "set": dict(self.entries[scores.index(max(scores))].tuned),
            "bits": self.entries[0].bits,
            "seed": self.entries[0].seed,
            "trials": [
                {"set": dict(entry.tuned), **_outcome(record)}
                for entry, record in zip(self.entries, found, strict=True)
            ],
        }

    def _path(self, number: int) -> Path:
        return self.folder / f"{number + 1}.json"


class Choices:
    """The choices of a comparison, kept in `tuning.json`.

    Args:
        out: Folder of the comparison.
    """

    def __init__(self, out: Path) -> None:
        self.path = out / TUNING
        self.made: dict[str, Any] = records.read(self.path) or {}

    def knows(self, tuning: Tuning) -> bool:
        """Whether these very trials were decided."""
        made = self.made.get(tuning.data.name, {}).get(tuning.method.name)
        return made is not None and made["key"] == tuning.key

    def add(self, tuning: Tuning) -> None:
        """Decide trials that have all been run."""
        self.made.setdefault(tuning.data.name, {})[tuning.method.name] = tuning.chosen()
        records.write(self.path, self.made)

    def of(self, data: DataSet, method: Method) -> Settings:
        """Return what a method has on a data set; the only trial where there is no choice."""
        if len(method.trials) > 1:
            made: Settings = self.made[data.name][method.name]["set"]
            return made
        return method.trials[0] if method.trials else NOTHING


def tunings(benchmark: Benchmark, out: Path, lessons: Mapping[str, Path]) -> Iterator[Tuning]:
    """Yield what there is to choose.

    Args:
        benchmark: What is compared.
        out: Folder of the comparison.
        lessons: Where the pictures to learn from are kept, by data set.
    """
    for data in benchmark.data:
        for method in benchmark.method:
            if len(method.trials) > 1:
                entries = tuple(
                    _entry(benchmark, data, method, tuned, lessons[data.name])
                    for tuned in method.trials
                )
                folder = out / "tuning" / data.name / method.name
                yield Tuning(data, method, entries, folder)


def _entry(
    benchmark: Benchmark, data: DataSet, method: Method, tuned: Settings, lessons: Path
) -> Entry:
    recipe = benchmark.recipe_for(data, method, benchmark.bits_of_trials, tuned)
    seed = benchmark.tuning_seed
    return Entry(
        data=data.name,
        method=method.name,
        seed=seed,
        recipe=recipes.to_dict(recipe),
        tuned=dict(tuned),
        lessons=lessons,
        key=run_key(recipe, seed, digests(lessons)),
    )


def _outcome(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in ("validation_mAP", "reason") if key in record}
