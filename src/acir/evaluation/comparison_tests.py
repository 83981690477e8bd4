"""Sections of a comparison's report that say what is more than chance."""

from collections.abc import Iterator, Mapping, Sequence

from acir.evaluation.comparison import ORDERS
from acir.evaluation.comparison_figures import critical_difference_plot, difference_intervals
from acir.evaluation.comparison_scores import WORDS
from acir.evaluation.comparison_sheet import UNDEFINED, Sheet
from acir.evaluation.contrasts import CONTRASTS, Contrast, Outcome, Scope, ranked
from acir.evaluation.document import Figure, Section, Table
from acir.evaluation.mean_ranks import MeanRanks
from acir.evaluation.significance import Paired

SMALLEST_SHOWN = 0.001
COLUMNS = (
    "data",
    "bits",
    "against",
    "difference in mAP",
    "95 % interval",
    "p",
    "p after Holm",
    "effect d",
    "error cut",
    "verdict",
)

Outcomes = Mapping[Contrast, Sequence[Outcome]]
Ranks = Mapping[str, tuple[tuple[str, ...], MeanRanks]]


def scope(sheet: Sheet) -> Scope:
    """Return what is compared with what."""
    return Scope(
        ours=sheet.benchmark.ours,
        peers=tuple(name for name in sheet.methods if name != sheet.benchmark.ours),
        data=tuple(data.name for data in sheet.benchmark.data),
        bits=sheet.benchmark.bits,
        sources=tuple(data.source for data in sheet.benchmark.data),
        blocks=sheet.blocks,
    )


def ranks(sheet: Sheet) -> dict[str, tuple[tuple[str, ...], MeanRanks]]:
    """Return names and mean ranks of the methods in each order, where there are enough."""
    found = {order: ranked(sheet.results, scope(sheet), order) for order in ORDERS}
    return {order: one for order, one in found.items() if one is not None}


def summary(sheet: Sheet, outcomes: Outcomes) -> Section:
    """Say how ours stands, a row a contrast and code length."""
    whole = "" if len(sheet.benchmark.data) > 1 else sheet.benchmark.data[0].name
    rows = []
    for contrast, all_found in outcomes.items():
        for bits in sheet.benchmark.bits:
            found = [o for o in all_found if o.data == whole and o.bits == bits]
            if found:
                rows.append((f"{contrast}", f"{bits}", *_standing(sheet, found)))
    columns = (
        "contrast",
        "bits",
        "best of the others",
        "difference in mAP",
        "95 % interval",
        "error cut",
        "better than",
        "no difference shown",
        "worse than",
    )
    caption = f"{sheet.titles[sheet.benchmark.ours]} against the other methods"
    if not rows:
        return Section("In short", ("Nothing to compare yet.",))
    return Section("In short", tables=(Table(caption, columns, tuple(rows), named=3),))


def _standing(sheet: Sheet, found: Sequence[Outcome]) -> tuple[str, ...]:
    nearest = min(found, key=lambda outcome: outcome.paired.difference)
    verdicts = [outcome.verdict for outcome in found]
    return (
        sheet.titles[nearest.peer],
        _signed(nearest.paired.difference),
        _interval(nearest.paired),
        _percent(nearest.error_cut),
        *(f"{verdicts.count(word)}" for word in ("better", "no difference shown", "worse")),
    )


def over_sets(sheet: Sheet, outcomes: Outcomes) -> Section:
    """Show the differences in the mean over the data sets."""
    return Section(
        "Differences over all data sets",
        (
            "Paired by query: mean over seeds of each query's average precision, ours minus the "
            "other's, mean over the data sets. The interval is a bootstrap over queries and seeds; "
            "p is of a two-sided permutation test (10,000 sign flips), corrected by Holm for all "
            "methods and code lengths of its table; d is the difference over the standard "
            "deviation of the queries' differences, '-' where these are all the same; the error "
            "cut is the share by which 1 - mAP is smaller. Data sets that ask with the same "
            "pictures are drawn and flipped together. "
            "'Better' needs p below 0.05 after Holm and ranges over seeds that do not touch; "
            "anything less is 'no difference shown'.",
            *_uneven_seeds(sheet),
        ),
        tuple(_table(sheet, c, [o for o in found if not o.data]) for c, found in outcomes.items()),
        tuple(_intervals(sheet, outcomes)),
    )


def _uneven_seeds(sheet: Sheet) -> Iterator[str]:
    """Say whose data sets have other seeds than each other."""
    found = []
    for method in sheet.methods:
        for bits in sheet.benchmark.bits:
            seeds = {sheet.results.seeds(data, method, bits) for data in sheet.averaged(bits)}
            if len(seeds - {()}) > 1:  # without any, the method is not compared at all
                found.append(f"{sheet.titles[method]} at {bits} bits")
    if found:
        yield (
            f"Not every data set has the same seeds of {', '.join(found)}: those that all of them "
            "have are compared."
        )


