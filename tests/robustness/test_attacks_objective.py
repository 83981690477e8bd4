"""What an attack lowers: values by hand, slopes by finite differences, and what is refused."""

import math

import pytest
import torch
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks.ball import check_images, generator, projected, random_start
from acir.robustness.attacks.objective import Best, Objective, Penalty
from made_attacked import network, pictures, signs

ALPHA = 0.7


def test_cost_by_hand() -> None:
    # Logits 1 and -3 have the mean size 2, so u = (0.5, -1.5). The goal (+1, +1) misses one bit of
    # two, 0.5; the relaxed distance is (1 - (tanh 0.5 + tanh -1.5) / 2) / 2, and counts half.
    found = torch.tensor([[1.0, -3.0]], dtype=torch.float64)
    objective = Objective(
        logits=lambda _: found, images=pictures(1), goals=torch.ones(1, 2, dtype=torch.float64)
    )
    relaxed = (1 - (math.tanh(0.5) + math.tanh(-1.5)) / 2) / 2
    assert objective.clean.costs.item() == pytest.approx(0.5 + relaxed / 2)
    assert objective.costs(pictures(1)).item() == pytest.approx(0.5 + relaxed / 2)


def test_a_zero_logit_is_a_one() -> None:
    # The mean size is 0.5, so u = (0, 2); no bit is missed.
    found = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    objective = Objective(
        logits=lambda _: found, images=pictures(1), goals=torch.ones(1, 2, dtype=torch.float64)
    )
    relaxed = (1 - math.tanh(2) / 2) / 2
    assert objective.clean.costs.item() == pytest.approx(relaxed / 2)


def test_the_penalty_is_added_with_its_weight() -> None:
    images, model = pictures(4), network()
    penalty = Penalty(scores=lambda given: given.mean(dim=(1, 2, 3)), weight=3.0)
    plain = Objective(logits=model, images=images, goals=signs(4, 16))
    adaptive = Objective(logits=model, images=images, goals=signs(4, 16), penalty=penalty)
    expected = plain.clean.costs + 3 * images.mean(dim=(1, 2, 3))
    torch.testing.assert_close(adaptive.clean.costs, expected)
    torch.testing.assert_close(adaptive.slope(images, ALPHA)[1], expected)


def test_one_bit_counts_more_than_any_relaxed_code() -> None:
    # The first code misses no bit but all logits lie near 0; the second is far out with one wrong.
    ones = torch.ones(1, 4, dtype=torch.float64)
    near, far = 1e-9 * ones, 50 * ones * torch.tensor([-1e-3, 1, 1, 1])
    given = {0.0: 1.0 * ones, 0.25: near, 0.75: far}
    objective = Objective(
        logits=lambda images: given[images.mean().item()],
        images=torch.zeros(1, 3, 4, 4, dtype=torch.float64),
        goals=ones,
    )
    costs = [
        objective.costs(torch.full((1, 3, 4, 4), level).double()).item() for level in (0.25, 0.75)
    ]
    assert costs[0] < costs[1]


def test_the_slope_is_that_of_finite_differences() -> None:
    images, model, goals = pictures(2), network(), signs(2, 16)
    penalty = Penalty(scores=lambda given: (given**3).sum(dim=(1, 2, 3)), weight=0.5)
    objective = Objective(logits=model, images=images, goals=goals, penalty=penalty)
    scale = model(images).abs().mean(dim=1, keepdim=True).detach()

    def total(point: Tensor) -> float:
        near = (goals * torch.tanh(ALPHA * model(point) / scale)).mean(dim=1)
        return float(((1 - near) / 2 + 0.5 * (point**3).sum(dim=(1, 2, 3))).sum().detach())

    point = pictures(2, seed=1)
    slope, _ = objective.slope(point, ALPHA)
    for place in [(0, 0, 0, 0), (0, 2, 5, 7), (1, 1, 11, 3), (1, 2, 8, 8)]:
        step = torch.zeros_like(point)
        step[place] = 1e-5
        expected = (total(point + step) - total(point - step)) / 2e-5
        assert slope[place].item() == pytest.approx(expected, rel=1e-6)


def test_parameters_get_no_gradient() -> None:
    model = network()
    objective = Objective(logits=model, images=pictures(2), goals=signs(2, 16))
    objective.slope(pictures(2), ALPHA)
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_the_slope_is_found_where_the_caller_has_turned_gradients_off() -> None:
    objective = Objective(logits=network(), images=pictures(2), goals=signs(2, 16))
    expected = objective.slope(pictures(2), ALPHA)[0]
    with torch.no_grad():
        found = objective.slope(pictures(2), ALPHA)[0]
    torch.testing.assert_close(found, expected)


