"""One perturbation for all pictures: closed form on a linear bit, and harm to pictures unseen."""

import math
from dataclasses import replace

import pytest
import torch
from einops import einsum
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks import universal as module
from acir.robustness.attacks.goals import away_from_own
from acir.robustness.attacks.objective import Objective
from acir.robustness.attacks.pgd import Plan
from acir.robustness.attacks.universal import perturbed, universal
from made_attacked import distance, network, pictures, signs

EPS = 16 / 255
PLAN = Plan(eps=EPS, step_sizes=(EPS / 4, EPS), steps=8, restarts=2)
ONE_STEP = Plan(eps=EPS, step_sizes=(EPS,), steps=1, restarts=1, random_start=False)


@pytest.mark.parametrize("goal", [-1.0, 1.0])
def test_on_one_linear_bit_a_step_is_the_sign_of_the_weights(goal: float) -> None:
    weights = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(2)).double()

    def logits(given: Tensor) -> Tensor:
        return einsum(given, weights, "b c h w, c h w -> b")[:, None] + 0.3

    found = universal(logits, pictures(5), torch.full((5, 1), goal).double(), ONE_STEP)
    torch.testing.assert_close(found, EPS * goal * weights.sign())


def test_it_never_exceeds_eps_and_a_saturated_picture_stays_in_range() -> None:
    images = pictures(6)
    change = universal(network(), images, signs(6, 16), PLAN)
    assert change.shape == images.shape[1:]
    assert change.abs().max().item() == pytest.approx(EPS)
    assert change.abs().max() <= EPS
    shown = perturbed(images, change)
    assert 0 <= shown.min() <= shown.max() <= 1
    assert ((shown - images).abs() <= change.abs() + 1e-15).all()


def test_it_moves_pictures_that_it_never_saw_away_from_their_codes() -> None:
    model, unseen = network(), pictures(20, seed=1)
    images = pictures(20)
    change = universal(model, images, away_from_own(model, images), PLAN)
    own = -away_from_own(model, unseen)
    harmed = distance(model(perturbed(unseen, change)), own).mean()
    turned = distance(model(perturbed(unseen, EPS * signs(3, 12, 12))), own).mean()
    assert harmed > 2 * turned  # noise of the same size does less


def mean_of(given: Tensor) -> Tensor:
    return given.mean(dim=(1, 2, 3))[:, None] - 0.4


def test_a_pixel_that_saturates_has_no_say() -> None:
    # The goal wants all darker: 432 pixels of two pictures, of which one is white. Brightened, the
    # white one has no slope; d/dx of (1 + tanh(a u / s)) / 2 of the other is alone.
    images = torch.stack([torch.ones(3, 12, 12), torch.full((3, 12, 12), 0.5)]).double()
    goals, change = -torch.ones(2, 1).double(), torch.full((3, 12, 12), 0.2).double()
    parts = [Objective(logits=mean_of, images=images, goals=goals)]
    slope, _ = module._slope(parts, change, 0.5)
    u, s = 0.7 - 0.4, 0.5 - 0.4
    expected = (1 - math.tanh(0.5 * u / s) ** 2) * 0.5 / s / 432 / 2
    torch.testing.assert_close(slope, torch.full_like(slope, expected))


def test_nothing_is_added_where_nothing_is_better() -> None:
    white = torch.ones(2, 3, 12, 12, dtype=torch.float64)
    assert universal(mean_of, white, torch.ones(2, 1).double(), PLAN).abs().max() == 0


def test_it_is_the_same_however_many_pictures_fit_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, images, goals = network(), pictures(7), signs(7, 16)
    whole = universal(model, images, goals, PLAN)
    monkeypatch.setattr(module, "AT_ONCE", 3)
    torch.testing.assert_close(universal(model, images, goals, PLAN), whole)


def test_a_seed_gives_the_same_and_another_seed_another() -> None:
    model, images, goals = network(), pictures(4), signs(4, 16)
    plan = replace(PLAN, steps=2)
    first = universal(model, images, goals, plan)
    assert torch.equal(first, universal(model, images, goals, plan))
    assert not torch.equal(first, universal(model, images, goals, replace(plan, seed=1)))


def test_as_many_goals_as_pictures_are_expected() -> None:
    with pytest.raises(UsageError, match="there are 70 goals for 5 pictures, expected as many"):
        universal(network(), pictures(5), signs(70, 16), PLAN)


def test_no_picture_is_refused() -> None:
    with pytest.raises(UsageError, match="there are 0 pictures to attack"):
        universal(network(), pictures(0), signs(0, 16), PLAN)
