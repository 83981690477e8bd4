"""No method of a benchmark has an advantage of its own."""

from collections.abc import Callable

import pytest

from acir.errors import RecipeError
from acir.evaluation.benchmark import Benchmark

Read = Callable[..., Benchmark]


@pytest.mark.parametrize("key", ["augment.degrees", "training.epochs", "prep.size", "model.stem"])
def test_a_method_has_no_advantage_of_its_own(read: Read, key: str) -> None:
    with pytest.raises(RecipeError, match=f"method 'acir' sets '{key}', but fairness forbids"):
        read(('"model.head.name" = "linear"', f'"{key}" = 1'))


@pytest.mark.parametrize(
    "setting",
    [
        "model.fusion.on = true",
        "model.attention.heads = 2",
        "model.transformer.depth = 3",
        'search.mode = "plain"',
        "loss.structure = 0.1",
        "training.learning_rate = 0.1",
    ],
)
def test_a_method_may_be_what_it_is(read: Read, setting: str) -> None:
    assert read(('"model.head.name" = "linear"', setting))


def test_tuning_chooses_little(read: Read) -> None:
    with pytest.raises(RecipeError, match=r"a trial of method 'csq' sets 'training.epochs', but"):
        read(('"training.weight_decay" = 0.1', '"training.epochs" = 9'))


@pytest.mark.parametrize("key", ["model.bits", "loss.structure", "model.decoder.on"])
def test_what_belongs_to_the_methods_cannot_be_shared(read: Read, key: str) -> None:
    for before in ("training.epochs = 2", '"prep.size" = 32'):
        with pytest.raises(RecipeError, match=f"benchmark key '{key}' cannot be shared"):
            read((before, f"{key} = 1"))


def test_all_methods_get_the_same_number_of_trials(read: Read) -> None:
    with pytest.raises(RecipeError, match=r"unequal or too many trials \(acir 2, csq 1\)"):
        read(("trials = [{}, ", "trials = ["))


def test_there_are_four_trials_at_most(read: Read) -> None:
    five = "trials = [{}, {}, {}, {}, {}]"
    acir = 'trials = [{ "training.learning_rate" = 0.01 }, { loss.structure = 0.5 }]'
    csq = 'trials = [{}, { "training.weight_decay" = 0.1 }]'
    with pytest.raises(RecipeError, match="the same number for each, at most 4"):
        read((acir, five), (csq, five))


def test_tuning_has_a_seed_outside_the_table(read: Read) -> None:
    with pytest.raises(RecipeError, match="tuning_seed is 1, which is one of the seeds that are"):
        read(("tuning_seed = 7", "tuning_seed = 1"))
