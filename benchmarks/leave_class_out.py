"""How well a class that was left out of training is recognised as unknown, each class in turn.

    python benchmarks/leave_class_out.py cells.zip --out runs/left-out --set training.epochs=3

For each class, a model is trained on all others, and its gate asked about test pictures of the
others and of the class. A line a class, then the mean and the worst: AUROC, share of the class that
is called unknown at the gate's calibration and where 3 % of the others are, and the false alarms.

What is done is not done again: a class with a `result.json` below `--out` is only read, and a
training that was interrupted goes on. `--only` names classes, so that the work can be shared out.
On two cores, the recipe `tiny` at 32 pixels takes minutes a class.
Results: benchmarks/results/left_out.
"""

import argparse
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acir.bundle import load_bundle
from acir.durable import whole
from acir.evaluation.proportion import Proportion
from acir.evaluation.retrieved import spread
from acir.evaluation.stress import GATE
from acir.metrics import ood
from acir.prep.pixels import to_unit
from acir.sources.base import open_source
from acir.types import ImageRecord
from acir.workflows.stressing.judging import Judge
from acir.workflows.train import train

RATE = 0.03
RESULT = "result.json"
NUMBERS = ("auroc", "recall", "recall_at_3pct", "false_alarm_rate")


def measured(source: str, name: str, folder: Path, recipe: argparse.Namespace) -> dict[str, Any]:
    """Train without one class, and ask the gate about it; what `folder` holds is taken over."""
    done = folder / RESULT
    if done.is_file():
        found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return found
    folder.mkdir(parents=True, exist_ok=True)
    others = folder / "others.zip"
    if not others.is_file():
        _write(others, (record for record in open_source(source) if name not in record.labels))
    run = folder / "run"
    if not (run / "bundle").is_dir():
        settings = dict(pair.split("=", 1) for pair in recipe.set)
        train(
            recipe.recipe,
            data=str(others),
            out=run,
            settings=settings,
            seed=recipe.seed,
            resume=(run / "run.json").is_file(),
        )
    judge = Judge(load_bundle(run / "bundle"), {})
    known = judge(_some(open_source(f"{others}#test"), recipe.limit))
    test = (record for record in open_source(f"{source}#test") if name in record.labels)
    left_out = judge(_some(test, recipe.limit))
    scores = known.scores[GATE], left_out.scores[GATE]
    result = {
        "class": name,
        "n_known": len(known),
        "n_left_out": len(left_out),
        "auroc": ood.auroc(*scores),
        "recall": float(left_out.refused.mean()),
        "recall_at_3pct": ood.detected_at(*scores, RATE),
        "false_alarm_rate": float(known.refused.mean()),
        "recall_ci": Proportion.of(left_out.refused.tolist()).interval,
    }
    with whole(done) as part:
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _some(records: Iterable[ImageRecord], most: int) -> list[ImageRecord]:
    """Return at most so many, evenly spread; 0 for all."""
    every = list(records)
    return [every[place] for place in spread(len(every), most or len(every))]


def _write(path: Path, records: Iterable[ImageRecord]) -> None:
    """Write folders of splits, then of classes, whole or not at all."""
    with whole(path) as part, zipfile.ZipFile(part, "w") as archive:
        for number, record in enumerate(records):
            pixels = (to_unit(record) * 255).round().astype(np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels if record.is_colour else pixels[:, :, 0]).save(buffer, "PNG")
            label = record.labels[0] if record.labels else "unknown"
            archive.writestr(f"{record.split}/{label}/{number:06d}.png", buffer.getvalue())


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the classes, their mean, and which is worst, as Markdown."""
    mean = {"class": "mean", **{key: float(np.mean([r[key] for r in rows])) for key in NUMBERS}}
    lines = [f"| class | {' | '.join(NUMBERS)} |", "|---" * (len(NUMBERS) + 1) + "|"]
    for row in (*rows, mean):
        numbers = " | ".join(f"{row[key]:.3f}" for key in NUMBERS)
        lines.append(f"| {row['class']} | {numbers} |")
    worst = min(rows, key=lambda row: float(row["auroc"]))
    return "\n".join([*lines, "", f"worst: {worst['class']}"])


def main() -> None:
    """Go through the classes and print the table of those that are done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", default=[], metavar="CLASS")
    parser.add_argument("--limit", type=int, default=0, help="most pictures judged of each kind")
    asked = parser.parse_args()
    names = sorted({name for record in open_source(asked.source) for name in record.labels})
    rows = [
        measured(asked.source, name, asked.out / name, asked)
        for name in names
        if not asked.only or name in asked.only
    ]
    print(table(rows))  # noqa: T201 - the result is what it is for


if __name__ == "__main__":
    main()
