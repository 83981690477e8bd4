"""The pixel transformer against plain attention and a real convolution."""

from math import sqrt

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acir.models.pixel_transformer import GRID, PixelTransformer
from acir.recipe import TransformerRecipe
from made_gradients import silent_weights

RECIPE = TransformerRecipe(dim=6, depth=3, heads=2, mlp=8, dropout=0.5, kept=2, out=5)


def _block() -> PixelTransformer:
    return PixelTransformer(4, RECIPE).double().eval()


def _map(height: int = 3, width: int = 2) -> Tensor:
    return torch.randn(2, 4, height, width).double()


@pytest.mark.parametrize(("height", "width"), [(3, 2), (7, 7), (1, 1), (8, 5)])
def test_global_reads_class_tokens_and_local_convolves_map_tokens(height: int, width: int) -> None:
    block, deep = _block(), _map(height, width)
    kept = torch.cat(_naive_tokens(block, deep)[-2:], dim=-1)
    wanted = kept[:, 0] @ block.to_global.weight.T + block.to_global.bias
    maps = kept[:, 1:].transpose(1, 2).reshape(2, -1, height, width)
    local = F.conv2d(maps, block.to_local.weight[:, :, None, None], block.to_local.bias)
    found = block(deep)
    torch.testing.assert_close(found[0], wanted)
    torch.testing.assert_close(found[1], local.mean(dim=(2, 3)))


def test_without_learned_positions_the_order_of_positions_does_not_matter() -> None:
    block, deep = _block(), _map(3, 3)
    nn.init.zeros_(block.positions)
    turned = deep.rot90(dims=(2, 3))
    for one, other in zip(block(deep), block(turned), strict=True):
        torch.testing.assert_close(one, other)


def test_with_learned_positions_it_does() -> None:
    block, deep = _block(), _map(3, 3)
    assert not torch.allclose(block(deep)[0], block(deep.rot90(dims=(2, 3)))[0])


@pytest.mark.parametrize("side", [1, 2, 4, GRID, 10])
def test_every_learned_position_learns_at_any_grid(side: int) -> None:
    block = _block()
    sum(out.square().sum() for out in block(_map(side, side))).backward()
    assert block.positions.grad is not None
    assert (block.positions.grad.abs().sum(dim=1) > 0).all()


def test_constant_positions_stay_constant_when_interpolated() -> None:
    block, deep = _block(), torch.zeros(1, 4, 5, 9).double()
    nn.init.constant_(block.positions, 0.25)
    expected = (block.embed.bias + 0.25).expand(45, -1)
    torch.testing.assert_close(_first_tokens(block, deep)[0, 1:], expected)


def test_dropout_acts_in_training_alone() -> None:
    block, deep = _block(), _map()
    assert torch.equal(block(deep)[0], block(deep)[0])
    block.train()
    assert not torch.equal(block(deep)[0], block(deep)[0])


def test_gradients_reach_every_weight() -> None:
    block = _block()
    assert silent_weights(block, *block(_map(5, 3))) == []


def _first_tokens(block: PixelTransformer, deep: Tensor) -> Tensor:
    seen: list[Tensor] = []
    hook = block.layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    block(deep)
    hook.remove()
    return seen[0]


def _naive_tokens(block: PixelTransformer, deep: Tensor) -> list[Tensor]:
    """Return the tokens after each layer, a head and a query at a time."""
    tokens, after = _first_tokens(block, deep), []
    for layer in block.layers:
        weights = dict(layer.named_parameters())
        tokens = tokens + _attend(weights, _norm(weights, "norm1", tokens))
        hidden = _linear(weights, "widen", _norm(weights, "norm2", tokens))
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / sqrt(2)))
        tokens = tokens + _linear(weights, "narrow", hidden)
        after.append(tokens)
    return after


def _attend(weights: dict[str, nn.Parameter], tokens: Tensor) -> Tensor:
    width, out = 3, torch.zeros_like(tokens)
    query, key, value = _linear(weights, "qkv", tokens).chunk(3, dim=-1)
    for picture in range(len(tokens)):
        for head in range(2):
            columns = slice(head * width, (head + 1) * width)
            scores = query[picture, :, columns] @ key[picture, :, columns].T / sqrt(width)
            out[picture, :, columns] = scores.softmax(dim=1) @ value[picture, :, columns]
    return _linear(weights, "out", out)


def _linear(weights: dict[str, nn.Parameter], name: str, tokens: Tensor) -> Tensor:
    return tokens @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _norm(weights: dict[str, nn.Parameter], name: str, tokens: Tensor) -> Tensor:
    centred = tokens - tokens.mean(dim=-1, keepdim=True)
    unit = centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
    return unit * weights[f"{name}.weight"] + weights[f"{name}.bias"]
