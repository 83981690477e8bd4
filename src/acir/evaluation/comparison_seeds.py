"""Section of a comparison's report: do models of two seeds retrieve the same pictures?"""

from itertools import combinations

import numpy as np
from jaxtyping import Float

from acir.evaluation.comparison import HAMMING, ORDERS, RERANKED
from acir.evaluation.comparison_scores import MISSING, WORDS, Sheet
from acir.evaluation.document import Section, Table
from acir.evaluation.significance import compare
from acir.evaluation.stability import overlap

TWO = 2


def seed_overlap(
    sheet: Sheet, data: str, method: str, bits: int, order: str
) -> Float[np.ndarray, " queries"] | None:
    """Return, for each query, the share of its first hits that two models have in common.

    The mean over all pairs of seeds; None where there are fewer than two.
    """
    key = f"{order}/top"
    tops = [r.arrays[key] for r in sheet.results.runs(data, method, bits) if key in r.arrays]
    if len(tops) < TWO:
        return None
    shares: Float[np.ndarray, " queries"] = np.mean(
        [overlap(one, other) for one, other in combinations(tops, TWO)], axis=0
    )
    return shares


def section(sheet: Sheet) -> Section:
    """Show how far the first hits depend on the seed, for every method in both orders."""
    columns = [(bits, order) for bits in sheet.benchmark.bits for order in ORDERS]
    names = [data.name for data in sheet.benchmark.data]

    def text(data: str, method: str, bits: int, order: str) -> str:
        found = seed_overlap(sheet, data, method, bits, order)
        return MISSING if found is None else f"{found.mean():.3f}"

    table = Table(
        "Share of the first ten hits that models of two seeds have in common",
        ("data", "method", *(f"{bits} bits, {WORDS[order]}" for bits, order in columns)),
        tuple(
            (
                sheet.titles[data],
                sheet.titles[method],
                *(text(data, method, *column) for column in columns),
            )
            for data in names
            for method in sheet.methods
        ),
        named=2,
    )
    return Section(
        "Reproducibility between seeds",
        (
            "A model of another seed should retrieve the same pictures. Pictures at one Hamming "
            "distance are taken in the order of their ids, which is the same for all models and so "
            "flatters codes with many ties.",
        ),
        (table, _tests(sheet)),
    )


def _tests(sheet: Sheet) -> Table:
    rows = []
    for data in sheet.benchmark.data:
        for bits in sheet.benchmark.bits:
            by_order = [
                seed_overlap(sheet, data.name, sheet.benchmark.ours, bits, order)
                for order in (RERANKED, HAMMING)
            ]
            reranked, plain = by_order
            if reranked is not None and plain is not None:
                found = compare(reranked[None], plain[None])
                rows.append(
                    (
                        sheet.titles[data.name],
                        f"{bits}",
                        f"{found.difference:+.3f}",
                        f"{found.low:+.3f} to {found.high:+.3f}",
                        f"{found.p:.4f}",
                    )
                )
    return Table(
        f"{sheet.titles[sheet.benchmark.ours]}: overlap re-ranked minus overlap in Hamming order",
        ("data", "bits", "difference", "95 % interval", "p (not corrected)"),
        tuple(rows),
        named=2,
    )
