"""From the folder of a comparison to its tables and its report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acir.amounts import amount
from acir.durable import whole
from acir.evaluation.benchmark import Benchmark, DataSet, Method
from acir.evaluation.comparison import Results, Run, tidy, write_csv
from acir.evaluation.comparison_page import document, expected, to_dict
from acir.evaluation.comparison_sheet import Sheet
from acir.evaluation.comparison_tests import scope
from acir.evaluation.contrasts import CONTRASTS, outcomes
from acir.evaluation.document import Document, markdown
from acir.evaluation.report import write_page
from acir.evaluation.significance import Paired
from acir.types import Progress
from acir.workflows import records
from acir.workflows.comparing.keys import is_recipe
from acir.workflows.comparing.tuning import TUNING, Choices
from acir.workflows.learning import Say

TABLE, NUMBERS, MARKDOWN, PAGE = "results.csv", "results.json", "report.md", "report.html"
FIGURES = "figures"  # as the Markdown names their folder


def write_report(benchmark: Benchmark, path: Path, out: Path, progress: Progress, say: Say) -> Path:
    """Write tables and report of all runs that are there, and return the page.

    Args:
        benchmark: The whole benchmark.
        path: Where it was read from.
        out: Folder of the comparison.
        progress: Shows how far the tests are.
        say: Takes a line for a person.

    Raises:
        UsageError: Runs on one data set used different pictures.
    """
    runs, outdated = recorded(benchmark, out)
    sheet = Sheet(benchmark, Results(runs))
    missing = expected(sheet) - len(runs)
    if outdated:
        made = amount(outdated, "run was", "runs were")
        say(f"left out of the report: {made} made under other conditions")
    if missing:
        say(f"missing in the report: {missing} of {amount(expected(sheet), 'run', 'runs')}")
    known = _known(out / NUMBERS)
    compared = scope(sheet)
    with progress("comparing", None) as tick:
        found = {c: outcomes(sheet.results, compared, c, known, tick) for c in CONTRASTS}
    page = document(sheet, found, records.read(out / TUNING) or {}, _command(path, out))
    (out / FIGURES).mkdir(parents=True, exist_ok=True)
    with whole(out / TABLE) as part:
        write_csv(part, tidy(runs))
    records.write(out / NUMBERS, to_dict(sheet, found))
    _write(page, out)
    return out / PAGE


def recorded(benchmark: Benchmark, out: Path) -> tuple[list[Run], int]:
    """Return the runs of a benchmark that are there, and how many others to leave out.

    A run is left out when it was made by another recipe than the benchmark now asks for.
    """
    runs, outdated, choices = [], 0, Choices(out)
    for data in benchmark.data:
        for name, method in _contestants(benchmark):
            for bits in benchmark.bits:
                for seed in benchmark.seeds:
                    path = records.place(out, data.name, name, bits, seed)
                    record = records.read(path)
                    if record is None:
                        continue
                    if _is_of(benchmark, data, method, record, choices):
                        runs.append(Run(record, _arrays(path)))
                    else:
                        outdated += 1
    return runs, outdated


def _contestants(benchmark: Benchmark) -> Iterator[tuple[str, Method]]:
    """Yield the name of each method and floor with the method that was trained for it."""
    by_name = {method.name: method for method in benchmark.method}
    yield from by_name.items()
    for floor in benchmark.floor:
        yield floor.name, by_name[floor.of]


def _is_of(
    benchmark: Benchmark, data: DataSet, method: Method, record: records.Record, choices: Choices
) -> bool:
    """Whether a run has the recipe that is asked for now that tuning has chosen.

    The words in which the record says what was tuned do not matter.
    """
    try:
        chosen = choices.of(data, method)
    except KeyError:  # nothing was chosen here, so nothing can have been run for it
        return False
    return is_recipe(record["recipe"], benchmark.recipe_for(data, method, record["bits"], chosen))


def _arrays(path: Path) -> dict[str, Any]:
    arrays = path.with_suffix(".npz")
    if not arrays.exists():
        return {}
    with np.load(arrays) as kept:
        return dict(kept)


def _known(path: Path) -> dict[str, Paired]:
    """Return the tests of an earlier report, which the same runs need not repeat."""
    earlier = records.read(path) or {"comparisons": []}
    return {one["key"]: Paired(**one["paired"]) for one in earlier["comparisons"]}


def _command(path: Path, out: Path) -> str:
    """Return the command; places outside the working directory keep only their last name."""
    named = [place.name if place.is_absolute() else place.as_posix() for place in (path, out)]
    return f"acir compare {named[0]} --out {named[1]}"


def _write(page: Document, out: Path) -> None:
    for section in page.sections:
        for figure in section.figures:
            with whole(out / FIGURES / f"{figure.name}.svg") as part:
                part.write_bytes(figure.picture)
    with whole(out / MARKDOWN) as part:
        part.write_text(markdown(page), encoding="utf-8")
    write_page(out / PAGE, page)
