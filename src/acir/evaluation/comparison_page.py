"""The report of a comparison: what came out, and everything needed to do it again."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import product
from typing import Any

from acir.evaluation import comparison_scores as scores
from acir.evaluation import comparison_steadiness as steadiness
from acir.evaluation import comparison_tests as tests
from acir.evaluation.benchmark import Method
from acir.evaluation.comparison import ORDERS
from acir.evaluation.comparison_sheet import Sheet
from acir.evaluation.comparison_tests import Outcomes
from acir.evaluation.document import Document, Section, Table
from acir.evaluation.fairness import OWN, TUNED
from acir.tables import plain

Tuning = Mapping[str, Mapping[str, Mapping[str, Any]]]


def document(sheet: Sheet, outcomes: Outcomes, tuning: Tuning, command: str) -> Document:
    """Put the report together.

    Args:
        sheet: Benchmark and runs.
        outcomes: Ours against the others, by contrast.
        tuning: The content of `tuning.json`.
        command: What makes this report again.
    """
    benchmark = sheet.benchmark
    several = len(benchmark.data) > 1
    sections = [
        tests.summary(sheet, outcomes),
        *([scores.over_all(sheet)] if several else []),
        *(scores.of_data(sheet, data) for data in benchmark.data),
        *([tests.over_sets(sheet, outcomes)] if several else []),
        tests.on_each(sheet, outcomes),
        *([tests.rank_section(sheet, ranks)] if (ranks := tests.ranks(sheet)) else []),
        steadiness.section(sheet),
        *_tuning(sheet, tuning),
        _protocol(sheet, command),
    ]
    runs = sheet.results.all()
    return Document(
        title=benchmark.title,
        intro=f"Methods: {len(benchmark.method)}. Data sets: {len(benchmark.data)}. Bits: "
        f"{_listed(benchmark.bits)}. Seeds: {_listed(benchmark.seeds)}. "
        f"{len(runs)} of {expected(sheet)} runs are recorded.{_not_begun(sheet)}",
        queries=(),
        sections=tuple(sections),
    )


def _not_begun(sheet: Sheet) -> str:
    """Name the data sets and lengths that no run is recorded of, and no table shows."""
    shown = sheet.benchmark
    data = [d.title or d.name for d in sheet.whole.data if d not in shown.data]
    bits = [f"{b} bits" for b in sheet.whole.bits if b not in shown.bits]
    return f" Not begun: {', '.join([*data, *bits])}." if data or bits else ""


def expected(sheet: Sheet) -> int:
    """Return how many runs the whole benchmark has, those of floors and ceiling included."""
    benchmark = sheet.whole
    return len(sheet.rows) * len(benchmark.data) * len(benchmark.bits) * len(benchmark.seeds)


def to_dict(sheet: Sheet, outcomes: Outcomes) -> dict[str, Any]:
    """Return what the report says as plain values, the comparisons with all their digits."""
    benchmark = sheet.benchmark
    ranks = tests.ranks(sheet)
    return {
        "title": benchmark.title,
        "ours": benchmark.ours,
        "bits": list(benchmark.bits),
        "seeds": list(benchmark.seeds),
        "runs": len(sheet.results.all()),
        "expected_runs": expected(sheet),
        "averaged": {str(bits): list(sheet.averaged(bits)) for bits in benchmark.bits},
        "scores": list(_scores(sheet)),
        "comparisons": [
            {**asdict(outcome), "contrast": str(outcome.contrast)}
            for found in outcomes.values()
            for outcome in found
        ],
        "ranks": {
            order: {
                "blocks": [list(block) for block in sheet.blocks],
                "methods": dict(zip(names, found.ranks.tolist(), strict=True)),
                "critical_difference": found.critical_difference,
                "p": found.p,
            }
            for order, (names, found) in ranks.items()
        },
        "impossible": [
            {key: run.record[key] for key in ("data", "method", "bits", "reason")}
            for run in sheet.results.all()
            if not run.is_possible
        ],
        **_circumstances(sheet),
    }


def _scores(sheet: Sheet) -> Iterator[dict[str, Any]]:
    """Yield mean and spread of mAP and of the published forms; an empty data set is the mean."""
    metrics = ("mAP", "mAP@5", *scores.PUBLISHED)
    for name, bits, order, metric in product(sheet.rows, sheet.benchmark.bits, ORDERS, metrics):
        found = {
            data.name: sheet.results.spread(data.name, name, bits, order, metric)
            for data in sheet.benchmark.data
        }
        found[""] = sheet.over_sets(name, bits, order, metric)
        for data, one in found.items():
            if one is not None:
                about = {"data": data, "method": name, "bits": bits}
                yield {**about, "order": order, "metric": metric, **asdict(one)}


def _circumstances(sheet: Sheet) -> dict[str, Any]:
    """Say when, on what and with which pictures the runs were made."""
    runs = [run.record for run in sheet.results.all() if run.is_possible]
    return {
        "finished": sorted({record["finished"] for record in runs}),
        "machines": _distinct(record["machine"] for record in runs),
        "versions": _distinct(record["versions"] for record in runs),
        "splits": {record["data"]: record["splits"] for record in runs},
        "hours": round(sum(_seconds_once(sheet)) / 3600, 2),
    }


def _seconds_once(sheet: Sheet) -> Iterator[float]:
    """Yield the seconds of each training; floors share that of their method."""
    for run in sheet.results.all():
        if run.is_possible and run.record["method"] in sheet.methods:
            yield float(run.record["seconds"])


def _distinct(values: Iterator[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _tuning(sheet: Sheet, tuning: Tuning) -> Iterator[Section]:
    rows = [
        (
            sheet.titles[data.name],
            sheet.titles[method],
            _settings(trial["set"]),
            f"{trial['validation_mAP']:.4f}" if "validation_mAP" in trial else trial["reason"],
            "chosen" if trial["set"] == made["set"] else "",
        )
        for data in sheet.benchmark.data
        for method in sheet.methods
        if (made := tuning.get(data.name, {}).get(method))
        for trial in made["trials"]
    ]
    if rows:
        columns = ("data", "method", "trial", "validation mAP", "")
        text = (
            f"Each method was tried {len(sheet.benchmark.method[0].trials)} times on each data "
            f"set, with {sheet.benchmark.bits_of_trials} bits and seed "
            f"{sheet.benchmark.tuning_seed}, and chosen by validation; no trial saw a test picture."
        )
        yield Section("Tuning", (text,), (Table("Trials", columns, tuple(rows), named=3),))


def _protocol(sheet: Sheet, command: str) -> Section:
    benchmark, facts = sheet.benchmark, _circumstances(sheet)
    machines = "; ".join(
        f"{m['cpu']} ({m['cores']} cores, {m['threads']} threads a run, {m['device']})"
        for m in facts["machines"]
    )
    versions = "; ".join(_settings(one) for one in facts["versions"])
    text = (
        "The gallery is the training split, the queries are the test split, read once, after "
        "training. Validation chooses the epoch, the ranker and the trial. Test pictures that the "
        "gallery holds too, pixel for pixel, are left out. Scores are expected values over all "
        "orders of tied pictures.",
        f"Every method starts from the recipe `{benchmark.recipe}` with the shared settings below. "
        f"A method may only differ in {_listed(OWN)} and, by tuning, in {_listed(TUNED)}.",
        f"Bits {_listed(benchmark.bits)}; seeds {_listed(benchmark.seeds)}. Training took "
        f"{facts['hours']:.1f} hours in all, finished on {_listed(facts['finished']) or 'no day'}.",
        f"Hardware: {machines or 'none yet'}. Versions: {versions or 'none yet'}.",
    )
    return Section(
        "Protocol",
        text,
        (_shared(sheet), _methods(sheet), _costs(sheet), _pictures(sheet)),
        code=(command,),
    )


def _shared(sheet: Sheet) -> Table:
    benchmark = sheet.benchmark
    rows = [("all", key, f"{value}") for key, value in benchmark.shared.items()]
    for data in benchmark.data:
        rows += [(sheet.titles[data.name], key, f"{value}") for key, value in data.set.items()]
    return Table("Settings for every method", ("data", "recipe key", "value"), tuple(rows), named=3)


def _methods(sheet: Sheet) -> Table:
    by_name: dict[str, Method] = {method.name: method for method in sheet.benchmark.method}
    rows = tuple(
        (
            sheet.titles[name],
            _settings(plain(by_name[name].loss)),
            _settings(by_name[name].set),
        )
        for name in sheet.methods
    )
    return Table("What makes a method", ("method", "loss", "its own settings"), rows, named=3)


def _costs(sheet: Sheet) -> Table:
    rows = []
    for data in sheet.benchmark.data:
        for name in sheet.methods:
            runs = [
                run.record
                for bits in sheet.benchmark.bits
                for run in sheet.results.runs(data.name, name, bits)
            ]
            if runs:
                rows.append(
                    (
                        sheet.titles[data.name],
                        sheet.titles[name],
                        _range([record["parameters"] for record in runs]),
                        _range([record["views"] for record in runs]),
                        _range([round(record["seconds"]) for record in runs]),
                    )
                )
    columns = ("data", "method", "parameters", "views", "seconds a run")
    return Table("What a run costs", columns, tuple(rows), named=2)


def _pictures(sheet: Sheet) -> Table:
    splits = _circumstances(sheet)["splits"]
    rows = tuple(
        (
            sheet.titles[data.name],
            data.source,
            *(splits.get(data.name, {}).get(part, "") for part in ("train", "val", "test")),
        )
        for data in sheet.benchmark.data
    )
    columns = ("data", "source", "train", "val", "test")
    return Table("Digests of the prepared pictures", columns, rows, named=5)


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _listed(values: tuple[object, ...] | list[str]) -> str:
    return ", ".join(map(str, values))


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
