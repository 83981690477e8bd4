"""The whole network: what it gives, on any size, with any block switched off."""

from dataclasses import replace
from itertools import product
from types import MappingProxyType
from typing import Literal

import pytest
import torch
from torch import Tensor

from acir import recipe
from acir.errors import ComponentError
from acir.models.encoder import Encoder
from acir.recipe import ModelRecipe
from acir.tables import Component
from acir.tensors import Encoding
from made_gradients import silent_weights

SMALL = ModelRecipe(
    bits=16,
    stem=Component("resnet", MappingProxyType({"depth": 18, "width": 8, "small": True})),
    attention=recipe.AttentionRecipe(heads=2, head_dim=4),
    fusion=recipe.FusionRecipe(heads=2, head_dim=4),
    transformer=recipe.TransformerRecipe(dim=16, depth=2, heads=2, mlp=16, kept=2, out=12),
    head=recipe.HeadRecipe(hidden=10),
    decoder=recipe.DecoderRecipe(widths=(8, 6, 4)),
)
Kind = Literal["kan", "mlp", "linear", "sign"]
SHALLOW, DEEP = 16, 64  # channels of that stem


def _switched(attention: bool, fusion: bool, transformer: bool, head: Kind = "kan") -> ModelRecipe:
    return replace(
        SMALL,
        attention=replace(SMALL.attention, on=attention),
        fusion=replace(SMALL.fusion, on=fusion),
        transformer=replace(SMALL.transformer, on=transformer),
        head=recipe.HeadRecipe(name=head, hidden=10),
    )


BARE = replace(_switched(False, False, False, "linear"), decoder=replace(SMALL.decoder, on=False))


@pytest.mark.parametrize(
    ("attention", "fusion", "transformer", "head"),
    list(product([True, False], [True, False], [True, False], ["kan", "mlp", "linear", "sign"])),
)
def test_every_block_can_be_switched_off_and_what_remains_learns(
    attention: bool, fusion: bool, transformer: bool, head: Kind
) -> None:
    encoder = Encoder(_switched(attention, fusion, transformer, head), classes=3)
    pictures = torch.rand(2, 3, 48, 48)
    assert encoder.decoder is not None
    encoding = encoder(pictures)
    # global 12 + local 12 from the transformer, the shallow width from the fusion, else the stem's
    dim = 24 * transformer + SHALLOW * fusion or DEEP
    assert encoder.dim == dim
    assert encoding.blended.shape == (2, dim)
    assert encoding.logits.shape == (2, encoder.bits)
    assert encoding.class_logits.shape == (2, 3)
    rebuilt = encoder.decoder(encoding.deep, (48, 48))
    assert silent_weights(encoder, encoding.logits, encoding.class_logits, rebuilt) == []


@torch.no_grad()
def test_with_everything_off_the_embedding_is_the_average_of_the_deep_map() -> None:
    encoder = Encoder(BARE, classes=3).eval()
    encoding = encoder(torch.rand(2, 3, 50, 40))
    torch.testing.assert_close(encoding.blended, encoding.deep.flatten(2).mean(dim=2))
    names = {name.partition(".")[0] for name, _ in encoder.named_parameters()}
    assert names == {"stem", "head"}


@torch.no_grad()
def test_blended_features_are_global_local_and_fused() -> None:
    encoder, pictures = Encoder(SMALL, classes=3).eval(), torch.rand(2, 3, 48, 48)
    assert encoder.transformer is not None
    assert encoder.fusion is not None
    encoding = encoder(pictures)
    shallow, deep = encoder.stem((pictures - 0.5) / 0.25)
    near, far = encoder.attend_shallow(shallow), encoder.attend_deep(deep)
    wanted = torch.cat([*encoder.transformer(far), encoder.fusion(near, far)], dim=1)
    torch.testing.assert_close(encoding.blended, wanted)
    torch.testing.assert_close(encoding.deep, deep)


@torch.no_grad()
def test_the_pooled_map_comes_before_what_the_blocks_give() -> None:
    torch.manual_seed(0)
    encoder = Encoder(replace(SMALL, pooled=True), classes=3).eval()
    torch.manual_seed(0)
    without = Encoder(SMALL, classes=3).eval()
    without.load_state_dict(
        {n: v for n, v in encoder.state_dict().items() if not n.startswith("head")}, strict=False
    )
    pictures = torch.rand(2, 3, 48, 48)
    blended = encoder(pictures).blended
    assert blended.shape[1] == encoder.dim == without.dim + DEEP
    torch.testing.assert_close(blended[:, DEEP:], without(pictures).blended)
    far = encoder.attend_deep(encoder.deep_map(pictures))
    torch.testing.assert_close(blended[:, :DEEP], far.mean(dim=(2, 3)))


