"""What attacks leave of a model that was trained without a defence, and of one with.

    python benchmarks/attacks.py cells.zip --runs runs/attacks --out benchmarks/results/attacks

Both learn the same pictures at 32 pixels; then `acir stress --attacks` tries both equally hard.
What the table needs goes to `OUT/MODEL-SEED.json`. What is done is not done again: a model with a
file there is left alone, and a training, or an attack below `--runs`, is taken up.
`python tests/docs/attack_pages.py` writes the table into the documentation. With `--only` each of
two cores can have a model; then this takes about an hour and a half. Both gates look for attacks,
too (`perturbation`), which the default one does not.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acir.evaluation.attacked import Budget
from acir.recipe import GateRecipe
from acir.workflows.stress import NUMBERS, stress
from acir.workflows.train import BUNDLE, METRICS, RUN, train

RECIPE = "tiny"
SHARED = {
    "prep.size": "32",
    "gate.detectors": json.dumps([*GateRecipe().detectors, "perturbation"]),
}
MODELS = {
    "undefended": {},
    "robust": {
        "training.robust": "true",
        "model.scattering.on": "false",
        "training.average": "0.998",
        "training.epochs": "12",
    },
}
BUDGET = Budget(pictures=64, restarts=1, grey_levels=(8,))


def measured(data: str, folder: Path, settings: Mapping[str, str], seed: int) -> dict[str, Any]:
    """Train and attack one model; take up what `folder` holds."""
    run, out = folder / "run", folder / "stress"
    if not (run / BUNDLE).is_dir():
        again = (run / RUN).is_file()
        train(RECIPE, data=data, out=run, settings=settings, seed=seed, resume=again)
    if not (out / NUMBERS).is_file():
        stress(run / BUNDLE, data, out, limit=BUDGET.pictures, attack=BUDGET)
    found = json.loads((out / NUMBERS).read_text(encoding="utf-8"))
    return {
        "seed": seed,
        "settings": dict(settings),
        "validation_mAP": json.loads((run / METRICS).read_text(encoding="utf-8"))["mAP"],
        "summary": found["summary"]["attack"],
        **found["attack"],
    }


def main() -> None:
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[], choices=MODELS)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for name in asked.only or MODELS:
        done = asked.out / f"{name}-{asked.seed}.json"
        if not done.is_file():
            folder = asked.runs / f"{name}-{asked.seed}"
            result = measured(asked.data, folder, {**SHARED, **MODELS[name]}, asked.seed)
            done.parent.mkdir(parents=True, exist_ok=True)
            done.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
