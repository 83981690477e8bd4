"""What every stem must keep."""

import socket
import time
from math import ceil

import pytest
import torch

from acir import registry
from acir.models import stems
from acir.models.stems.base import Stem

NAMES = registry.names("acir.models.stems")


@pytest.fixture(params=NAMES)
def stem(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stem:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a stem fetched something without being asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return registry.build(stems.get(request.param), {}).eval()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (28, 28), (61, 80), (33, 47)])
@torch.no_grad()
def test_maps_have_the_channels_and_strides_that_the_stem_names(
    stem: Stem, height: int, width: int
) -> None:
    maps = stem(torch.rand(2, 3, height, width))
    for found, channels, stride in zip(maps, stem.channels, stem.strides, strict=True):
        assert found.shape == (2, channels, ceil(height / stride), ceil(width / stride))


@torch.no_grad()
def test_a_picture_of_64_pixels_takes_less_than_a_second(stem: Stem) -> None:
    picture = torch.rand(1, 3, 64, 64)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        stem(picture)
        times.append(time.perf_counter() - start)
    assert min(times) < 1


@torch.no_grad()
def test_a_picture_gives_the_same_maps_alone_and_in_a_batch(stem: Stem) -> None:
    pictures = torch.rand(3, 3, 64, 64)
    for together, alone in zip(stem(pictures), stem(pictures[1:2]), strict=True):
        torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-4)


def test_gradients_reach_every_weight(stem: Stem) -> None:
    shallow, deep = stem.train()(torch.rand(2, 3, 64, 64))
    (shallow.square().mean() + deep.square().mean()).backward()
    silent = [n for n, p in stem.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
