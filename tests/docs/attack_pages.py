"""What the page of attacks says they leave: `python tests/docs/attack_pages.py` writes it.

Its table stands between `<!-- attacks -->` and `<!-- end -->`; a row of the README quotes it. A
figure is the mean over the seeds that were measured.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs" / "explanation" / "attacks.md", ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results" / "attacks"
PLACE = re.compile(r"(<!-- attacks -->\n).*?(<!-- end -->)", re.DOTALL)
MODELS = ("undefended", "robust")

Result = dict[str, Any]
# What is wanted of a robust model, and where the numbers of one size of attack have it.
WANTED = (
    ("mAP under the worst attack on each picture", "", "mAP"),
    ("share of the mAP that is kept", "≥ 75 %", "kept"),
    ("called unknown, mean of attacks that do not know the gate", "", "detected"),
    ("safe: withheld, or answered about as before", "≥ 95 %", "safe"),
    ("safe where the black box alone attacks", "", "safe_black_box"),
    ("safe where the attack knows the gate, too", "≥ 80 %", "safe_adaptive"),
)
AS_SCORES = {"mAP"}
QUOTED = (
    "mAP kept under the worst attack of 8 grey levels, 64 small blood cells, robust recipe"
    " (13 points less without attack)"
)


def results() -> dict[str, list[Result]]:
    """Return the results of all seeds by model; none where either model has none."""
    found = {
        name: [json.loads(path.read_bytes()) for path in sorted(RESULTS.glob(f"{name}-*.json"))]
        for name in MODELS
    }
    return found if all(found.values()) else {}


def written(text: str) -> str:
    """Return a text with its table as the results have it."""
    lines = "\n".join(_lines(results()))
    return PLACE.sub(lambda place: f"{place[1]}{lines}\n{place[2]}", text)


def quoted(text: str) -> str:
    """Return the README with what it quotes of the results."""
    figure = _shown("kept", _mean(results()["robust"], "kept"))
    return re.sub(rf"(?<=^\| {re.escape(QUOTED)} \| ).*(?= \|$)", figure, text, flags=re.MULTILINE)


def _lines(found: dict[str, list[Result]]) -> Iterator[str]:
    if not found:
        yield "Not measured yet."
        return
    headings = [f"{name}, {_seeds(found[name])}" for name in MODELS]
    yield f"| attack | | wanted | {' | '.join(headings)} |"
    yield "|---" * (3 + len(MODELS)) + "|"
    clean = [sum(one["validation_mAP"] for one in found[n]) / len(found[n]) for n in MODELS]
    yield f"| none | mAP of all validation pictures | | {' | '.join(f'{c:.3f}' for c in clean)} |"
    clean = [sum(one["summary"]["clean_mAP"] for one in found[n]) / len(found[n]) for n in MODELS]
    yield f"| none | mAP of the test pictures below | | {' | '.join(f'{c:.3f}' for c in clean)} |"
    for levels in found[MODELS[0]][0]["summary"]["by_grey_levels"]:
        largest = levels == str(found[MODELS[0]][0]["summary"]["grey_levels"])
        for title, wanted, key in WANTED:
            cells = [_shown(key, _mean(found[name], key, levels)) for name in MODELS]
            asked = wanted if largest else ""
            yield f"| {levels} of 255 | {title} | {asked} | {' | '.join(cells)} |"


def _seeds(seeds: list[Result]) -> str:
    return f"{len(seeds)} seed{'s' * (len(seeds) > 1)}"


def _mean(seeds: list[Result], key: str, levels: str = "") -> float:
    places = [
        one["summary"]["by_grey_levels"][levels] if levels else one["summary"] for one in seeds
    ]
    return float(sum(place[key] for place in places) / len(places))


def _shown(key: str, value: float) -> str:
    return f"{value:.3f}" if key in AS_SCORES else f"{100 * value:.1f} %"


if __name__ == "__main__":
    for place, change in ((PAGE, written), (README, quoted)):
        place.write_text(change(place.read_text(encoding="utf-8")), encoding="utf-8")
