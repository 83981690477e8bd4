"""What is said of classes that were left out: `python tests/docs/left_out_pages.py` writes it.

Its table stands on the page of the gate between `<!-- left out -->` and `<!-- end -->`: a row a
class, and their mean.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "gate.md"
RESULTS = ROOT / "benchmarks" / "results" / "left_out"
PLACE = re.compile(r"(<!-- left out -->\n).*?(<!-- end -->)", re.DOTALL)
TITLES = {"blood": "kinds of blood cells", "body": "body parts"}

Result = dict[str, Any]
# What is wanted of the mean, and where a result has it.
WANTED = (
    ("AUROC", "≥ 0.90", "auroc"),
    ("called unknown where 3 % of the others are", "≥ 50 %", "recall_at_3pct"),
    ("called unknown at the calibration", "", "recall"),
    ("the others, called unknown at the calibration", "≤ 3 %", "false_alarm_rate"),
)


def results() -> dict[str, list[Result]]:
    """Return the results of each class by kind of pictures, the worst class first."""
    return {
        kind: sorted(
            (json.loads(path.read_bytes()) for path in (RESULTS / kind).glob("*.json")),
            key=lambda one: float(one["auroc"]),
        )
        for kind in TITLES
    }


def written(text: str) -> str:
    """Return a text with its table as the results have it."""
    lines = "\n".join(_lines())
    return PLACE.sub(lambda place: f"{place[1]}{lines}\n{place[2]}", text)


def _lines() -> Iterator[str]:
    yield f"| left out | {' | '.join(title for title, _, _ in WANTED)} |"
    yield "|---" * (1 + len(WANTED)) + "|"
    yield f"| wanted of the mean | {' | '.join(wanted for _, wanted, _ in WANTED)} |"
    for kind, found in results().items():
        for one in found:
            yield f"| {one['class']} | {_cells(one)} |"
        if found:
            mean = {key: sum(one[key] for one in found) / len(found) for _, _, key in WANTED}
            yield f"| **mean of {len(found)} {TITLES[kind]}** | {_cells(mean)} |"


def _cells(one: Result) -> str:
    return " | ".join(
        f"{one[key]:.3f}" if key == "auroc" else f"{100 * one[key]:.1f} %" for _, _, key in WANTED
    )


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
