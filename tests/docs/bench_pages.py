"""What pages say of the benchmark of the index: `python tests/docs/bench_pages.py` writes it.

README has a table between `<!-- bench index -->` and `<!-- end -->`; the plan for a gallery too
large to measure is a page of its own.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from acir.bench import plan, scale

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PLAN = ROOT / "benchmarks" / "index.toml"
RESULTS = ROOT / "benchmarks" / "results" / "index" / "results.json"
SCALE = ROOT / "docs" / "explanation" / "scale.md"
GALLERY = ("bare FAISS", "faiss knn", "faiss ties", "numba knn", "numba ties", "numba batch")
STORE = ("neighbours and names", "with ties", "answer")
LEAST = 1_000_000  # rows of what is shown
PLACE = re.compile(r"(<!-- bench index -->\n).*?(<!-- end -->)", re.DOTALL)


def results() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def written(text: str) -> str:
    """Return a text with its table as the results have it."""
    table = "\n".join(_lines(results()))
    return PLACE.sub(lambda place: f"{place[1]}{table}\n{place[2]}", text)


def larger() -> str:
    """Return the plan on paper as the results have it."""
    page = scale.page(results(), plan.load(PLAN).growth)
    assert page is not None
    return page


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield "| | ms | x read | x FAISS |"
    yield "|---|---|---|---|"
    for name, case in found["cases"].items():
        if case["rows"] < LEAST:
            continue
        if name.startswith("clustered") and case["bits"] == 64:
            for contender in GALLERY:
                one = case["figures"][contender]
                cells = (f"{one[key]['best']:.2f}" for key in ("to_read", "to_faiss"))
                row = (f"{case['rows']:,} codes: {contender}", f"{one['best_ms']:.3f}", *cells)
                yield f"| {' | '.join(row)} |"
        if "change" in case:
            for contender in STORE:
                one = case["figures"][contender]
                what = f"index of {case['rows']:,}, `{case['engine']}`: {contender}"
                yield f"| {what} | {one['best_ms']:.3f} | | {one['to_faiss']['best']:.2f} |"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    SCALE.write_text(larger(), encoding="utf-8")
