"""The decoder against its description, on maps of any size."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from acir.models.decoder import SLOPE, Decoder, upsampling
from acir.recipe import DecoderRecipe
from made_gradients import silent_weights

RECIPE = DecoderRecipe(widths=(6, 5, 4))


@pytest.mark.parametrize("stride", [8, 16, 32, 64])
def test_the_factors_multiply_to_the_stride(stride: int) -> None:
    first, second, third = upsampling(stride)
    assert first * second * third == stride
    assert first <= second <= third


def test_the_papers_factors() -> None:
    assert upsampling(32) == (2, 4, 4)


def test_it_computes_what_its_description_says() -> None:
    decoder = Decoder(8, 16, RECIPE).double()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter)
    deep = torch.randn(2, 8, 3, 2).double()
    wanted = deep
    for block, size in zip(decoder.blocks, [(6, 4), (12, 8), (45, 30)], strict=True):
        weights = dict(block.named_parameters())
        for conv, norm in ((0, 1), (3, 4)):
            wanted = F.conv2d(wanted, weights[f"{conv}.weight"], padding=1)
            wanted = _norm(wanted, weights[f"{norm}.weight"], weights[f"{norm}.bias"])
            wanted = torch.where(wanted > 0, wanted, SLOPE * wanted)
        wanted = F.interpolate(wanted, size, mode="bilinear")
    wanted = F.conv2d(wanted, decoder.last.weight, decoder.last.bias, padding=1)
    torch.testing.assert_close(decoder(deep, (45, 30)), 1 / (1 + torch.exp(-wanted)))


@pytest.mark.parametrize("size", [(28, 28), (33, 47), (61, 80), (224, 200)])
@pytest.mark.parametrize("stride", [16, 32])
def test_any_size_comes_back_exactly_and_in_range(size: tuple[int, int], stride: int) -> None:
    deep = torch.randn(1, 8, -(-size[0] // stride), -(-size[1] // stride)) * 100
    pictures = Decoder(8, stride, RECIPE)(deep, size)
    assert pictures.shape == (1, 3, *size)
    assert pictures.min() >= 0
    assert pictures.max() <= 1


def test_a_map_of_one_position_trains_and_is_not_erased() -> None:
    decoder = Decoder(8, 32, RECIPE).train()
    one, other = (decoder(torch.randn(1, 8, 1, 1), (28, 28)) for _ in range(2))
    assert not torch.allclose(one, other)
    assert silent_weights(decoder, one) == []


def test_gradients_reach_every_weight() -> None:
    decoder = Decoder(8, 16, RECIPE)
    assert silent_weights(decoder, decoder(torch.randn(2, 8, 3, 5), (47, 75))) == []


def test_it_can_learn_a_picture() -> None:
    decoder, deep = Decoder(8, 16, DecoderRecipe(widths=(16, 16, 16))), torch.randn(1, 8, 2, 2)
    ramp = torch.linspace(0, 1, 32)
    picture = torch.stack([ramp[:, None].expand(32, 32), ramp.expand(32, 32), ramp.outer(ramp)])
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.02)
    for _ in range(80):
        loss = (decoder(deep, (32, 32))[0] - picture).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.04  # grey everywhere leaves 0.25 in two of three channels


def _norm(maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    centred = maps - maps.mean(dim=(2, 3), keepdim=True)
    unit = centred / (centred.square().mean(dim=(2, 3), keepdim=True) + 1e-5).sqrt()
    return unit * scale[:, None, None] + shift[:, None, None]
