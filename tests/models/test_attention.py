"""Windowed attention against a loop over windows and heads."""

from math import ceil, sqrt

import pytest
import torch
from torch import Tensor

from acir.models.attention import ConvMSA, window_side
from acir.recipe import AttentionRecipe
from made_gradients import silent_weights

RECIPE = AttentionRecipe(window=7, heads=2, head_dim=3)


def _block(recipe: AttentionRecipe = RECIPE) -> ConvMSA:
    block = ConvMSA(5, recipe).double()
    torch.nn.init.normal_(block.position_bias)
    return block


@torch.no_grad()
@pytest.mark.parametrize(
    ("height", "width"),
    [(7, 7), (14, 2), (16, 4), (3, 5), (1, 1), (11, 11), (13, 8), (22, 2), (2, 17)],
)
def test_it_is_plain_attention_inside_each_window(height: int, width: int) -> None:
    block = _block()
    maps = torch.randn(2, 5, height, width, dtype=torch.float64)
    torch.testing.assert_close(block(maps), maps + _naive(block, maps))


def test_no_position_sees_another_window() -> None:
    block, maps = _block(), torch.randn(1, 5, 11, 11, dtype=torch.float64)
    changed = maps.clone()
    changed[:, :, 6:, 6:] += 1  # windows of 6: the last one begins at 6 and is padded
    moved = (block(maps) != block(changed)).any(dim=1)[0]
    assert moved[6:, 6:].all()
    assert not moved[:6].any()
    assert not moved[:, :6].any()


def test_silent_output_leaves_the_map_as_it_was() -> None:
    block, maps = _block(), torch.randn(1, 5, 9, 9, dtype=torch.float64)
    for parameter in block.out.parameters():
        torch.nn.init.zeros_(parameter)
    assert torch.equal(block(maps), maps)


def test_weights_do_not_depend_on_the_map() -> None:
    # q, k, v and out: 4 * 5 * 6, the bias of out: 5, relative positions: 2 * 13 * 13
    assert sum(p.numel() for p in ConvMSA(5, RECIPE).parameters()) == 120 + 5 + 338


@pytest.mark.parametrize("side", [7, 11])
def test_gradients_reach_every_weight(side: int) -> None:
    block = _block()
    assert silent_weights(block, block(torch.randn(2, 5, side, side, dtype=torch.float64))) == []


@pytest.mark.parametrize("height", range(2, 11))
def test_any_map_keeps_its_shape_and_stays_finite(height: int) -> None:
    maps = torch.randn(1, 5, height, 13 - height, dtype=torch.float64)
    out = _block(AttentionRecipe(window=4, heads=1, head_dim=2))(maps)
    assert out.shape == maps.shape
    assert out.isfinite().all()


# side: window. 28 = 4 * 7; 16 = 4 * 4; 11 and 13 are prime: two windows; 22: its divisor 2 is
# small, four windows of 6; 9: its divisor 3 is under half of 7, two windows of 5.
@pytest.mark.parametrize(
    ("side", "window"),
    [(1, 1), (2, 2), (7, 7), (28, 7), (16, 4), (11, 6), (13, 7), (22, 6), (9, 5), (10, 5)],
)
def test_the_window_fits_the_side(side: int, window: int) -> None:
    assert window_side(side, 7) == window


@pytest.mark.parametrize("largest", range(1, 9))
def test_windows_share_the_padding_and_are_more_than_half_as_large_as_can_be(largest: int) -> None:
    for side in range(1, 130):
        window, most = window_side(side, largest), min(side, largest)
        assert most / 2 < window <= most
        assert -side % window < ceil(side / window)  # less than a position of each window


def _naive(block: ConvMSA, maps: Tensor) -> Tensor:
    """Loop over pictures, windows, heads and positions; a window ends where the map ends."""
    out = torch.zeros_like(maps)
    height, width = maps.shape[-2:]
    tall, wide = window_side(height, block.window), window_side(width, block.window)
    for picture in range(len(maps)):
        for top in range(0, height, tall):
            for left in range(0, width, wide):
                places = [
                    (y, x)
                    for y in range(top, min(top + tall, height))
                    for x in range(left, min(left + wide, width))
                ]
                for y, x in places:
                    out[picture, :, y, x] = _attend(block, maps[picture], (y, x), places)
    return out


def _attend(
    block: ConvMSA, picture: Tensor, at: tuple[int, int], places: list[tuple[int, int]]
) -> Tensor:
    inner = block.qkv.weight.shape[0] // 3
    to_query, to_key, to_value = block.qkv.weight[:, :, 0, 0].chunk(3)
    width = inner // block.heads
    heads = []
    for head in range(block.heads):
        rows = slice(head * width, (head + 1) * width)
        query = to_query[rows] @ picture[:, at[0], at[1]]
        scores = torch.stack(
            [
                query @ (to_key[rows] @ picture[:, y, x]) / sqrt(width)
                + block.position_bias[
                    head, at[0] - y + block.window - 1, at[1] - x + block.window - 1
                ]
                for y, x in places
            ]
        )
        values = torch.stack([to_value[rows] @ picture[:, y, x] for y, x in places])
        heads.append(scores.softmax(0) @ values)
    weight, bias = block.out.parameters()
    return weight[:, :, 0, 0] @ torch.cat(heads) + bias
