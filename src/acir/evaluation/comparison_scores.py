"""Sections of a comparison's report that show scores: per data set, over all, and code use."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from acir.evaluation.benchmark import DataSet
from acir.evaluation.comparison import HAMMING, ORDERS, RERANKED, Order, Run, Spread
from acir.evaluation.comparison_figures import (
    precision_recall_curves,
    radius_curves,
    score_against_bits,
)
from acir.evaluation.comparison_sheet import IMPOSSIBLE, MISSING, UNDEFINED, Sheet
from acir.evaluation.document import Figure, Section, Table

WORDS: Mapping[str, str] = {HAMMING: "Hamming", RERANKED: "re-ranked"}
PUBLISHED = {"map_at_5_hits": "mAP@5 over hits", "P@1": "ACC@1"}
CODE_USE = {
    "distinct_codes": ("distinct codes", "{:.0f}"),
    "bit_balance": ("bit balance", "{:.2f}"),
    "bit_correlation": ("bit correlation", "{:.2f}"),
    "commonest_code": ("commonest code of a class", "{:.2f}"),
    "tie_group": ("pictures a tie", "{:.1f}"),
}


def over_all(sheet: Sheet) -> Section:
    """Show the mean over the data sets."""

    def value(method: str, bits: int, order: Order) -> Spread | None:
        return sheet.over_sets(method, bits, order)

    def text(method: str, bits: int, order: Order) -> str:
        found = value(method, bits, order)
        if found is not None:
            return str(found)
        cells = {sheet.cell(data, method, bits, order) for data in sheet.averaged(bits)}
        return next((word for word in (IMPOSSIBLE, MISSING) if word in cells), UNDEFINED)

    table = _score_table(sheet, f"mAP, mean over {sheet.averages}", value, text)
    return Section(
        "All data sets",
        (
            "mAP of the whole gallery, ties averaged; mean over the data sets, then mean ± "
            "standard deviation over seeds. Bold: the best method of a column.",
        ),
        (table,),
        _against_bits(sheet, "all", sheet.over_sets),
    )


def of_data(sheet: Sheet, data: DataSet) -> Section:
    """Show the scores on one data set."""
    title = sheet.titles[data.name]

    def value(method: str, bits: int, order: Order) -> Spread | None:
        return sheet.results.spread(data.name, method, bits, order, "mAP")

    def text(method: str, bits: int, order: Order) -> str:
        return sheet.cell(data.name, method, bits, order)

    tables = (
        _score_table(sheet, f"mAP on {title}, mean ± standard deviation over seeds", value, text),
        _published(sheet, data),
        _code_use(sheet, data),
    )
    figures = (*_against_bits(sheet, data.name, value), *_curves(sheet, data))
    return Section(title, (*_setting(sheet, data), *_reasons(sheet, data)), tables, figures)


def _score_table(
    sheet: Sheet,
    caption: str,
    value: Callable[[str, int, Order], Spread | None],
    text: Callable[[str, int, Order], str],
) -> Table:
    columns = [(bits, order) for bits in sheet.benchmark.bits for order in ORDERS]
    best = set()
    for place, column in enumerate(columns, start=1):
        means = [found.mean if (found := value(name, *column)) else -1.0 for name in sheet.methods]
        if max(means) >= 0:
            best.add((means.index(max(means)), place))
    return Table(
        caption,
        ("method", *(f"{bits} bits, {WORDS[order]}" for bits, order in columns)),
        tuple(
            (sheet.titles[name], *(text(name, *column) for column in columns))
            for name in sheet.rows
        ),
        best=frozenset(best),
    )


def _published(sheet: Sheet, data: DataSet) -> Table:
    """Show the scores in the form of published tables, with the standard error over queries."""
    columns = [
        (bits, order, metric)
        for bits in sheet.benchmark.bits
        for order in ORDERS
        for metric in PUBLISHED
    ]

    def text(method: str, bits: int, order: Order, metric: str) -> str:
        scores = sheet.results.scores(data.name, method, bits, order, metric)
        if scores is None:
            return sheet.cell(data.name, method, bits, order, metric)
        return f"{scores.mean():.3f} ({_standard_error(scores):.3f})"

    return Table(
        f"{sheet.titles[data.name]} in the form of published tables: mAP@5 divided by the hits "
        "found, and accuracy of the first hit, with the standard error over queries",
        (
            "method",
            *(f"{bits} bits, {WORDS[order]}, {PUBLISHED[key]}" for bits, order, key in columns),
        ),
        tuple(
            (sheet.titles[name], *(text(name, *column) for column in columns))
            for name in sheet.rows
        ),
    )


def _standard_error(scores: Float[np.ndarray, "seeds queries"]) -> float:
    """Return the standard error of the mean over queries; each query's score is over seeds."""
    of_each = scores.mean(axis=0, dtype=np.float64)
    return float(of_each.std(ddof=1) / np.sqrt(len(of_each))) if len(of_each) > 1 else 0.0


