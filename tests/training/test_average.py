"""The moving average of a network's weights and running statistics."""

import pytest
import torch
from torch import Tensor

from acir.models.encoder import Encoder
from acir.recipe import from_dict
from acir.training.average import averaged, moving_average, warm_decay

MODEL = {
    "bits": 8,
    "stem": {"name": "resnet", "depth": 18, "width": 2, "small": True},
    "attention": {"on": False},
    "fusion": {"on": False},
    "transformer": {"on": False},
    "pooled": True,
    "decoder": {"on": False},
}


def network() -> Encoder:
    torch.manual_seed(0)
    return Encoder(from_dict({"model": MODEL}).model, 2)


def taught(encoder: Encoder, steps: int) -> dict[str, Tensor]:
    """Change all weights, and the running statistics by a batch."""
    torch.manual_seed(steps)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn_like(parameter))
    encoder.train()(torch.rand(4, 3, 32, 32))
    return {name: value.clone() for name, value in encoder.state_dict().items()}


def test_without_decay_there_is_no_average() -> None:
    assert moving_average(network(), 0.0) is None


@pytest.mark.parametrize(
    ("decay", "steps", "expected"),
    [
        (0.9, 1, 2 / 11),
        (0.9, 71, 72 / 81),
        (0.9, 89, 0.9),  # 90 / 99 is more
        (0.1, 1, 0.1),
    ],
)
def test_a_young_average_keeps_less_of_itself(decay: float, steps: int, expected: float) -> None:
    assert warm_decay(decay, steps) == pytest.approx(expected)


def test_the_average_is_the_recursion_over_weights_and_running_statistics() -> None:
    encoder = network()
    average = moving_average(encoder, 0.2)
    assert average is not None
    steps = []
    for step in range(3):
        steps.append(taught(encoder, step))
        average.update_parameters(encoder)
    found = averaged(average).state_dict()
    assert any(name.endswith("running_var") for name in found)
    for name, value in found.items():
        if value.is_floating_point():
            first, second, third = (one[name].double() for one in steps)
            # The first as it is; then 2 / 11 of the average is kept, and then 0.2, since 3 / 12
            # is more.
            expected = 0.2 * (2 / 11 * first + 9 / 11 * second) + 0.8 * third
            torch.testing.assert_close(value.double(), expected, rtol=1e-4, atol=1e-5)
        else:
            assert torch.equal(value, steps[-1][name])


def test_the_network_itself_is_left_alone() -> None:
    encoder = network()
    average = moving_average(encoder, 0.5)
    assert average is not None
    expected = taught(encoder, 0)
    average.update_parameters(encoder)
    with torch.no_grad():
        for parameter in averaged(average).parameters():
            parameter.zero_()
    assert all(torch.equal(value, expected[n]) for n, value in encoder.state_dict().items())
