"""Depth-aware fusion against a loop over heads and positions."""

from math import sqrt

import pytest
import torch
from torch import Tensor

from acir.models.darf import DepthFusion
from acir.recipe import FusionRecipe
from made_gradients import silent_weights


def _block() -> DepthFusion:
    return DepthFusion(4, 6, FusionRecipe(heads=2, head_dim=3)).double().eval()


def _maps(shallow: tuple[int, int], deep: tuple[int, int]) -> tuple[Tensor, Tensor]:
    return torch.randn(2, 4, *shallow).double(), torch.randn(2, 6, *deep).double()


@pytest.mark.parametrize(
    ("shallow", "deep"),
    [((4, 4), (2, 2)), ((8, 4), (2, 1)), ((7, 7), (2, 2)), ((11, 5), (3, 2)), ((4, 4), (1, 1))],
)
def test_it_is_cross_attention_from_shallow_to_deep(
    shallow: tuple[int, int], deep: tuple[int, int]
) -> None:
    block, maps = _block(), _maps(shallow, deep)
    torch.testing.assert_close(block(*maps), _naive(block, *maps))


def test_keys_and_values_come_from_the_deep_map() -> None:
    # Where the deep map is the same everywhere, whatever the shallow map asks has one answer.
    block, (shallow, _) = _block(), _maps((4, 4), (2, 2))
    deep = torch.randn(2, 6, 1, 1).double().expand(2, 6, 2, 2)
    torch.testing.assert_close(block(shallow, deep), block(torch.randn_like(shallow), deep))


def test_queries_come_from_the_shallow_map() -> None:
    block, (shallow, deep) = _block(), _maps((4, 4), (2, 2))
    assert not torch.allclose(block(shallow, deep), block(torch.randn_like(shallow), deep))


def test_in_training_both_maps_are_normalised_by_their_batch() -> None:
    block, (shallow, deep) = _block().train(), _maps((4, 4), (2, 2))
    found = block(shallow, deep)
    torch.testing.assert_close(found, block(100 + 10 * shallow, 5 * deep - 7), rtol=1e-3, atol=1e-3)


def test_gradients_reach_every_weight() -> None:
    block = _block().train()
    assert silent_weights(block, block(*_maps((7, 9), (2, 3)))) == []


def test_the_count_of_weights() -> None:
    # query 4 * 6, key and value 6 * 12, out 6 * 4 + 4, batch norms 2 * 4 + 2 * 6
    assert sum(p.numel() for p in _block().parameters()) == 24 + 72 + 28 + 20


def _naive(block: DepthFusion, shallow: Tensor, deep: Tensor) -> Tensor:
    """Fuse one picture at a time; a fresh batch norm in evaluation divides by sqrt(1 + eps)."""
    aligned = [(m / sqrt(1 + 1e-5)).relu() for m in (shallow, deep)]
    near = torch.nn.functional.adaptive_avg_pool2d(aligned[0], (deep.shape[-2], deep.shape[-1]))
    to_key, to_value = block.key_value.weight.chunk(2)
    out = []
    for one, other in zip(near.flatten(2), aligned[1].flatten(2), strict=True):
        answers = []
        for query in one.T:
            heads = []
            for rows in (slice(0, 3), slice(3, 6)):
                asked = block.query.weight[rows] @ query
                scores = torch.stack([asked @ (to_key[rows] @ k) / sqrt(3) for k in other.T])
                values = torch.stack([to_value[rows] @ v for v in other.T])
                heads.append(scores.softmax(0) @ values)
            answers.append(block.out.weight @ torch.cat(heads) + block.out.bias)
        out.append(torch.stack(answers).mean(dim=0))
    return torch.stack(out)