@torch.no_grad()
def test_wavelets_read_the_picture_itself_and_come_last() -> None:
    scattering = recipe.ScatteringRecipe(on=True, scales=2, out=6)
    encoder = Encoder(replace(SMALL, scattering=scattering), classes=3).eval()
    assert encoder.scattering is not None
    pictures = torch.rand(2, 3, 48, 48)
    encoding = encoder(pictures)
    assert encoding.blended.shape[1] == encoder.dim == Encoder(SMALL, classes=3).dim + 6
    torch.testing.assert_close(encoding.blended[:, -6:], encoder.scattering(pictures))


@torch.no_grad()
def test_middle_is_the_mean_of_each_quarter_of_the_unattended_shallow_map() -> None:
    encoder, pictures = Encoder(SMALL, classes=3).eval(), torch.rand(1, 3, 64, 64)
    shallow = encoder.stem((pictures - 0.5) / 0.25)[0][0]
    quarters = [shallow[:, y : y + 8, x : x + 8].mean(dim=(1, 2)) for y in (0, 8) for x in (0, 8)]
    wanted = torch.stack(quarters, dim=1).flatten()
    torch.testing.assert_close(encoder(pictures).middle[0], wanted)


@torch.no_grad()
@pytest.mark.parametrize("height", [28, 31, 45, 64, 79])
@pytest.mark.parametrize("small", [True, False])
def test_any_size_is_encoded_and_comes_back(height: int, small: bool) -> None:
    stem = Component("resnet", MappingProxyType({"depth": 18, "width": 8, "small": small}))
    encoder = Encoder(replace(SMALL, stem=stem), classes=3).eval()
    width = 108 - height
    assert encoder.decoder is not None
    encoding = encoder(torch.rand(1, 3, height, width))
    assert encoding.middle.shape == (1, 4 * SHALLOW)
    assert all(getattr(encoding, name).isfinite().all() for name in Encoding.__annotations__)
    assert encoder.decoder(encoding.deep, (height, width)).shape == (1, 3, height, width)


@torch.no_grad()
def test_the_same_picture_gives_the_same_bits_of_every_number() -> None:
    encoder, pictures = Encoder(SMALL, classes=3).eval(), torch.rand(1, 3, 64, 64)
    one, other = encoder(pictures), encoder(pictures.clone())
    for name in Encoding.__annotations__:
        assert torch.equal(getattr(one, name), getattr(other, name))


@torch.no_grad()
def test_a_picture_is_encoded_alike_alone_and_in_a_batch() -> None:
    encoder, pictures = Encoder(SMALL, classes=3).eval(), torch.rand(4, 3, 64, 64)
    together, alone = encoder(pictures), encoder(pictures[2:3])
    for name in Encoding.__annotations__:
        found = getattr(together, name)[2:3]
        torch.testing.assert_close(found, getattr(alone, name), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("pretrained", "colour"), [("", (0.5, 0.5, 0.5)), ("stem.pt", (0.485, 0.456, 0.406))]
)
def test_the_mean_colour_reaches_the_stem_as_zero(
    pretrained: str, colour: tuple[float, float, float]
) -> None:
    encoder, seen = Encoder(replace(BARE, pretrained=pretrained), classes=3), list[Tensor]()
    encoder.stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder(torch.tensor(colour)[None, :, None, None].expand(2, 3, 32, 32))
    torch.testing.assert_close(seen[0], torch.zeros(2, 3, 32, 32))


@torch.no_grad()
def test_the_deep_map_alone_is_that_of_the_whole_encoding() -> None:
    encoder, pictures = Encoder(SMALL, classes=3).eval(), torch.rand(2, 3, 40, 40)
    assert torch.equal(encoder.deep_map(pictures), encoder(pictures).deep)


def test_the_decoder_is_there_as_the_recipe_says() -> None:
    assert Encoder(BARE, classes=3).decoder is None
    assert Encoder(SMALL, classes=3).decoder is not None


def test_an_unknown_stem_names_the_nearest() -> None:
    with pytest.raises(ComponentError, match=r"has no 'resent'; .*Did you mean 'resnet'\?"):
        Encoder(replace(SMALL, stem=Component("resent")), classes=3)


@pytest.mark.parametrize("name", recipe.shipped())
def test_every_shipped_recipe_builds(name: str) -> None:
    model = recipe.load(name).model
    with torch.device("meta"):  # shapes alone: the largest has 170 million weights
        encoder = Encoder(model, classes=8)
    assert encoder.bits == model.bits
    assert encoder.decoder is not None


def test_weights_saved_by_name_restore_the_network() -> None:
    encoder, pictures = Encoder(SMALL, classes=3).eval(), torch.rand(2, 3, 40, 40)
    twin = Encoder(SMALL, classes=3).eval()
    twin.load_state_dict(encoder.state_dict())
    assert torch.equal(twin(pictures).logits, encoder(pictures).logits)
