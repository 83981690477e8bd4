"""Splines against SciPy, layers against a loop over edges."""

from math import exp

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline  # type: ignore[import-untyped]

from acir.models.kan import LIMIT, KanLayer, splines


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
