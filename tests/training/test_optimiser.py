"""Weight decay where zero is a neutral value, and learning rates by hand."""

import math

import pytest
import torch
from torch import nn
from torch.optim import SGD

from acir.data.loader import shuffled_batches
from acir.models.encoder import Encoder
from acir.recipe import ModelRecipe, TrainingRecipe
from acir.training.optimiser import (
    parameter_groups,
    planned_steps,
    repeats,
    scheduled,
    set_learning_rate,
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(ModelRecipe(), 3)


def names_with_decay(module: nn.Module) -> set[str]:
    decaying = {id(p) for p in parameter_groups(module, 0.1)[0]["params"]}
    return {name for name, p in module.named_parameters() if id(p) in decaying}


def test_matrices_and_convolutions_decay(encoder: Encoder) -> None:
    kinds = (nn.Linear, nn.Conv2d)
    expected = {
        f"{name}.weight" for name, module in encoder.named_modules() if isinstance(module, kinds)
    }
    assert len(expected) > 20
    assert expected <= names_with_decay(encoder)


def test_biases_norms_and_positions_do_not_decay(encoder: Encoder) -> None:
    norms = (nn.LayerNorm, nn.BatchNorm2d, nn.InstanceNorm2d)
    spared = {
        f"{name}.weight" for name, module in encoder.named_modules() if isinstance(module, norms)
    }
    own = dict(encoder.named_parameters())
    spared |= {name for name in own if name.endswith("bias")}
    spared |= {f"transformer.{n}" for n in ("class_token", "class_position", "positions")}
    assert spared <= own.keys()
    assert not spared & names_with_decay(encoder)


def test_each_trainable_parameter_is_in_one_group_and_no_frozen_one_is(encoder: Encoder) -> None:
    assert encoder.decoder is not None
    encoder.decoder.requires_grad_(False)
    groups = parameter_groups(encoder, 0.1)
    encoder.decoder.requires_grad_(True)
    found = sorted(id(p) for group in groups for p in group["params"])
    frozen = {id(p) for p in encoder.decoder.parameters()}
    assert found == sorted(id(p) for p in encoder.parameters() if id(p) not in frozen)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]


def test_the_schedule_by_hand() -> None:
    # 8 steps, 2 of them warm-up: 1/3 and 2/3 of the peak 0.9; then 6 steps of half a cosine from
    # 0.9 to 0.1: 0.1 + 0.4 (1 + cos(pi k / 6)), k = 0..5.
    found = [scheduled(step=s, steps=8, warmup=2.0, peak=0.9, final=0.1) for s in range(8)]
    cosine = [0.1 + 0.4 * (1 + math.cos(math.pi * k / 6)) for k in range(6)]
    assert found == pytest.approx([0.3, 0.6, *cosine])
    assert cosine[0] == pytest.approx(0.9)
    assert cosine[3] == pytest.approx(0.5)


def test_the_schedule_ends_at_the_final_rate() -> None:
    assert scheduled(step=8, steps=8, warmup=2.0, peak=0.9, final=0.1) == pytest.approx(0.1)


def test_without_warm_up_the_first_step_has_the_peak() -> None:
    assert scheduled(step=0, steps=8, warmup=0.0, peak=0.9, final=0.1) == 0.9


def test_half_a_step_of_warm_up_is_one_slower_step() -> None:
    # 0.6 (0 + 1) / (0.5 + 1) = 0.4.
    assert scheduled(step=0, steps=8, warmup=0.5, peak=0.6, final=0.0) == pytest.approx(0.4)


def test_a_warm_up_longer_than_the_stage_only_rises() -> None:
    found = [scheduled(step=s, steps=3, warmup=9.0, peak=1.0, final=0.0) for s in range(3)]
    assert found == pytest.approx([0.1, 0.2, 0.3])


def test_a_final_rate_above_the_peak_keeps_the_peak() -> None:
    found = [scheduled(step=s, steps=4, warmup=0.0, peak=0.01, final=0.5) for s in range(4)]
    assert found == pytest.approx([0.01] * 4)


def test_the_rate_is_set_for_every_group() -> None:
    a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimiser = SGD([a], lr=1.0)
    optimiser.add_param_group({"params": [b], "lr": 3.0})
    set_learning_rate(optimiser, 0.25)
    assert [group["lr"] for group in optimiser.param_groups] == [0.25, 0.25]


@pytest.mark.parametrize(
    ("epochs", "least", "pictures", "expected"),
    [
        (8, 30_000, 8236, 1),  # 8 * 8,236 = 65,888 are enough
        (8, 30_000, 447, 9),  # 8 * 447 = 3,576, and 30,000 / 3,576 = 8.4
        (8, 3_576, 447, 1),  # exactly enough
        (8, 0, 2, 1),
    ],
)
def test_few_pictures_are_shown_more_often(
    epochs: int, least: int, pictures: int, expected: int
) -> None:
    assert repeats(TrainingRecipe(epochs=epochs, least_views=least), pictures) == expected


@pytest.mark.parametrize("pictures", [1, 31, 64, 95, 96, 97, 250])
def test_planned_steps_are_the_batches_that_are_dealt(pictures: int) -> None:
    training = TrainingRecipe(epochs=3, batch=64, least_views=500)
    rows, random = torch.arange(pictures), torch.Generator().manual_seed(0)
    dealt = [
        batch
        for _ in range(training.epochs * repeats(training, pictures))
        for batch in shuffled_batches(rows, training.batch, random)
    ]
    assert planned_steps(training, pictures) == len(dealt)
