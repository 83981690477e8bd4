"""What pages say of the comparison and the ablation: `python tests/docs/comparison.py` writes it.

Each table stands between two comments: `<!-- comparison mean -->`, `<!-- comparison DATA BITS -->`
or `<!-- ablation DATA BITS -->`, and `<!-- end -->`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from acir.evaluation.claims import relative_error_cut

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "explanation" / "comparison.md"
RESULTS = {
    name: ROOT / "benchmarks" / "results" / folder / "results.json"
    for name, folder in (("comparison", "small"), ("ablation", "ablation"))
}
PLACE = re.compile(
    r"(<!-- (comparison|ablation) (?:mean|(\w+) (\d+)) -->\n).*?(<!-- end -->)", re.DOTALL
)
ORDERS = {
    "hamming": "Ours in Hamming order against the others in Hamming order",
    "reranked": "Ours re-ranked against the others re-ranked",
}
MEAN = ""  # the data set that is the mean of all


def written(text: str) -> str:
    """Return a text with its tables as the results have them."""

    def table(place: re.Match[str]) -> str:
        results = json.loads(RESULTS[place[2]].read_text(encoding="utf-8"))
        found = _of_one(results, place[3], int(place[4])) if place[3] else _of_all(results)
        lines = "\n".join(found)
        return f"{place[1]}{lines}\n{place[5]}"

    return PLACE.sub(table, text)


def _of_one(results: dict[str, Any], data: str, bits: int) -> Iterator[str]:
    """Yield the rows of a data set and a code length."""
    yield "| method | mAP, codes | mAP, re-ranked | codes: ours minus it | p (Holm) | verdict |"
    yield "|---|---|---|---|---|---|"
    scores, tested = _scores(results, data), _tested(results, data)
    for method in dict.fromkeys(method for method, _, _ in scores):
        rows = [scores.get((method, order, bits)) for order in ORDERS]
        two = [f"{row['mean']:.3f} ± {row['sd']:.3f}" if row else "" for row in rows]
        found = tested.get((method, "hamming", bits))
        against = ["", "", ""]
        if found is not None:
            difference = f"{found['paired']['difference']:+.3f}"
            against = [difference, f"{found['adjusted_p']:.4f}", found["verdict"]]
        yield f"| {' | '.join([f'`{method}`', *two, *against])} |"


def _of_all(results: dict[str, Any]) -> Iterator[str]:
    """Yield the rows of the mean over the data sets; a star where ours is better."""
    columns = [(order, bits) for order in ORDERS for bits in results["bits"]]
    words = {"hamming": "codes", "reranked": "re-ranked"}
    yield f"| method | {' | '.join(f'{words[order]}, {bits} bits' for order, bits in columns)} |"
    yield f"|---{'|---' * len(columns)}|"
    scores, tested = _scores(results, MEAN), _tested(results, MEAN)
    for method in dict.fromkeys(method for method, _, _ in scores):
        cells = [_cell(scores, tested, (method, *column)) for column in columns]
        yield f"| {' | '.join([f'`{method}`', *cells])} |"
    peers = sorted({peer for peer, _, _ in tested})
    for title, others in (("the best peer", peers), ("ACIR as published", ["acir_published"])):
        cuts = (_cut(scores, results["ours"], others, column) for column in columns)
        shares = " | ".join(f"{round(100 * cut)} %" for cut in cuts)
        yield f"| *error below that of {title}* | {shares} |"


def _cell(scores: dict[Any, Any], tested: dict[Any, Any], key: tuple[str, str, int]) -> str:
    if key not in scores:
        return ""
    star = "*" if tested.get(key, {}).get("verdict") == "better" else ""
    return f"{scores[key]['mean']:.3f}{star}"


def _cut(scores: dict[Any, Any], ours: str, others: list[str], column: tuple[str, int]) -> float:
    best = max(scores[other, *column]["mean"] for other in others)
    cut = relative_error_cut(scores[ours, *column]["mean"], best)
    assert cut is not None  # no method that is measured makes no error
    return cut


def _scores(results: dict[str, Any], data: str) -> dict[tuple[str, str, int], dict[str, Any]]:
    return {
        (row["method"], row["order"], row["bits"]): row
        for row in results["scores"]
        if (row["data"], row["metric"]) == (data, "mAP")
    }


def _tested(results: dict[str, Any], data: str) -> dict[tuple[str, str, int], dict[str, Any]]:
    orders = {contrast: order for order, contrast in ORDERS.items()}
    return {
        (row["peer"], orders[row["contrast"]], row["bits"]): row
        for row in results["comparisons"]
        if row["data"] == data and row["contrast"] in orders
    }


if __name__ == "__main__":
    for path in (README, PAGE):
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
