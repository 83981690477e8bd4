"""A stress test of a few pictures whose numbers can be computed by hand."""

import io

import numpy as np
from PIL import Image

from acir.evaluation.stress import (
    UNKNOWN_SET,
    Clean,
    Judged,
    Protocol,
    Specimen,
    Stress,
    Tier,
    Trial,
)
from acir.types import Calibration, State

THRESHOLDS = {"msp": 5.0}


def judged(gate: list[int], msp: list[int]) -> Judged:
    """Judge by the score alone: above 8 unknown, above 6 caution."""
    states: list[State] = ["unknown" if s > 8 else "caution" if s > 6 else "known" for s in gate]
    codes = tuple("ordinary" if s == "known" else "pixels" for s in states)
    scores = {"gate": np.array(gate, np.float64), "msp": np.array(msp, np.float64)}
    # Two detectors in whose order the score is too: the first sees 0 below 3, the other 3.
    knn = np.maximum(0, np.array(gate, np.float64) - 3)
    surprises = {"knn": knn, "energy": scores["gate"] - knn}
    return Judged(tuple(states), codes, 1 / (1 + np.array(gate)), scores, surprises)


def blind(found: Judged) -> Judged:
    """What is seen of copies of which nothing can be told: every score is 5."""
    return judged([5] * len(found), [5] * len(found))


def trial(kind: str, severity: int | None, tier: Tier, found: Judged) -> Trial:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (10 * len(kind), 90, 120)).save(buffer, "PNG")
    worst = Specimen("one.png", buffer.getvalue(), found.states[0])
    group = UNKNOWN_SET if severity is None else "noise"
    return Trial(kind, group, severity, tier, "the picture is odd", found, blind(found), worst)


# Ten clean pictures: the gate refuses the last one, msp the last two; two first hits are wrong,
# one of them that of the refused picture.
CLEAN = Clean(
    ids=tuple(f"{n}.png" for n in range(10)),
    seeds=(0, 1, 2, 3, *(None,) * 6),
    labels=(("a",),) * 5 + (("b",),) * 5,
    wrong=np.array([True] + [False] * 8 + [True]),
    judged=judged([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 0, 0, 0, 1, 2, 3, 4, 6, 7]),
    equalised=judged([5] * 10, [5] * 10),
)
# Must be rejected: `speckle` (mean 3/4 refused by the gate), and an unknown set (1/2).
TRIALS = (
    trial("speckle", 1, "accept", judged([0, 1, 2, 9], [0, 0, 0, 0])),
    trial("speckle", 2, "reject", judged([10, 10, 1, 1], [0, 0, 0, 0])),
    trial("speckle", 3, "reject", judged([10, 10, 10, 10], [9, 9, 9, 9])),
    trial("cut_off", 1, "warn", judged([7, 7, 0, 9], [0, 0, 0, 0])),
    trial("other.zip", None, "reject", judged([10, 3], [3, 9])),
)


def made() -> Stress:
    protocol = Protocol(
        bundle="b" * 64,
        data="phantom:",
        ood=("other.zip",),
        oriented=True,
        limit=10,
        detectors=("knn", "energy"),
        training=100,
        calibration=Calibration(123, 1, 0.03, 0.03),
        promise="at most 0.03 of ordinary pictures are called unknown",
        thresholds=THRESHOLDS,
        calibration_pictures=240,
    )
    return Stress(protocol, CLEAN, TRIALS)