def test_logits_of_zero_have_a_slope() -> None:
    objective = Objective(
        logits=lambda images: 0 * images.mean(dim=(2, 3)), images=pictures(2), goals=signs(2, 3)
    )
    slope, costs = objective.slope(pictures(2), ALPHA)
    assert slope.abs().max() == 0
    assert costs.isfinite().all()


def test_the_better_of_two_is_chosen_picture_by_picture() -> None:
    held = Best(torch.zeros(3, 1, 2, 2), torch.tensor([1.0, 2.0, 3.0]))
    found = held.better(torch.ones(3, 1, 2, 2), torch.tensor([0.5, 2.0, torch.nan]))
    assert found.images[:, 0, 0, 0].tolist() == [1, 0, 0]
    assert found.costs.tolist() == [0.5, 2, 3]


# Where an attack may go


def test_the_nearest_allowed_picture_by_hand() -> None:
    images = torch.tensor([0.0, 0.5, 0.9, 0.5]).reshape(4, 1, 1, 1)
    points = torch.tensor([-0.3, 0.6, 1.5, -1.0]).reshape(4, 1, 1, 1)
    assert projected(points, images, 0.25).flatten().tolist() == pytest.approx([0, 0.6, 1, 0.25])


def test_a_random_start_is_spread_evenly_over_what_is_allowed() -> None:
    grey = torch.full((20, 3, 12, 12), 0.5)
    drawn = random_start(grey + torch.arange(20).reshape(-1, 1, 1, 1) / 1e6, 0.1, 0, 0) - grey
    assert drawn.abs().max() <= 0.1 + 1e-4
    assert drawn.mean().item() == pytest.approx(0, abs=0.003)
    assert drawn.std().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.05)  # of a uniform


def test_chance_depends_on_the_picture_and_on_the_numbers_alone() -> None:
    images = pictures(2)
    draws = [
        generator(picture, seed, restart).random()
        for picture in images
        for seed in (0, 1)
        for restart in (0, 1)
    ]
    assert len(set(draws)) == 8
    assert generator(images[1].clone(), 1, 0).random() == draws[6]


# Refusals


def test_no_picture_is_refused() -> None:
    with pytest.raises(UsageError, match="there are 0 pictures to attack, expected at least 1"):
        check_images(pictures(0))


@pytest.mark.parametrize("wrong", [-0.5, 1.5, math.nan])
def test_pictures_beyond_black_and_white_are_refused(wrong: float) -> None:
    images = pictures(2)
    images[1, 0, 3, 3] = wrong
    with pytest.raises(UsageError, match=r"the pictures have values from .* expected 0 to 1; prep"):
        check_images(images)


def test_goals_of_another_length_are_refused() -> None:
    expected = "3 goals of 8 bits for 2 pictures with codes of 16, expected one goal a picture"
    with pytest.raises(UsageError, match=expected):
        Objective(logits=network(), images=pictures(2), goals=signs(3, 8))


def test_goals_that_are_logits_are_refused() -> None:
    with pytest.raises(UsageError, match=r"numbers other than -1 and \+1"):
        Objective(logits=network(), images=pictures(2), goals=0.3 * signs(2, 16))


def test_logits_without_a_derivative_are_refused() -> None:
    objective = Objective(
        logits=lambda images: network()(images.detach()).detach(),
        images=pictures(2),
        goals=signs(2, 16),
    )
    with pytest.raises(UsageError, match=r"nothing to differentiate.*use the square attack"):
        objective.slope(pictures(2), ALPHA)


def test_a_derivative_that_is_not_a_number_is_refused() -> None:
    # The derivative of the root of 0 * x is 0 * infinity.
    objective = Objective(
        logits=lambda images: (0 * images).mean(dim=(2, 3)).sqrt(),
        images=pictures(2),
        goals=signs(2, 3),
    )
    with pytest.raises(UsageError, match="is not a number, expected a finite one; look for roots"):
        objective.slope(pictures(2), ALPHA)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    with pytest.raises(UsageError, match=f"penalty's weight is {weight:g}, expected 0 or more"):
        Penalty(scores=lambda images: images.sum(dim=(1, 2, 3)), weight=weight)
