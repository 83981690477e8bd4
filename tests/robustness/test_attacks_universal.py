"""One perturbation for all pictures: closed form on a linear bit, and harm to pictures unseen."""

from dataclasses import replace

import pytest
import torch
from einops import einsum
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks import universal as module
from acir.robustness.attacks.goals import away_from_own
from acir.robustness.attacks.objective import Penalty
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


def test_no_gradient_of_a_pixel_that_saturates_is_followed() -> None:
    # One bit that falls with every pixel's brightness: two white pictures cannot get brighter, a
    # grey one can. The goal +1 wants them darker, so all of them go down; the goal -1 brighter.
    images = torch.ones(2, 3, 12, 12, dtype=torch.float64)

    def logits(given: Tensor) -> Tensor:
        return 0.5 - given.mean(dim=(1, 2, 3))[:, None]

    plan = replace(ONE_STEP, steps=3)
    darker = universal(logits, images, torch.ones(2, 1).double(), plan)
    assert darker.max().item() == darker.min().item() == pytest.approx(-EPS)
    assert universal(logits, images, -torch.ones(2, 1).double(), plan).abs().max() == 0


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


def test_a_penalty_is_kept_low() -> None:
    # A weight that leaves nothing but brightness: all pixels go down by eps.
    penalty = Penalty(scores=lambda given: given.mean(dim=(1, 2, 3)), weight=1e5)
    change = universal(network(), pictures(6), signs(6, 16), ONE_STEP, penalty)
    assert change.max().item() == change.min().item() == pytest.approx(-EPS)


def test_as_many_goals_as_pictures_are_expected() -> None:
    with pytest.raises(UsageError, match="there are 70 goals for 5 pictures, expected as many"):
        universal(network(), pictures(5), signs(70, 16), PLAN)


def test_no_picture_is_refused() -> None:
    with pytest.raises(UsageError, match="there are 0 pictures to attack"):
        universal(network(), pictures(0), signs(0, 16), PLAN)
