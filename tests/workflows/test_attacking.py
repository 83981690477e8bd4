"""Each attack of `acir stress --attacks` on the trained model: how far it goes, what it finds."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from acir.bundle import load_bundle
from acir.evaluation.attack_scores import floors, unsafe
from acir.evaluation.attacked import Budget
from acir.robustness.attacks.pgd import pgd
from acir.sources.base import SourceOptions, open_source
from acir.types import silent
from acir.workflows.stressing import attacking
from acir.workflows.stressing.attacking import PLAIN, Attacker, Case, attack, cases, work
from acir.workflows.stressing.parts import read_parts
from acir.workflows.stressing.victim import Victim, other_classes

BUDGET = Budget(pictures=12, steps=16, restarts=2, grey_levels=(4, 32))


@pytest.fixture(scope="module")
def attacker(bundle: Path, pictures: Path) -> Attacker:
    """Return what attacks twelve test pictures, three of each class."""
    model = load_bundle(bundle)
    source = open_source(str(pictures), SourceOptions())
    parts = read_parts(source, model, 12, silent)
    victim = Victim(model, parts.gallery)
    ready = [torch.from_numpy(model.prep(record))[:1] for record in parts.changed]
    learned = [torch.from_numpy(model.prep(record))[:1] for record in source][::10]
    relevant = (parts.labels.astype(int) @ parts.gallery.labels.T.astype(int)).sum(axis=1)
    return Attacker(
        victim=victim,
        images=torch.stack(ready),
        labels=parts.labels,
        floors=floors(relevant, len(parts.gallery)),
        budget=BUDGET,
        learned=torch.stack(learned),
    )


@pytest.mark.parametrize("case", [*(Case(a, 32) for a in PLAIN), Case("adaptive", 32, 1.0)])
def test_every_attack_stays_within_eps_and_does_harm(case: Case, attacker: Attacker) -> None:
    ticks: list[int] = []
    found = attack(case, attacker, ticks.append)
    assert sum(ticks) == work(case, attacker)
    clean = attacker.images[found.rows].numpy()
    gap = np.abs(found.images - clean)
    assert 0.5 * 32 / 255 < gap.max() <= 32 / 255 + 1e-6  # single precision
    assert 0 <= found.images.min() <= found.images.max() <= 1
    seen, before = found.result.seen, attacker.clean
    assert (seen.precision >= attacker.floors - 1e-9).all()
    if case.attack != "adaptive":
        assert seen.precision.mean() < before.precision.mean() - 0.05
    np.testing.assert_array_equal(found.result.unsafe, unsafe(before, seen))
    again = attacker.victim.seen(torch.from_numpy(found.images), attacker.labels[found.rows])
    np.testing.assert_allclose(again.precision, seen.precision[found.rows])


def test_a_targeted_attack_makes_the_target_found(attacker: Attacker) -> None:
    before = attacker.victim.precision(attacker.images, attacker.target_labels()).mean()
    result = attack(Case("target", 32), attacker, lambda _: None).result
    assert result.towards.mean() > before + 0.1
    own = np.flatnonzero(attacker.labels)[:3] % 4
    assert not (attacker.targets[:3].numpy() == own).any()


def test_further_searches_never_find_less_and_stop_where_nothing_is_left(
    attacker: Attacker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    true = pgd

    def counting(*given: Any) -> Any:  # noqa: ANN401 - as pgd
        asked.append(len(given[1]))
        return true(*given)

    monkeypatch.setattr(attacking, "pgd", counting)
    means = []
    for restarts in (1, 2):
        more = replace(attacker, budget=replace(BUDGET, restarts=restarts))
        means.append(attack(Case("own", 32), more, lambda _: None).result.seen.precision)
    assert (means[1] <= means[0]).all()
    assert all(later <= earlier for earlier, later in pairwise(asked[2:]))
    gone = replace(attacker, floors=np.ones(12))  # as if nothing could get lower
    asked.clear()
    attack(Case("own", 32), gone, lambda _: None)
    assert asked == [12]


def test_an_adaptive_attack_is_noticed_less_the_more_it_minds(attacker: Attacker) -> None:
    stand_in = attacker.stand_in
    scores = []
    for weight in (0.0, 10.0):
        found = attack(
            Case("adaptive" if weight else "class", 32, weight), attacker, lambda _: None
        )
        scores.append(stand_in(torch.from_numpy(found.images)).mean().item())
    assert scores[1] < scores[0]


def test_an_adaptive_attack_follows_a_detector_that_has_a_slope(
    attacker: Attacker, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, said = next(iter(attacker.victim.bundle.gate.detectors.values())), [0.0]
    monkeypatch.setattr(detector, "relaxed", lambda images: said[0] + images.mean(dim=(1, 2, 3)))
    stand_in = attacker.victim.penalty(attacker.learned)
    before = stand_in(attacker.images)
    said[0] = 1.0  # far more than the brightness of training pictures differs by
    assert (stand_in(attacker.images) > before + 0.5).all()


def test_targets_are_classes_that_the_gallery_has() -> None:
    own = np.array([[True, False, False, False], [False, False, False, True]])
    held = np.array([[True, False, True, True]])
    assert other_classes(own, held).tolist() == [2, 0]


def test_cases_are_every_size_of_every_attack() -> None:
    found = cases(Budget())
    assert len(found) == 3 * (5 + 4) == len(set(found))
    assert {c.weight for c in found if c.attack == "adaptive"} == {0.01, 0.1, 1.0, 10.0}
