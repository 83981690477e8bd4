"""Splines against SciPy, layers against a loop over edges."""

from collections.abc import Callable
from math import exp

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline  # type: ignore[import-untyped]
from torch import Tensor

from acir.models.kan import LIMIT, BitBalance, KanHead, KanLayer, LinearHead, splines
from acir.recipe import HeadRecipe

Learns = Callable[..., None]


def _scipy_spline(grid: int, coefficients: np.ndarray) -> BSpline:
    step = 2 * LIMIT / grid
    knots = -LIMIT + step * np.arange(-3, grid + 4)
    # SciPy defines a spline where all its bases meet; three silent ones at each end widen that.
    ends = step * np.arange(1, 4)
    knots = np.concatenate([knots[0] - ends[::-1], knots, knots[-1] + ends])
    return BSpline(knots, np.pad(coefficients, 3), 3, extrapolate=False)


@pytest.mark.parametrize("grid", [1, 3, 5, 8])
def test_splines_are_scipys(grid: int) -> None:
    x = np.linspace(-1.5 * LIMIT, 1.5 * LIMIT, 301)
    found = splines(torch.from_numpy(x), grid).numpy()
    assert found.shape == (301, grid + 3)
    for index in range(grid + 3):
        wanted = np.nan_to_num(_scipy_spline(grid, np.eye(grid + 3)[index])(x))
        np.testing.assert_allclose(found[:, index], wanted, atol=1e-12)


def test_inside_the_limits_the_splines_sum_to_one() -> None:
    x = torch.linspace(-LIMIT, LIMIT, 50, dtype=torch.float64)
    torch.testing.assert_close(splines(x, 5).sum(dim=-1), torch.ones_like(x))


def test_at_a_knot_the_weights_are_1_4_1_sixths() -> None:
    # The left limit is the knot in the middle of the second basis.
    found = splines(torch.tensor([-LIMIT], dtype=torch.float64), 5)[0]
    wanted = torch.tensor([1, 4, 1, 0, 0, 0, 0, 0], dtype=torch.float64) / 6
    torch.testing.assert_close(found, wanted)


def test_far_outside_the_grid_the_splines_are_silent() -> None:
    assert not splines(torch.tensor([-1e6, -8.0, 8.0, 1e6]), 5).any()


@torch.no_grad()
def test_an_edge_is_a_scaled_silu_plus_a_scaled_spline() -> None:
    layer = KanLayer(3, 2, 5).double()
    torch.nn.init.normal_(layer.scale)
    x = torch.randn(4, 3).double() * 2
    wanted = np.zeros((4, 2))
    for row, out, edge in np.ndindex(4, 2, 3):
        value = float(x[row, edge])
        curve = _scipy_spline(5, layer.coefficients[out, edge].numpy())
        wanted[row, out] += float(layer.base[out, edge]) * value / (1 + exp(-value))
        wanted[row, out] += float(layer.scale[out, edge]) * np.nan_to_num(curve(value))
    np.testing.assert_allclose(layer(x).numpy(), wanted, atol=1e-12)


def test_an_edge_has_a_base_a_scale_and_grid_plus_3_coefficients() -> None:
    assert sum(p.numel() for p in KanLayer(7, 4, 5).parameters()) == 7 * 4 * (1 + 1 + 8)


def test_the_gradient_is_that_of_finite_differences() -> None:
    layer = KanLayer(3, 2, 5).double()
    x = (torch.randn(4, 3, dtype=torch.float64) * 3).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))


def test_a_layer_can_follow_a_curve_that_no_line_follows() -> None:
    x = torch.linspace(-2.5, 2.5, 100)[:, None]
    wanted, layer = torch.sin(2 * x), KanLayer(1, 1, 8)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(300):
        loss = (layer(x) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.01  # the best line leaves 0.4


@pytest.mark.parametrize("kind", [KanHead, LinearHead])
def test_heads_share_one_interface(
    kind: type[KanHead] | type[LinearHead], every_weight_learns: Learns
) -> None:
    head = kind(10, 16, 3, HeadRecipe(hidden=6))
    logits, class_logits = head(torch.randn(5, 10))
    assert (logits.shape, class_logits.shape) == ((5, 16), (5, 3))
    every_weight_learns(head, logits, class_logits)


@pytest.mark.parametrize("kind", [KanHead, LinearHead])
def test_a_head_trains_on_a_batch_of_one(kind: type[KanHead] | type[LinearHead]) -> None:
    logits, _ = kind(10, 16, 3, HeadRecipe(hidden=6)).train()(torch.randn(1, 10))
    assert logits.isfinite().all()


def test_blended_features_of_any_size_fall_inside_the_grid() -> None:
    head, seen = KanHead(300, 8, 2, HeadRecipe(hidden=6)), list[Tensor]()
    head.first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    head(1000 + 500 * torch.randn(20, 300))
    assert (seen[0].abs() <= LIMIT).float().mean() > 0.99


def test_the_kan_heads_classes_are_linear_in_its_first_layer() -> None:
    head = KanHead(10, 8, 3, HeadRecipe(hidden=6))
    x = torch.randn(5, 10)
    unit = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True, correction=0)
    middle = head.first(unit)
    wanted = middle @ head.classes.weight.T + head.classes.bias
    torch.testing.assert_close(head(x)[1], wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", [KanHead, LinearHead])
def test_every_bit_splits_a_batch_whatever_its_offset(
    kind: type[KanHead] | type[LinearHead],
) -> None:
    torch.manual_seed(0)
    head = kind(dim=12, bits=16, classes=3, recipe=HeadRecipe(hidden=8))
    logits, _ = head(torch.randn(64, 12) + 5)
    torch.testing.assert_close(logits.mean(dim=0), torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(logits.var(dim=0, correction=0), torch.ones(16), atol=0.1, rtol=0)


def test_a_batch_of_one_is_standardised_by_the_running_moments() -> None:
    balance = BitBalance(2).train()
    assert balance.running_mean is not None
    balance.running_mean.copy_(torch.tensor([1.0, -2.0]))
    # (3 - 1) / sqrt(1 + 1e-5) and (0 + 2) / sqrt(1 + 1e-5)
    torch.testing.assert_close(
        balance(torch.tensor([[3.0, 0.0]])), torch.tensor([[2.0, 2.0]]), atol=1e-4, rtol=0
    )
    assert balance.running_mean.tolist() == [1.0, -2.0]
