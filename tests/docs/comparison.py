"""The tables of the comparison that README quotes: `python tests/docs/comparison.py` writes them.

Each stands between two comments, `<!-- comparison DATA BITS -->` and `<!-- end -->`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results" / "small" / "results.json"
PLACE = re.compile(r"(<!-- comparison (\w+) (\d+) -->\n).*?(<!-- end -->)", re.DOTALL)
CODES = "Ours in Hamming order against the others in Hamming order"


def written(text: str) -> str:
    """Return a text with its tables as the results have them."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))

    def table(place: re.Match[str]) -> str:
        lines = "\n".join(_lines(results, place[2], int(place[3])))
        return f"{place[1]}{lines}\n{place[4]}"

    return PLACE.sub(table, text)


def _lines(results: dict[str, Any], data: str, bits: int) -> Iterator[str]:
    yield "| method | mAP, codes | mAP, re-ranked | codes: ours minus it | p (Holm) | verdict |"
    yield "|---|---|---|---|---|---|"
    scores = {
        (row["method"], row["order"]): f"{row['mean']:.3f} ± {row['sd']:.3f}"
        for row in results["scores"]
        if (row["data"], row["bits"], row["metric"]) == (data, bits, "mAP")
    }
    tested = {
        row["peer"]: row
        for row in results["comparisons"]
        if (row["data"], row["bits"], row["contrast"]) == (data, bits, CODES)
    }
    for method in dict.fromkeys(method for method, _ in scores):
        two = [scores.get((method, order), "") for order in ("hamming", "reranked")]
        found = tested.get(method)
        against = ["", "", ""]
        if found is not None:
            difference = f"{found['paired']['difference']:+.3f}"
            against = [difference, f"{found['adjusted_p']:.4f}", found["verdict"]]
        yield f"| {' | '.join([f'`{method}`', *two, *against])} |"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