def _code_use(sheet: Sheet, data: DataSet) -> Table:
    def text(method: str, bits: int, metric: str) -> str:
        found = sheet.results.spread(data.name, method, bits, HAMMING, metric)
        if found is None:
            return sheet.cell(data.name, method, bits, HAMMING, metric)
        return CODE_USE[metric][1].format(found.mean)

    return Table(
        f"How the codes of {sheet.titles[data.name]} are used (mean over seeds)",
        ("method", "bits", *(words for words, _ in CODE_USE.values())),
        tuple(
            (sheet.titles[name], f"{bits}", *(text(name, bits, metric) for metric in CODE_USE))
            for bits in sheet.benchmark.bits
            for name in sheet.rows
            if name != "cosine"
        ),
        named=2,
    )


def _setting(sheet: Sheet, data: DataSet) -> Iterator[str]:
    runs = [run for run in sheet.results.all() if run.record["data"] == data.name]
    possible = [run for run in runs if run.is_possible and "n_gallery" in run.record["test"]]
    if possible:
        test, left_out = possible[0].record["test"], possible[0].record["left_out"]
        yield (
            f"{test['n_gallery']:,} training pictures are searched with {test['n_queries']:,} test "
            f"pictures; {left_out} more test pictures were left out because the gallery holds "
            f"their pixels, and {test['n_excluded']} because it holds none of their class."
        )
    if data.draw is not None:
        yield (
            f"Training pictures are thinned out to {data.draw.per_class} a class on average, the "
            f"largest class {data.draw.imbalance:g} times the smallest, drawn with seed "
            f"{data.draw.seed}."
        )


def _reasons(sheet: Sheet, data: DataSet) -> Iterator[str]:
    for name in sheet.methods:
        for bits in sheet.benchmark.bits:
            reason = sheet.results.reason(data.name, name, bits)
            if reason is not None:
                yield f"{sheet.titles[name]} is not possible at {bits} bits: {reason}."


def _against_bits(
    sheet: Sheet, name: str, value: Callable[[str, int, Order], Spread | None]
) -> tuple[Figure, ...]:
    """Draw mAP over the code length in both orders, where there are several lengths."""
    if len(sheet.benchmark.bits) == 1:
        return ()
    figures = []
    for order in ORDERS:
        curves = {}
        for method in sheet.methods:
            found = {bits: value(method, bits, order) for bits in sheet.benchmark.bits}
            points = {bits: (s.mean, s.sd) for bits, s in found.items() if s is not None}
            if points:
                curves[sheet.titles[method]] = points
        if curves:
            picture = score_against_bits(curves, sheet.titles[sheet.benchmark.ours])
            caption = f"mAP against code length, {WORDS[order]}; bars: one standard deviation"
            figures.append(Figure(picture, caption, f"bits-{name}-{order}"))
    return tuple(figures)


def _curves(sheet: Sheet, data: DataSet) -> Iterator[Figure]:
    """Draw precision over recall and over the radius, at one code length."""
    bits = sheet.benchmark.bits_of_trials
    runs = {name: sheet.results.runs(data.name, name, bits) for name in sheet.methods}
    runs = {sheet.titles[name]: found for name, found in runs.items() if found}
    if not runs:
        return
    yield Figure(
        precision_recall_curves(
            {
                name: (
                    _mean_curve(found, "precision_recall", "recall"),
                    _mean_curve(found, "precision_recall", "precision"),
                )
                for name, found in runs.items()
            }
        ),
        f"Precision over recall, {bits} bits, Hamming order, mean over seeds",
        f"precision-recall-{data.name}",
    )
    for score in ("precision", "recall"):
        curves = {name: _mean_curve(found, "radius", score) for name, found in runs.items()}
        caption = f"{score.capitalize()} within a Hamming radius, {bits} bits, mean over seeds"
        yield Figure(radius_curves(curves, score), caption, f"radius-{score}-{data.name}")


def _mean_curve(runs: Sequence[Run], curve: str, axis: str) -> Float[np.ndarray, " points"]:
    points: Float[np.ndarray, " points"] = np.mean(
        [run.record["test"][curve][axis] for run in runs], axis=0
    )
    return points
