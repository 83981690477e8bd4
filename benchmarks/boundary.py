"""How well a bundle tells known pictures from unknown ones.

    python benchmarks/boundary.py runs/cells/bundle --known cells.zip#test --unknown body.npz#test

Prints the share of each that is called unknown, and the AUROC of the gate's score.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from acir.metrics.ood import auroc, fpr_at_95_tpr
from acir.search import Model
from acir.sources.base import open_source
from acir.workflows.search import load


def judged(model: Model, source: str) -> Iterator[tuple[float, bool]]:
    """Yield the score of each picture, +inf where the pre-flight refused it, and the refusal."""
    for record in open_source(source):
        examined = model.examine(record)
        unknown = examined.verdict.verdict == "unknown"
        evidence = examined.evidence
        yield np.inf if evidence is None else float(model.bundle.gate.score(evidence)[0]), unknown


def main() -> None:
    """Judge both sources and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--known", required=True)
    parser.add_argument("--unknown", required=True)
    asked = parser.parse_args()
    model = load(asked.bundle)
    known, unknown = (
        np.array(list(judged(model, source))) for source in (asked.known, asked.unknown)
    )
    result = {
        "known": {"n": len(known), "called_unknown": known[:, 1].mean()},
        "unknown": {"n": len(unknown), "called_unknown": unknown[:, 1].mean()},
        "auroc": auroc(known[:, 0], unknown[:, 0]),
        "fpr_at_95_tpr": fpr_at_95_tpr(known[:, 0], unknown[:, 0]),
    }
    print(json.dumps(result, indent=1))  # noqa: T201 - the result is what it is for


if __name__ == "__main__":
    main()
