"""Section of a comparison's report: is an order robust, reproducible, and true to structure?"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int

from acir.evaluation.claims import holm
from acir.evaluation.comparison import HAMMING, ORDERS, RERANKED, Order, Run
from acir.evaluation.comparison_scores import WORDS
from acir.evaluation.comparison_sheet import MISSING, UNDEFINED, Sheet
from acir.evaluation.document import Section, Table
from acir.evaluation.significance import Paired, compare, independent
from acir.evaluation.stability import overlap

TWO = 2
SEEDS = "seeds"
QUANTITIES: Mapping[str, str] = {
    SEEDS: "two seeds",
    "shift": "2 px shift",
    "jpeg": "JPEG 85",
    "noise": "noise 0.01",
    "structure": "structure",
}


def per_query(
    sheet: Sheet, data: str, method: str, bits: int, order: Order, quantity: str
) -> Float[np.ndarray, " queries"] | None:
    """Return a quantity of each query, as the mean over seeds or, for `seeds`, their pairs.

    None where there is none, as with one seed where two are compared. NaN where no order of the
    query's class could follow structure.
    """
    runs = sheet.results.runs(data, method, bits)
    key = f"{order}/{'top' if quantity == SEEDS else quantity}"
    found = [run.arrays[key][_scored(run, quantity)] for run in runs if key in run.arrays]
    if quantity == SEEDS:
        found = [overlap(one, other) for one, other in combinations(found, TWO)]
    if not found:
        return None
    means: Float[np.ndarray, " queries"] = np.stack(found).mean(axis=0, dtype=np.float64)
    return means


def section(sheet: Sheet) -> Section:
    """Show every method in both orders, and whether ours gains by its re-ranking."""
    return Section(
        "Robust and reproducible order",
        (
            "The share of its first ten hits that a query has in common: with a model of another "
            "seed, and with mild copies of itself. Ties are dealt at random, for codes that tie "
            "give no order. Structure: Kendall's tau-b between the order within the query's class "
            "and the similarity of fingerprints.",
        ),
        (*(_table(sheet, bits) for bits in sheet.benchmark.bits), _tests(sheet)),
    )


def _table(sheet: Sheet, bits: int) -> Table:
    columns: list[tuple[str, Order]] = [(name, order) for name in QUANTITIES for order in ORDERS]

    def text(data: str, method: str, column: tuple[str, Order]) -> str:
        name, order = column
        found = per_query(sheet, data, method, bits, order, name)
        if found is None:
            return MISSING
        return UNDEFINED if np.isnan(found).all() else f"{np.nanmean(found):.3f}"

    return Table(
        f"Overlap of the first ten hits, and agreement with structure, at {bits} bits",
        ("data", "method", *(f"{QUANTITIES[name]}, {WORDS[order]}" for name, order in columns)),
        tuple(
            (
                sheet.titles[data.name],
                sheet.titles[method],
                *(text(data.name, method, column) for column in columns),
            )
            for data in sheet.benchmark.data
            for method in sheet.methods
        ),
        named=2,
    )


def _tests(sheet: Sheet) -> Table:
    ours, found = sheet.benchmark.ours, list[tuple[tuple[str, str, str], Paired]]()
    for data in sheet.benchmark.data:
        for bits in sheet.benchmark.bits:
            for name, words in QUANTITIES.items():
                paired = _gain(sheet, data.name, bits, name)
                if paired is not None:
                    found.append(((sheet.titles[data.name], f"{bits}", words), paired))
    adjusted = holm(np.array([paired.p for _, paired in found]))
    return Table(
        f"{sheet.titles[ours]}: re-ranked minus Hamming order, corrected for all rows",
        ("data", "bits", "quantity", "difference", "95 % interval", "p", "p, Holm"),
        tuple(
            (
                *names,
                f"{paired.difference:+.3f}",
                f"{paired.low:+.3f} to {paired.high:+.3f}",
                f"{paired.p:.4f}",
                f"{p:.4f}",
            )
            for (names, paired), p in zip(found, adjusted, strict=True)
        ),
        named=3,
    )


def _gain(sheet: Sheet, data: str, bits: int, name: str) -> Paired | None:
    """Compare our two orders, query by query; None where there is nothing to compare."""
    ours = sheet.benchmark.ours
    reranked = per_query(sheet, data, ours, bits, RERANKED, name)
    plain = per_query(sheet, data, ours, bits, HAMMING, name)
    if reranked is None or plain is None:
        return None
    defined = ~np.isnan(reranked + plain)
    patients = _patients(sheet, data, bits, name, len(defined))[defined]
    if np.unique(patients).size < TWO:
        return None
    return compare(reranked[None, defined], plain[None, defined], patients=patients)


def _patients(
    sheet: Sheet, data: str, bits: int, name: str, queries: int
) -> Int[np.ndarray, " queries"]:
    """Return whom each query stands for: its patient or, where none is named, itself."""
    run = sheet.results.runs(data, sheet.benchmark.ours, bits)[0]
    arrays = run.arrays
    key = "patient" if name == SEEDS else "steadiness/patient"
    if key not in arrays:  # older runs do not have it
        return np.arange(queries)
    named = independent(arrays[key][_scored(run, name)])
    return np.arange(queries) if named is None else named


def _scored(run: Run, quantity: str) -> Bool[np.ndarray, " queries"]:
    """Return which of the queries are scored; older runs asked about those in the gallery too."""
    asked = run.arrays["row" if quantity == SEEDS else "steadiness/row"]
    return np.isin(asked, run.arrays["row"])