def on_each(sheet: Sheet, outcomes: Outcomes) -> Section:
    """Show the differences on every data set."""
    return Section(
        "Differences on each data set",
        ("Corrected by Holm for all methods, data sets and code lengths of a table.",),
        tuple(_table(sheet, c, [o for o in found if o.data]) for c, found in outcomes.items()),
    )


def rank_section(sheet: Sheet, found: Ranks) -> Section:
    """Draw the mean ranks."""
    figures = [
        Figure(
            critical_difference_plot([sheet.titles[name] for name in names], mean_ranks),
            f"Mean ranks over {len(sheet.blocks)} blocks, {WORDS[order]}; 1 is best. A bar joins "
            "methods that are not told apart.",
            f"ranks-{order}",
        )
        for order, (names, mean_ranks) in found.items()
    ]
    return Section(
        "Ranks",
        (
            f"What comes of one source, or of the same patients, is one block: {_blocks(sheet)}. "
            "There a method's score is the mean of its mAP over data sets, code lengths and seeds, "
            "which are no independent evidence and so no blocks of their own. Friedman test, its p "
            "by permuting the methods within each block, with the critical difference of Nemenyi "
            "at 0.05 (Demsar 2006); methods that are not possible everywhere are left out.",
            *_unshared_seeds(sheet, found),
            *_too_few_blocks(found),
        ),
        figures=tuple(figures),
    )


def _unshared_seeds(sheet: Sheet, found: Ranks) -> Iterator[str]:
    """Say where ranked methods have other seeds than each other."""
    ranked_methods = sorted({name for names, _ in found.values() for name in names})
    uneven = [
        f"{sheet.titles[data.name]} at {bits} bits"
        for data in sheet.benchmark.data
        for bits in sheet.benchmark.bits
        if len({sheet.results.seeds(data.name, name, bits) for name in ranked_methods}) > 1
    ]
    if uneven:
        yield (
            f"Not every ranked method has the same seeds on {', '.join(uneven)}: those that all of "
            "them have count."
        )


def _blocks(sheet: Sheet) -> str:
    return "; ".join(" and ".join(sheet.titles[data] for data in block) for block in sheet.blocks)


def _too_few_blocks(found: Ranks) -> Iterator[str]:
    """Say where even the best and the worst of all blocks would not be told apart."""
    if any(ranks.critical_difference > len(names) - 1 for names, ranks in found.values()):
        yield (
            "The critical difference is wider than the ranks are: no two methods can be told "
            "apart on so few blocks, however they rank."
        )


def _table(sheet: Sheet, contrast: Contrast, outcomes: Sequence[Outcome]) -> Table:
    return Table(
        f"{contrast}",
        COLUMNS,
        tuple(_row(sheet, outcome) for outcome in outcomes),
        named=3,
        heavy=frozenset(n for n, o in enumerate(outcomes) if o.verdict != "no difference shown"),
    )


def _row(sheet: Sheet, outcome: Outcome) -> tuple[str, ...]:
    paired = outcome.paired
    return (
        sheet.titles[outcome.data] if outcome.data else "all",
        f"{outcome.bits}",
        sheet.titles[outcome.peer],
        _signed(paired.difference),
        _interval(paired),
        _p(paired.p),
        _p(outcome.adjusted_p),
        UNDEFINED if paired.effect is None else f"{paired.effect:.2f}",
        _percent(outcome.error_cut),
        outcome.verdict,
    )


def _intervals(sheet: Sheet, outcomes: Outcomes) -> Iterator[Figure]:
    for contrast in CONTRASTS[:2]:
        for bits in sheet.benchmark.bits:
            rows = [
                (sheet.titles[o.peer], o.paired)
                for o in outcomes.get(contrast, ())
                if not o.data and o.bits == bits
            ]
            if rows:
                yield Figure(
                    difference_intervals(rows),
                    f"{contrast}, {bits} bits, mean over the data sets",
                    f"differences-{contrast.ours}-{bits}",
                )


def _interval(paired: Paired) -> str:
    return f"{_signed(paired.low)} to {_signed(paired.high)}"


def _p(value: float) -> str:
    return f"< {SMALLEST_SHOWN}" if value < SMALLEST_SHOWN else f"{value:.3f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _percent(share: float | None) -> str:
    if share is None:
        return UNDEFINED
    return f"{100 * share:.0f} %".replace("-", "\N{MINUS SIGN}")
