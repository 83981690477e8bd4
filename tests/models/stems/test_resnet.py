"""ResNet against torchvision's published counts and a functional reference."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from acir.errors import RecipeError
from acir.models.stems.resnet import ResNet

Weights = dict[str, Tensor]


# torchvision documents 11,689,512, 21,797,672 and 25,557,032 parameters; its last layer `fc`
# holds 512 * 1000 + 1000 of the first two and 2048 * 1000 + 1000 of the third.
@pytest.mark.parametrize(
    ("depth", "parameters"),
    [
        (18, 11_689_512 - 513_000),
        (34, 21_797_672 - 513_000),
        (50, 25_557_032 - 2_049_000),
    ],
)
def test_without_fc_it_has_torchvisions_number_of_parameters(depth: int, parameters: int) -> None:
    assert sum(p.numel() for p in ResNet(depth=depth).parameters()) == parameters


def test_names_and_shapes_are_torchvisions() -> None:
    weights = ResNet(depth=50).state_dict()
    assert len(weights) == 320 - 2  # torchvision's resnet50, less fc.weight and fc.bias
    assert weights["conv1.weight"].shape == (64, 3, 7, 7)
    assert weights["layer1.0.downsample.0.weight"].shape == (256, 64, 1, 1)
    assert weights["layer1.0.downsample.1.running_var"].shape == (256,)
    assert weights["layer3.5.conv3.weight"].shape == (1024, 256, 1, 1)
    assert weights["layer4.2.bn3.num_batches_tracked"].shape == ()
    basic = ResNet(depth=18).state_dict()
    assert "layer1.0.downsample.0.weight" not in basic  # same width, same stride: no projection
    assert basic["layer2.0.downsample.0.weight"].shape == (128, 64, 1, 1)


@pytest.mark.parametrize(("depth", "small"), [(18, False), (18, True), (34, True), (50, False)])
def test_it_computes_what_the_paper_draws(depth: int, small: bool) -> None:
    stem = ResNet(depth=depth, width=4, small=small).double().eval()
    for name, tensor in stem.state_dict().items():
        if "running" in name or "bn" in name:
            tensor.copy_(torch.rand(tensor.shape) + 0.5)
    pictures = torch.randn(2, 3, 45, 38, dtype=torch.float64)
    for found, wanted in zip(
        stem(pictures), _reference(stem.state_dict(), pictures, small=small), strict=True
    ):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(
    ("small", "strides", "sizes"), [(True, (4, 16), (16, 4)), (False, (8, 32), (8, 2))]
)
def test_small_keeps_twice_the_resolution(
    small: bool, strides: tuple[int, int], sizes: tuple[int, int]
) -> None:
    stem = ResNet(depth=18, width=8, small=small).eval()
    assert stem.strides == strides
    assert stem.channels == (16, 64)
    assert tuple(m.shape[-1] for m in stem(torch.rand(1, 3, 64, 64))) == sizes


@torch.no_grad()
@pytest.mark.parametrize(("side", "deep"), [(28, 1), (1024, 32)])
def test_the_smallest_and_the_largest_picture_pass(side: int, deep: int) -> None:
    stem = ResNet(depth=18, width=4).eval()
    assert stem(torch.rand(1, 3, side, side))[1].shape[-2:] == (deep, deep)


def test_a_depth_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"stem.depth is 19, expected one of 18, 34, 50"):
        ResNet(depth=19)


def test_an_empty_width_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"stem.width is 0, expected at least 1"):
        ResNet(width=0)


def _reference(weights: Weights, pictures: Tensor, *, small: bool) -> tuple[Tensor, Tensor]:
    """Follow figure 3 and 5 of the paper by the names of the weights alone."""
    kernel = weights["conv1.weight"].shape[-1]
    maps = F.conv2d(pictures, weights["conv1.weight"], stride=2, padding=kernel // 2)
    maps = _norm(weights, "bn1", maps).relu()
    if not small:
        maps = F.max_pool2d(maps, 3, 2, 1)
    stages = []
    for stage in range(1, 5):
        for index in range(6):
            prefix = f"layer{stage}.{index}"
            if f"{prefix}.conv1.weight" in weights:
                stride = 2 if stage > 1 and index == 0 else 1
                maps = _block(weights, prefix, maps, stride)
        stages.append(maps)
    return stages[1], stages[3]


def _block(weights: Weights, prefix: str, maps: Tensor, stride: int) -> Tensor:
    out, shortcut = maps, maps
    convolutions = [c for c in (1, 2, 3) if f"{prefix}.conv{c}.weight" in weights]
    # A bottleneck strides in its middle convolution, a basic block in its first.
    strided = 2 if len(convolutions) == 3 else 1
    for c in convolutions:
        kernel = weights[f"{prefix}.conv{c}.weight"]
        step = stride if c == strided else 1
        out = F.conv2d(out, kernel, stride=step, padding=kernel.shape[-1] // 2)
        out = _norm(weights, f"{prefix}.bn{c}", out)
        if c != convolutions[-1]:
            out = out.relu()
    if f"{prefix}.downsample.0.weight" in weights:
        shortcut = F.conv2d(maps, weights[f"{prefix}.downsample.0.weight"], stride=stride)
        shortcut = _norm(weights, f"{prefix}.downsample.1", shortcut)
    return (out + shortcut).relu()


def _norm(weights: Weights, prefix: str, maps: Tensor) -> Tensor:
    mean, var, scale, shift = (
        weights[f"{prefix}.{key}"][:, None, None]
        for key in ("running_mean", "running_var", "weight", "bias")
    )
    return (maps - mean) / (var + 1e-5).sqrt() * scale + shift
