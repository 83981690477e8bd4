"""PGD on codes: closed forms on linear logits, and what must hold on any network."""

import math
from dataclasses import replace

import pytest
import torch
from einops import einsum
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks.goals import Gallery, away_from_class, away_from_own, towards_class
from acir.robustness.attacks.objective import Objective, Penalty
from acir.robustness.attacks.pgd import Plan, pgd
from made_attacked import distance, network, pictures, signs

EPS = 16 / 255
PLAN = Plan(eps=EPS, step_sizes=(EPS / 4, EPS), steps=10, restarts=2)
ONE_STEP = Plan(eps=EPS, step_sizes=(EPS,), steps=1, restarts=1, random_start=False)


@pytest.mark.parametrize("random_start", [False, True])
@pytest.mark.parametrize("eps", [2 / 255, 8 / 255, 0.5, 1.0])
def test_no_pixel_moves_further_than_eps_nor_leaves_the_range(
    eps: float, random_start: bool
) -> None:
    images = pictures(6)
    plan = Plan(
        eps=eps, step_sizes=(eps / 3, 5 * eps), steps=4, restarts=1, random_start=random_start
    )
    found = pgd(network(), images, signs(6, 16), plan)
    assert 0 <= found.min() <= found.max() <= 1
    moved = (found - images).abs().flatten(1).max(dim=1).values
    assert moved.tolist() == pytest.approx([eps] * 6, rel=0.1)
    assert moved.max() <= eps + 1e-15


def test_pictures_in_single_precision_stay_so_and_obey_eps_to_its_rounding() -> None:
    model, images = network().float(), pictures(6).float()
    found = pgd(model, images, signs(6, 16).float(), PLAN)
    assert found.dtype == torch.float32
    assert (found - images).abs().max() <= EPS + 6e-8  # half a step of numbers just below 1, twice


@pytest.mark.parametrize("goal", [-1.0, 1.0])
def test_on_one_linear_bit_a_step_is_the_sign_of_the_weights(goal: float) -> None:
    # u = <w, x> + b rises fastest, with all pixels moving as far, along sign(w).
    weights = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(2)).double()
    images = pictures(5)

    def logits(given: Tensor) -> Tensor:
        return einsum(given, weights, "b c h w, c h w -> b")[:, None] + 0.3

    found = pgd(logits, images, torch.full((5, 1), goal).double(), ONE_STEP)
    expected = (images + EPS * goal * weights.sign()).clamp(0, 1)
    torch.testing.assert_close(found, expected)


def test_on_linear_logits_a_step_is_the_sign_of_the_weighed_weights() -> None:
    # d/dx of sum_k g_k tanh(a u_k / s) is sum_k g_k (1 - tanh^2(a u_k / s)) a / s w_k, where a is
    # 0.1 in the first step and s the mean size of the logits.
    weights = torch.randn(7, 3, 12, 12, generator=torch.Generator().manual_seed(2)).double()
    images, goals = pictures(5), signs(5, 7)

    def logits(given: Tensor) -> Tensor:
        return einsum(given, weights, "b c h w, bit c h w -> b bit")

    u = logits(images)
    s = u.abs().mean(dim=1, keepdim=True)
    pull = goals * (1 - torch.tanh(0.1 * u / s) ** 2)
    rise = einsum(pull, weights, "b bit, bit c h w -> b c h w")
    found = pgd(logits, images, goals, ONE_STEP)
    torch.testing.assert_close(found, (images + EPS * rise.sign()).clamp(0, 1))


def test_every_picture_leaves_its_own_code() -> None:
    model, images = network(), pictures(8)
    found = pgd(model, images, away_from_own(model, images), PLAN)
    own = -away_from_own(model, images)
    assert distance(model(images), own).max() == 0
    noise = distance(model((images + EPS * signs(8, 3, 12, 12)).clamp(0, 1)), own)
    assert distance(model(found), own).min() >= 3
    assert distance(model(found), own).mean() > 3 * noise.mean()


