"""What the gate reaches, seed by seed: train, stress, and keep the numbers of the target table.

    python benchmarks/boundary_table.py benchmarks/boundary.toml --runs runs/boundary \
        --out benchmarks/results/boundary --seed 0

For each kind of pictures a model is trained and put through `acir stress`; what of it the table
needs goes to `OUT/SET-SEED.json`. What is done is not done again: a seed with a file there is left
alone, and a training or a bundle below `--runs` is taken up. `python tests/docs/boundary_pages.py`
writes the table of all files into the documentation.
"""

import argparse
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acir.workflows.stress import NUMBERS, stress
from acir.workflows.train import BUNDLE, RUN, train

RECIPE = "tiny"
KEPT = ("summary", "baselines", "equalised", "protocol", "reasons")


def measured(
    kind: Mapping[str, Any], folder: Path, seed: int, settings: Mapping[str, str], limit: int
) -> dict[str, Any]:
    """Train and stress one seed of one kind of pictures; take up what `folder` holds."""
    run, out = folder / "run", folder / "stress"
    if not (run / BUNDLE).is_dir():
        again = (run / RUN).is_file()
        train(RECIPE, data=kind["data"], out=run, settings=settings, seed=seed, resume=again)
    if not (out / NUMBERS).is_file():
        stress(run / BUNDLE, kind["data"], out, ood=kind["ood"], limit=limit)
    found = json.loads((out / NUMBERS).read_text(encoding="utf-8"))
    return {
        "title": kind["title"],
        "seed": seed,
        "settings": dict(settings),
        **{key: found[key] for key in KEPT},
        "refused_by_class": found["clean"]["refused_by_class"],
        "refused": found["clean"]["refused"],
        "answered_wrong": found["clean"]["answered_wrong"],
        "recall_by_type": _recall_by_type(found["rows"]),
        "refused_by_accepted": _refused_by_accepted(found["rows"]),
    }


def _recall_by_type(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return recall at 3 % of each kind that must be rejected, the mean over its severities."""
    shares: dict[str, list[float]] = {}
    for row in rows:
        if row["tier"] == "reject":
            shares.setdefault(row["type"], []).append(row["recall_at_3pct"]["share"])
    return {kind: sum(each) / len(each) for kind, each in shares.items()}


def _refused_by_accepted(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return what is refused at the calibration of each kind that must be accepted, by group."""
    shares: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if row["tier"] == "accept":
            kinds = shares.setdefault(row["group"], {})
            kinds.setdefault(row["type"], []).append(row["refused"]["share"])
    return {
        group: {kind: sum(each) / len(each) for kind, each in kinds.items()}
        for group, kinds in shares.items()
    }


def main() -> None:
    """Measure what is asked for and not there yet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("plan", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[], metavar="SET")
    parser.add_argument("--seed", type=int, action="append", default=[], help="repeat; 0, 1, 2")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--limit", type=int, default=0, help="fewer pictures than the plan's")
    asked = parser.parse_args()
    plan = tomllib.loads(asked.plan.read_text(encoding="utf-8"))
    settings = dict(pair.split("=", 1) for pair in asked.set)
    for name in asked.only or plan["sets"]:
        for seed in asked.seed or (0, 1, 2):
            done = asked.out / f"{name}-{seed}.json"
            if not done.is_file():
                folder, limit = asked.runs / f"{name}-{seed}", asked.limit or plan["limit"]
                result = measured(plan["sets"][name], folder, seed, settings, limit)
                done.parent.mkdir(parents=True, exist_ok=True)
                done.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
