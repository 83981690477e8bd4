"""What a detector is worth, on a stress test that can be computed by hand."""

from dataclasses import replace

import numpy as np
import pytest

from acir.evaluation.stress import Judged
from acir.evaluation.stress_ablation import ablation, section
from acir.evaluation.stress_scores import summary
from made_stress import made


def test_all_but_one_and_each_alone_are_compared_with_all() -> None:
    rows = {one.name: one.detectors for one in ablation(made())}
    assert rows == {
        "gate": ("knn", "energy"),
        "sum of all": ("knn", "energy"),
        "without knn": ("energy",),
        "without energy": ("knn",),
        "knn alone": ("knn",),
        "energy alone": ("energy",),
    }


def test_the_first_row_is_the_gate_itself() -> None:
    found, whole = made(), summary(made(), "gate")
    everything = ablation(found)[0]
    for key in ("auroc", "recall_at_3pct", "recall_at_1pct", "worst_type", "worst_recall"):
        assert getattr(everything, key) == getattr(whole, key)


def test_a_detector_that_sees_nothing_beyond_ordinary_finds_nothing_alone() -> None:
    # `energy` is min(score, 3): six of ten clean pictures reach 3, and no broken one exceeds it.
    rows = {one.name: one for one in ablation(made())}
    assert rows["energy alone"].recall_at_3pct == 0
    # `knn` is max(0, score - 3), as good as the whole above 3: speckle 3/4, the unknown set 1/2.
    assert rows["knn alone"].recall_at_3pct == pytest.approx((0.75 + 0.5) / 2)
    assert (rows["knn alone"].worst_type, rows["knn alone"].worst_recall) == ("other.zip", 0.5)
    # Of the must-accept pictures 0, 1, 2 and 9 none lies above the highest clean one, 9.
    assert rows["sum of all"].accept_at_3pct == 0


def test_one_detector_has_no_ablation() -> None:
    found = made()

    def only(judged: Judged) -> Judged:
        return replace(judged, surprises={"knn": judged.scores["gate"]})

    clean = replace(found.clean, judged=only(found.clean.judged))
    trials = tuple(replace(trial, judged=only(trial.judged)) for trial in found.trials)
    alone = replace(found, clean=clean, trials=trials)
    assert [one.name for one in ablation(alone)] == ["gate", "sum of all"]


def test_without_must_accept_pictures_no_share_is_shown() -> None:
    found = made()
    trials = tuple(trial for trial in found.trials if trial.tier != "accept")
    rows = section(replace(found, trials=trials)).tables[0].rows
    assert {row[-1] for row in rows} == {"none"}
    assert np.all([len(row) == 7 for row in rows])