def test_every_picture_comes_nearer_to_the_anchor_of_its_target() -> None:
    model, images = network(), pictures(8)
    labels = torch.eye(2, dtype=torch.float64)[torch.arange(8) % 2]
    gallery = Gallery(-away_from_own(model, pictures(8, seed=1)), labels)
    goals = towards_class((torch.arange(8) + 1) % 2, gallery)
    before = distance(model(images), goals)
    after = distance(model(pgd(model, images, goals, PLAN)), goals)
    assert (after[before > 0] < before[before > 0]).all()
    assert after.mean() < before.mean() / 2


def test_every_picture_leaves_the_code_of_its_class() -> None:
    model, images = network(), pictures(8)
    labels = torch.eye(2, dtype=torch.float64)[torch.arange(8) % 2]
    goals = away_from_class(labels, Gallery(-away_from_own(model, images), labels))
    found = pgd(model, images, goals, PLAN)
    assert (distance(model(found), -goals) > distance(model(images), -goals)).all()


def test_the_attack_does_not_depend_on_the_batch() -> None:
    model, images, goals = network(), pictures(5), signs(5, 16)
    together = pgd(model, images, goals, PLAN)
    alone = [pgd(model, images[i : i + 1], goals[i : i + 1], PLAN) for i in range(5)]
    torch.testing.assert_close(together, torch.cat(alone))
    torch.testing.assert_close(together, pgd(model, images.flip(0), goals.flip(0), PLAN).flip(0))


def test_a_seed_gives_the_same_attack_and_another_seed_another() -> None:
    model, images, goals = network(), pictures(3), signs(3, 16)
    first = pgd(model, images, goals, PLAN)
    assert torch.equal(first, pgd(model, images, goals, PLAN))
    assert not torch.equal(first, pgd(model, images, goals, replace(PLAN, seed=1)))


def test_the_pictures_given_are_not_changed() -> None:
    images = pictures(3)
    pgd(network(), images, signs(3, 16), PLAN)
    assert torch.equal(images, pictures(3))


def costs_of(plan: Plan) -> Tensor:
    model, images, goals = network(), pictures(12), signs(12, 16)
    objective = Objective(logits=model, images=images, goals=goals)
    return objective.costs(pgd(model, images, goals, plan))


def test_of_the_step_sizes_the_worst_for_each_picture_counts() -> None:
    plan = replace(PLAN, step_sizes=(EPS, 2 * EPS), steps=5, restarts=1)
    each = torch.stack([costs_of(replace(plan, step_sizes=(s,))) for s in plan.step_sizes])
    assert len(set(each.argmin(dim=0).tolist())) == 2  # neither is the worst for all
    torch.testing.assert_close(costs_of(plan), each.min(dim=0).values)


def test_a_restart_can_only_make_it_worse_and_does_for_some() -> None:
    plan = replace(PLAN, steps=3)
    one, three = costs_of(replace(plan, restarts=1)), costs_of(replace(plan, restarts=3))
    assert (three <= one).all()
    assert (three < one).any()


def test_the_best_point_on_the_way_is_kept_where_the_last_is_worse() -> None:
    # Waves as long as a step: at 0.5, 0.59, 0.68 and 0.77 the logit rises alike, so that each step
    # goes up, but on the whole it is greatest around 0.6.
    images = torch.full((1, 3, 12, 12), 0.5, dtype=torch.float64)

    def logits(given: Tensor) -> Tensor:
        past = given.mean(dim=(1, 2, 3))[:, None] - 0.6
        return 2 + torch.cos(2 * math.pi * past / 0.09) - 10 * past**2

    goals = torch.ones(1, 1, dtype=torch.float64)
    plan = Plan(eps=0.3, step_sizes=(0.09,), steps=3, restarts=1, random_start=False)
    assert pgd(logits, images, goals, plan).mean().item() == pytest.approx(0.59)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_logits_of_any_size_are_attacked_alike(factor: float) -> None:
    model, images, goals = network(), pictures(4), signs(4, 16)
    found = pgd(lambda given: factor * model(given), images, goals, PLAN)
    torch.testing.assert_close(found, pgd(model, images, goals, PLAN))


