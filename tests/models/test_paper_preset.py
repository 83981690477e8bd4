"""The paper's preset: its size, block by block, and one step of training."""

import pytest
import torch

from acir import recipe
from acir.models.encoder import Encoder

CLASSES = 8

# Hand-derived; conv k x k from a to b without bias: a b k k, linear with bias: a b + b.
BLOCKS = {
    # ResNet-50 as torchvision documents it, 25,557,032, less fc: 2048 * 1000 + 1000
    "stem": 23_508_032,
    # q, k, v: 512 * 1536; out: 512 * 512 + 512; positions: 8 * 13 * 13
    "attend_shallow": 786_432 + 262_656 + 1_352,
    # q, k, v: 2048 * 1536; out: 512 * 2048 + 2048; positions: 8 * 13 * 13
    "attend_deep": 3_145_728 + 1_050_624 + 1_352,
    # tokens: 2048 * 768 + 768; class token and its position: 2 * 768; positions: 49 * 768
    # a layer: qkv 768 * 2304 + 2304, out 768 * 768 + 768, widen 768 * 3072 + 3072,
    #   narrow 3072 * 768 + 768, two layer norms 4 * 768: 7,087,872
    # global and local: 2 * (6 * 768 * 1536 + 1536)
    "transformer": 1_573_632 + 1_536 + 37_632 + 12 * 7_087_872 + 14_158_848,
    # query: 512 * 1536; key, value: 2048 * 3072; out: 1536 * 512 + 512; norms: 2 * (512 + 2048)
    "fusion": 786_432 + 6_291_456 + 786_944 + 5_120,
    # an edge: base, scale and 5 + 3 coefficients; edges: 3584 * 512 and 512 * 64
    # classes: 512 C + C
    "head": 10 * (1_835_008 + 32_768) + 513 * CLASSES,
    # 3 x 3: 9 * (2048*512 + 512*512 + 512*256 + 256*256 + 256*64 + 64*64); scale and shift of
    # six norms: 4 * (512 + 256 + 64); last: 9 * 64 * 3 + 3
    "decoder": 9 * 1_527_808 + 3_328 + 1_731,
}


@pytest.fixture
def model() -> recipe.ModelRecipe:
    return recipe.load("paper").model


def test_it_has_the_papers_parameters_block_by_block(model: recipe.ModelRecipe) -> None:
    with torch.device("meta"):
        encoder = Encoder(model, CLASSES)
    found = {n: sum(p.numel() for p in block.parameters()) for n, block in encoder.named_children()}
    print("\n".join(f"{name:16}{count:>14,}" for name, count in found.items()))  # noqa: T201 - the table is read with pytest -s
    assert found == BLOCKS
    assert sum(found.values()) - found["decoder"] == pytest.approx(155.9e6, rel=0.01)
    assert sum(found.values()) == pytest.approx(169.7e6, rel=0.01)
    assert (encoder.bits, encoder.dim) == (64, 1536 + 1536 + 512)


def test_it_makes_one_step_at_224_pixels(model: recipe.ModelRecipe) -> None:
    torch.manual_seed(0)
    encoder = Encoder(model, CLASSES)
    assert encoder.decoder is not None
    encoding = encoder(torch.rand(2, 3, 224, 224))
    assert encoding.deep.shape == (2, 2048, 7, 7)
    assert encoding.blended.shape == (2, 3584)
    pictures = encoder.decoder(encoding.deep, (224, 224))
    assert pictures.shape == (2, 3, 224, 224)
    loss = encoding.logits.square().mean() + encoding.class_logits.square().mean()
    (loss + pictures.mean()).backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
