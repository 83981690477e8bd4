"""Residual networks with 18, 34 or 50 layers.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (arXiv 1512.03385), in the
form that torchvision ships: its parameter names, and the stride of a bottleneck in its 3 x 3
convolution. So torchvision's weights load unchanged; there is no `fc`.
"""

from abc import ABC, abstractmethod

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acir.errors import RecipeError
from acir.models.stems.base import Stem

STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
BOTTLENECK_DEPTHS = {50}


class ResNet(Stem):
    """Give the maps after stages 2 and 4 of a residual network.

    Args:
        depth: 18, 34 or 50.
        width: Channels of the first stage; 64 is the published network.
        small: For small pictures: begin with a 3 x 3 convolution and no pooling, which gives
            strides 4 and 16 in place of 8 and 32.

    Raises:
        RecipeError: A depth or a width that does not exist.
    """

    def __init__(self, *, depth: int = 50, width: int = 64, small: bool = False) -> None:
        super().__init__()
        if depth not in STAGES:
            raise RecipeError(
                f"recipe key model.stem.depth is {depth}, "
                f"expected one of {', '.join(map(str, STAGES))}"
            )
        if width < 1:
            raise RecipeError(f"recipe key model.stem.width is {width}, expected at least 1")
        block = _Bottleneck if depth in BOTTLENECK_DEPTHS else _Basic
        self.channels = (2 * width * block.expansion, 8 * width * block.expansion)
        self.strides = (4, 16) if small else (8, 32)
        kernel = 3 if small else 7
        self.conv1 = nn.Conv2d(3, width, kernel, stride=2, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, stride=2, padding=1)
        counts, out = STAGES[depth], block.expansion
        self.layer1 = _stage(block, width, width, counts[0])
        self.layer2 = _stage(block, width * out, width * 2, counts[1], stride=2)
        self.layer3 = _stage(block, width * 2 * out, width * 4, counts[2], stride=2)
        self.layer4 = _stage(block, width * 4 * out, width * 8, counts[3], stride=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch shallow hs ws"], Float[Tensor, "batch deep hd wd"]]:
        """Return the maps after stages 2 and 4; a side is rounded up at each stride."""
        first = self.maxpool(F.relu(self.bn1(self.conv1(images)), inplace=True))
        shallow = self.layer2(self.layer1(first))
        return shallow, self.layer4(self.layer3(shallow))


class _Block(nn.Module, ABC):
    """Two or three convolutions, added to their input."""

    expansion: int

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.downsample = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )

    @abstractmethod
    def residual(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d y x"]:
        """Return what is added to the input."""

    def forward(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d y x"]:
        return F.relu(self.residual(maps) + self.downsample(maps), inplace=True)


class _Basic(_Block):
    """Two 3 x 3 convolutions."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__(inputs, width, stride)
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def residual(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d y x"]:
        maps = F.relu(self.bn1(self.conv1(maps)), inplace=True)
        out: Tensor = self.bn2(self.conv2(maps))
        return out


class _Bottleneck(_Block):
    """A 3 x 3 convolution between two of 1 x 1; the last widens four times."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__(inputs, width, stride)
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)

    def residual(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d y x"]:
        maps = F.relu(self.bn1(self.conv1(maps)), inplace=True)
        maps = F.relu(self.bn2(self.conv2(maps)), inplace=True)
        out: Tensor = self.bn3(self.conv3(maps))
        return out


def _stage(
    block: type[_Block], inputs: int, width: int, count: int, stride: int = 1
) -> nn.Sequential:
    later = [block(width * block.expansion, width, 1) for _ in range(count - 1)]
    return nn.Sequential(block(inputs, width, stride), *later)
