"""Wavelet scattering against a loop over pixels, and what it hears."""

import cmath
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from acir.models.scattering import Scattering, morlets
from acir.recipe import ScatteringRecipe
from made_gradients import silent_weights

FEW = ScatteringRecipe(on=True, scales=2, directions=2, grid=2, out=5)


def _stripes(angle: float, side: int = 28, turn: float = 0.75 * math.pi) -> Tensor:
    """Draw a wave that runs along an angle, as many radians a pixel as the finest wavelet."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    wave = torch.cos(turn * (x * math.cos(angle) + y * math.sin(angle)))
    return (0.5 + 0.5 * wave).expand(1, 3, side, side)


@pytest.mark.parametrize("directions", [1, 2, 4, 6])
def test_a_wavelet_is_blind_to_a_constant(directions: int) -> None:
    sums = morlets(directions).sum(dim=(1, 2))
    torch.testing.assert_close(sums, torch.zeros_like(sums), atol=1e-6, rtol=0)


def test_a_wavelet_is_the_wave_under_the_bell_that_is_written_down() -> None:
    # Direction 1 of 2 runs down: along = y, across = -2 x, the bell has sigma 0.8.
    bell = {
        (y, x): math.exp(-(y * y + 4 * x * x) / 1.28) for y in range(-3, 4) for x in range(-3, 4)
    }
    wave = {at: bell[at] * cmath.exp(0.75j * math.pi * at[0]) for at in bell}
    share = sum(wave.values()) / sum(bell.values())
    wanted = {at: (wave[at] - bell[at] * share) / sum(bell.values()) for at in bell}
    found = morlets(2)[1]
    for (y, x), value in wanted.items():
        assert complex(found[y + 3, x + 3]) == pytest.approx(value, abs=1e-6)


@torch.no_grad()
def test_the_answers_are_those_of_a_loop_over_pixels() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 13, 9)
    found = Scattering(FEW).answers(picture)[0].double().numpy()
    kernels = morlets(2).numpy()
    grey = picture[0].mean(dim=0).double().numpy()
    first = [_moduli(grey, k) for k in kernels]
    second = [_moduli(_halved(m), k) for m in first for k in kernels]
    coarse = [_moduli(_halved(grey), k) for k in kernels]
    wanted = [*picture[0].double().numpy(), *first, *second, *coarse]
    np.testing.assert_allclose(found, np.stack([_cells(m) for m in wanted]), atol=1e-5)


@pytest.mark.parametrize("strongest", range(4))
@torch.no_grad()
def test_stripes_are_heard_by_the_wavelet_that_runs_their_way(strongest: int) -> None:
    block = Scattering(ScatteringRecipe(on=True, scales=1))
    answers = block.answers(_stripes(math.pi * strongest / 4)).mean(dim=(2, 3))[0, 3:]
    assert int(answers.argmax()) == strongest


@torch.no_grad()
def test_stripes_twice_as_wide_are_heard_one_scale_later() -> None:
    block = Scattering(ScatteringRecipe(on=True, scales=2))
    for scale, turn in enumerate((0.75 * math.pi, 0.375 * math.pi)):
        answers = block.answers(_stripes(0.0, side=56, turn=turn)).mean(dim=(2, 3))[0]
        finest, coarser = answers[3], answers[3 + 4 + 16]
        assert int(torch.stack([finest, coarser]).argmax()) == scale


@torch.no_grad()
def test_brightness_changes_the_order_zero_alone() -> None:
    block, picture = Scattering(ScatteringRecipe(on=True)), torch.rand(2, 3, 28, 28) / 2
    dark, bright = block.answers(picture), block.answers(picture + 0.5)
    torch.testing.assert_close(bright[:, :3], dark[:, :3] + 0.5)
    torch.testing.assert_close(bright[:, 3:], dark[:, 3:], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("scales", "directions"), [(1, 2), (3, 4), (4, 6)])
@pytest.mark.parametrize("side", [(32, 32), (33, 47), (64, 40)])
@torch.no_grad()
def test_pictures_of_any_size_give_as_many_features(
    scales: int, directions: int, side: tuple[int, int]
) -> None:
    recipe = ScatteringRecipe(on=True, scales=scales, directions=directions, grid=3, out=7)
    block = Scattering(recipe).eval()
    # three channels, every scale and direction, every pair of a scale and a coarser one
    maps = 3 + scales * directions + scales * (scales - 1) // 2 * directions**2
    assert block.answers(torch.rand(2, 3, *side)).shape == (2, maps, 3, 3)
    assert block(torch.rand(2, 3, *side)).shape == (2, 7)


SYMMETRIES: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda x: x,
    lambda x: x.flip(-1),
    lambda x: x.flip(-2),
    lambda x: x.rot90(1, (-2, -1)),
    lambda x: x.rot90(2, (-2, -1)),
    lambda x: x.rot90(3, (-2, -1)),
    lambda x: x.transpose(-1, -2),
    lambda x: x.transpose(-1, -2).flip((-2, -1)),
)


@pytest.mark.parametrize("directions", [2, 4, 6])
@torch.no_grad()
def test_the_features_are_the_mean_over_the_eight_pictures_turned_and_mirrored(
    directions: int,
) -> None:
    recipe = ScatteringRecipe(
        on=True, symmetry="square", scales=3, directions=directions, grid=3, out=7
    )
    block = Scattering(recipe).eval()
    picture = torch.rand(2, 3, 28, 28)
    looked = [
        block.project(torch.log(block.answers(turn(picture)) + 1e-3).flatten(1))
        for turn in SYMMETRIES
    ]
    torch.testing.assert_close(
        block(picture), torch.stack(looked).mean(dim=0), atol=1e-4, rtol=1e-4
    )
    for turn in SYMMETRIES:
        torch.testing.assert_close(block(turn(picture)), block(picture), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_without_symmetry_a_turned_picture_has_other_features() -> None:
    recipe = ScatteringRecipe(on=True, symmetry="none")
    block, picture = Scattering(recipe).eval(), torch.rand(2, 3, 28, 28)
    assert (block(picture.rot90(1, (-2, -1))) - block(picture)).abs().max() > 0.1


@torch.no_grad()
def test_another_picture_has_other_features() -> None:
    block = Scattering(ScatteringRecipe(on=True, symmetry="square")).eval()
    stripes, wide = block(_stripes(0.0)), block(_stripes(0.0, turn=0.4 * math.pi))
    assert (stripes - wide).abs().max() > 0.1


def test_it_trains_on_one_picture_and_every_weight_learns() -> None:
    block = Scattering(FEW).train()
    assert block(torch.rand(1, 3, 28, 28)).isfinite().all()
    assert silent_weights(block, block(torch.rand(4, 3, 28, 28))) == []


def test_a_gradient_reaches_the_picture_even_where_it_is_blank() -> None:
    picture = torch.zeros(1, 3, 28, 28, requires_grad=True)
    Scattering(FEW).eval()(picture).sum().backward()
    assert picture.grad is not None
    assert picture.grad.isfinite().all()


def _moduli(grey: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    height, width = grey.shape
    padded = np.pad(grey, 3, mode="reflect")
    out = np.zeros_like(grey)
    for y in range(height):
        for x in range(width):
            out[y, x] = abs((padded[y : y + 7, x : x + 7] * kernel).sum())
    return out


def _halved(grey: np.ndarray) -> np.ndarray:
    height, width = -(-grey.shape[0] // 2), -(-grey.shape[1] // 2)
    return np.array(
        [
            [grey[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean() for x in range(width)]
            for y in range(height)
        ]
    )


def _cells(grey: np.ndarray, grid: int = 2) -> np.ndarray:
    """Average over cells that may share a row or column, as adaptive pooling does."""
    rows, columns = (
        [(math.floor(i * n / grid), math.ceil((i + 1) * n / grid)) for i in range(grid)]
        for n in grey.shape
    )
    return np.array([[grey[a:b, c:d].mean() for c, d in columns] for a, b in rows])
