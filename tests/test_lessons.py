"""Small networks: the shape of their map, and that lessons move them to what they are to say."""

import torch
from torch import nn
from torch.nn.functional import mse_loss

from acir.lessons import convolutions, teach


def test_strides_divide_the_map_and_its_places_see_what_lies_around() -> None:
    network = convolutions((3, 4, 1), (4, 8, 2), (8, 8, 2), seed=0)
    image = torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = network(image)
    assert found.shape == (1, 1, 4, 5)
    (slope,) = torch.autograd.grad(found[0, 0, 2, 2], [image])
    rows, columns = slope[0].abs().sum(dim=0).nonzero().unbind(dim=1)
    # To either side of (8, 8): one pixel by each of the first two convolutions, two by the third.
    assert [int(end) for side in (rows, columns) for end in side.aminmax()] == [4, 12, 4, 12]


def test_the_seed_alone_draws_the_weights_and_draws_nothing_else() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (convolutions((3, 4, 1), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    drawn = [network.state_dict()["0.weight"] for network in (first, again, other)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not first.training


def test_lessons_find_the_line_that_they_are_about() -> None:
    x = torch.linspace(-1, 1, 21)[:, None]
    line = nn.Linear(1, 1)
    teach(line, lambda: mse_loss(line(x), 3 * x + 2), steps=400, rate=0.1, weight_decay=0.0)
    assert torch.allclose(line(x), 3 * x + 2, atol=0.02)
    assert not line.training


def test_weight_decay_draws_what_no_lesson_holds_to_nothing() -> None:
    line, loss = nn.Linear(1, 1, bias=False), torch.zeros((), requires_grad=True)
    nn.init.ones_(line.weight)
    lessons = 50
    teach(line, lambda: loss + 0 * line.weight.sum(), steps=lessons, rate=0.1, weight_decay=1.0)
    assert 0 < line.weight.item() < 0.5
