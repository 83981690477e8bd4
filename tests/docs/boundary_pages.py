"""What the page of the gate says it reaches: `python tests/docs/boundary_pages.py` writes it.

Its tables stand between `<!-- boundary -->` and `<!-- end -->`, and two rows of the README quote
them; a figure is the mean over the seeds that were measured.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from acir.evaluation.stress import GATE, title

ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs" / "explanation" / "gate.md", ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results" / "boundary"
PLACE = re.compile(r"(<!-- boundary -->\n).*?(<!-- end -->)", re.DOTALL)
CAP = 0.06  # no class may be refused more often, with 95 % confidence

Result = dict[str, Any]
# What is wanted of the gate, and where a result has it.
WANTED = (
    ("recall where 3 % of the clean pictures are refused", "≥ 95 %", "recall_at_3pct"),
    ("where 1 % are", "≥ 85 %", "recall_at_1pct"),
    ("its worst kind", "≥ 80 %", "worst_recall"),
    ("recall at the calibration", "", "recall"),
    ("false alarms at the calibration", "≤ 3 %", "false_alarm_rate"),
    ("all that must be accepted, refused", "", "must_accept_far"),
    ("answered and wrong", "≤ 4 %", "silent_error_rate"),
)
QUOTED = {
    "recall of what must be refused at 3 % false alarms, 3 seeds: blood cells, body parts": GATE,
    "the same by the reconstruction error, as the paper has it": "reconstruction",
}
RECALL, KINDS = "recall_at_3pct", ("blood", "body")
MILD = "small shifts, tilts, exposure, noise, JPEG, blur"
COLUMNS = ("recall at 3 %", "at 1 %", "worst kind", "AUROC", "equalised: recall at 3 %", "AUROC")


def results() -> dict[str, list[Result]]:
    """Return the results of all seeds by kind of pictures."""
    found: dict[str, list[Result]] = {}
    for path in sorted(RESULTS.glob("*-*.json")):
        found.setdefault(path.stem.rsplit("-", 1)[0], []).append(json.loads(path.read_bytes()))
    return found


def written(text: str) -> str:
    """Return a text with its tables as the results have them."""
    lines = "\n".join(_lines(results()))
    return PLACE.sub(lambda place: f"{place[1]}{lines}\n{place[2]}", text)


def quoted(text: str) -> str:
    """Return the README with what it quotes of the results."""
    for row, method in QUOTED.items():
        means = [_mean(_of(one, "summary", method)[RECALL] for one in results()[k]) for k in KINDS]
        figures = ", ".join(_percent(mean) for mean in means)
        text = re.sub(
            rf"(?<=^\| {re.escape(row)} \| ).*(?= \|$)", figures, text, flags=re.MULTILINE
        )
    return text


def _lines(found: dict[str, list[Result]]) -> Iterator[str]:
    sets = list(found.values())
    if not sets:
        yield "Not measured yet."
        return
    yield f"| | wanted | {' | '.join(_heading(each) for each in sets)} |"
    yield "|---" * (2 + len(sets)) + "|"
    for name, wanted, key in WANTED:
        cells = [_percent(_mean(_own(one, key) for one in each)) for each in sets]
        yield f"| {name} | {wanted} | {' | '.join(cells)} |"
    cells = [_percent(_mean(_mild(one) for one in each)) for each in sets]
    yield f"| {MILD}, refused | ≤ 6 % | {' | '.join(cells)} |"
    cells = [_percent(_mean(one["reasons"]["match"] for one in each)) for each in sets]
    yield f"| the reason is right | ≥ 80 % | {' | '.join(cells)} |"
    cells = [", ".join(dict.fromkeys(_own(one, "worst_type") for one in each)) for each in sets]
    yield f"| the worst kind | | {' | '.join(cell.replace('_', ' ') for cell in cells)} |"
    cells = [", ".join(_above_cap(each)) or "none" for each in sets]
    yield f"| classes refused above 6 %, with 95 % confidence | none | {' | '.join(cells)} |"
    yield ""
    yield f"| pictures | method | {' | '.join(COLUMNS)} |"
    yield "|---" * (2 + len(COLUMNS)) + "|"
    for each in sets:
        for method in (GATE, *each[0]["baselines"]):
            yield f"| {each[0]['title']} | {title(method)} | {' | '.join(_row(each, method))} |"


def _heading(seeds: list[Result]) -> str:
    count = f"{len(seeds)} seed{'s' * (len(seeds) > 1)}"
    changed = [f"`{key} = {value}`" for key, value in seeds[0]["settings"].items()]
    pictures = f"{seeds[0]['refused']['n']} clean pictures, {seeds[0]['protocol']['limit']} changed"
    return ", ".join([seeds[0]["title"], count, pictures, *changed])


def _row(seeds: list[Result], method: str) -> Iterator[str]:
    def mean(part: str, key: str) -> float | None:
        return _mean(_of(one, part, method)[key] for one in seeds)

    for key in ("recall_at_3pct", "recall_at_1pct", "worst_recall"):
        yield _percent(mean("summary", key))
    yield f"{mean('summary', 'auroc'):.3f}"
    yield _percent(mean("equalised", "recall_at_3pct"))
    yield f"{mean('equalised', 'auroc'):.3f}"


def _of(result: Result, part: str, method: str) -> Result:
    if part == "equalised":
        found: Result = result[part][method]
    else:
        found = result[part] if method == GATE else result["baselines"][method]
    return found


def _own(result: Result, key: str) -> Any:  # noqa: ANN401 - a number or a name
    return result["summary"][key]


def _mild(result: Result) -> float | None:
    """Return what is refused of copies that differ no more than those of another scanner."""
    return _mean(result["refused_by_accepted"]["mild"].values())


def _above_cap(seeds: list[Result]) -> list[str]:
    return [
        f"{name} (seed {one['seed']})"
        for one in seeds
        for name, share in one["refused_by_class"].items()
        if share["ci"][0] > CAP
    ]


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"


if __name__ == "__main__":
    for place, change in ((PAGE, written), (README, quoted)):
        place.write_text(change(place.read_text(encoding="utf-8")), encoding="utf-8")