def test_where_nothing_is_better_the_picture_stays() -> None:
    images = pictures(3)
    found = pgd(lambda given: 0 * given.mean(dim=(2, 3)) + 1, images, -torch.ones(3, 3), PLAN)
    assert torch.equal(found, images)


# Adaptive


def brightness(images: Tensor) -> Tensor:
    return images.mean(dim=(1, 2, 3))


def unwanted(images: Tensor) -> Tensor:
    raise AssertionError("scores of no weight were asked for")


def test_a_penalty_without_weight_is_the_plain_attack() -> None:
    model, images, goals = network(), pictures(4), signs(4, 16)
    plain = pgd(model, images, goals, PLAN)
    penalty = Penalty(scores=unwanted, weight=0.0)
    assert torch.equal(pgd(model, images, goals, PLAN, penalty), plain)


def test_a_heavier_penalty_is_kept_lower_at_the_price_of_bits() -> None:
    model, images = network(), pictures(6)
    goals = away_from_own(model, images)
    found = [
        pgd(model, images, goals, PLAN, Penalty(scores=brightness, weight=weight))
        for weight in (0.0, 10.0, 1e4)
    ]
    scores = [brightness(each).mean().item() for each in found]
    missing = [distance(model(each), goals).mean().item() for each in found]
    assert scores[0] > scores[1] > scores[2]
    assert missing[0] < missing[1] <= missing[2]
    # The last only darkens: every pixel by eps, as far as it is not black.
    expected = brightness((images - EPS).clamp(0)).mean().item()
    assert scores[2] == pytest.approx(expected, rel=1e-3)


# Plans


def test_the_code_is_relaxed_less_and_less() -> None:
    plan = Plan(eps=EPS, step_sizes=(EPS,), steps=20)
    assert [plan.alpha(step) for step in range(20)] == [
        *([0.1] * 10),
        *([0.2] * 2 + [0.3] * 2 + [0.5] * 2 + [0.7] * 2 + [1.0] * 2),
    ]
    assert ONE_STEP.alpha(0) == 0.1


def test_a_search_for_each_step_size_and_restart() -> None:
    calls = 0

    def logits(given: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return given.mean(dim=(2, 3))

    pgd(logits, pictures(2), signs(2, 3), replace(PLAN, steps=5))
    assert PLAN.searches == 4
    assert calls == 1 + 4 * (5 + 1)  # the clean pictures; then each step, and the end


@pytest.mark.parametrize("eps", [0.0, -0.1, 1.1, 8.0, math.nan])
def test_an_eps_out_of_range_is_refused(eps: float) -> None:
    expected = f"eps is {eps:g}, expected more than 0 and at most 1; .* give 8/255 for 8 grey"
    with pytest.raises(UsageError, match=expected):
        replace(PLAN, eps=eps)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UsageError, match="the seed is -1, expected 0 or more"):
        replace(PLAN, seed=-1)


def test_a_plan_without_step_sizes_is_refused() -> None:
    with pytest.raises(UsageError, match="there are 0 step sizes, expected at least 1, such as"):
        replace(PLAN, step_sizes=())


@pytest.mark.parametrize("size", [0.0, -0.1, math.nan, math.inf])
def test_a_step_size_out_of_range_is_refused(size: float) -> None:
    with pytest.raises(UsageError, match=f"a step size is {size:g}, expected more than 0"):
        replace(PLAN, step_sizes=(0.1, size))


def test_a_plan_without_steps_is_refused() -> None:
    with pytest.raises(UsageError, match="the number of steps is 0, expected at least 1"):
        replace(PLAN, steps=0)


def test_a_plan_without_restarts_is_refused() -> None:
    with pytest.raises(UsageError, match="the number of restarts is 0, expected at least 1"):
        replace(PLAN, restarts=0)


def test_the_same_start_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="there are 2 restarts without a random start, expected 1"):
        replace(PLAN, random_start=False)
