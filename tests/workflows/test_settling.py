"""What a recipe leaves to the training pictures, decided by them before the network is built."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from acir import recipe as recipes
from acir.data.loader import ImageSet
from acir.data.manifest import Manifest, Row
from acir.errors import RecipeError
from acir.recipe import PrepRecipe, Recipe, ScatteringRecipe
from acir.types import Split
from acir.workflows.calibrate import class_head_lines
from acir.workflows.learning import describe, network, prep_for, settled


def _recipe(**scattering: object) -> Recipe:
    model = Recipe().model
    found = replace(ScatteringRecipe(on=True, scales=2), **scattering)  # type: ignore[arg-type]
    return replace(Recipe(), model=replace(model, scattering=found))


def _pictures(fall: bool) -> ImageSet:
    """Draw noise that fades downwards, or lies in the eight ways by turns."""
    random = torch.Generator().manual_seed(0)
    fading = torch.linspace(0.8, 0.2, 28)[:, None] + 0.1 * torch.rand(
        80, 3, 28, 28, generator=random
    )
    ways = [fading[i::8].rot90(i % 4, (2, 3)) for i in range(8)]
    mirrored = [way.flip(2) if i > 3 else way for i, way in enumerate(ways)]
    images: Tensor = torch.stack(mirrored, dim=1).flatten(0, 1) if fall else fading
    return ImageSet((images * 255).byte(), torch.ones(80, 1))


def test_pictures_without_an_up_get_the_symmetry_of_the_square() -> None:
    said: list[str] = []
    assert settled(_recipe(), _pictures(fall=True), said.append) == _recipe(symmetry="square")
    assert said == [
        "the pictures have no up: turned and mirrored ones get the same scattering features"
    ]


def test_pictures_with_an_up_get_none() -> None:
    assert settled(_recipe(), _pictures(fall=False)) == _recipe(symmetry="none")


@pytest.mark.parametrize("scattering", [{"symmetry": "square"}, {"on": False}])
def test_nothing_is_asked_of_the_pictures_where_the_recipe_says_it(
    scattering: dict[str, object],
) -> None:
    recipe = _recipe(**scattering)
    assert settled(recipe, _pictures(fall=False)) is recipe


@pytest.mark.parametrize(
    ("enlarge", "sizes", "side"),
    [
        (True, [(28, 28)], 64),
        (False, [(28, 28)], 28),
        (False, [(40, 28), (30, 50)], 50),  # the longest side of any: nothing is lost
        (False, [(28, 28), (512, 512)], 64),
        (False, [(16, 20)], 28),  # below, the network sees too little
    ],
)
def test_small_pictures_are_enlarged_only_where_the_recipe_says_so(
    enlarge: bool, sizes: list[tuple[int, int]], side: int
) -> None:
    def row(number: int, size: tuple[int, int], split: Split) -> Row:
        return Row(f"{split}{number}", ("a",), split, 0.5, None, f"{split}{number}", size, False)

    # What is only validated or tested by decides nothing.
    rows = [row(n, size, "train") for n, size in enumerate(sizes)] + [row(0, (300, 300), "val")]
    recipe = replace(Recipe(), prep=PrepRecipe(size=64, enlarge=enlarge))
    assert prep_for(recipe, Manifest(tuple(rows), (), 0.0)).size == side


def test_nearly_equal_pictures_are_told_of() -> None:
    row = Row("a/1", ("a",), "train", 0.5, None, "1", (28, 28), False)
    told = "7 pictures without a patient are nearly the same as others; each of these groups is"
    assert sum(line.startswith(told) for line in describe(Manifest((row,), (), 0.1, alike=7))) == 1
    assert not any("nearly the same" in line for line in describe(Manifest((row,), (), 0.1)))


def test_too_many_pictures_to_compare_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(Row(f"{n}", ("a",), "train", 0.5, None, f"{n}", (9, 9), False) for n in range(3))
    monkeypatch.setattr("acir.data.near.MOST", 2)
    said = "3 training pictures without a patient are too many to compare with each other, at most"
    assert sum(line.startswith(said) for line in describe(Manifest(rows, (), 0.1))) == 1
    assert not any("too many" in line for line in describe(Manifest(rows[:2], (), 0.1)))


@pytest.mark.parametrize(
    ("fraction", "split", "decide"),
    [(0.0, "train", True), (0.0, "val", False), (0.1, "train", True), (0.1, "val", True)],
)
def test_nobody_is_told_of_what_is_not_compared_where_draws_decide_nothing(
    monkeypatch: pytest.MonkeyPatch, fraction: float, split: Split, decide: bool
) -> None:
    monkeypatch.setattr("acir.data.near.MOST", 1)
    splits: list[Split] = ["train", "train", split]  # validation lends from train, or is its own
    rows = tuple(
        Row(f"{n}", ("a",), one, 0.5, None, f"{n}", (9, 9), False) for n, one in enumerate(splits)
    )
    manifest = Manifest(rows, (), fraction)
    assert manifest.draws_decide is decide
    assert any("too many" in line for line in describe(manifest)) is decide


def _with(loss: dict[str, object], **head: bool) -> Recipe:
    table = recipes.read("tiny")
    table["loss"] = loss
    table["model"]["head"] |= {"posterior": False, **head}
    return recipes.from_dict(table)


def test_the_loss_is_told_how_many_first_bits_are_to_be_codes_too() -> None:
    _, loss = network(_with({"name": "sch"}, nested=True), _pictures(fall=False), seed=0)
    assert loss.lengths == (8, 16, 32)


def test_a_loss_that_cannot_teach_the_beginnings_of_a_code_is_refused() -> None:
    said = (
        r"recipe key model\.head\.nested is true, but the loss 'greedyhash' does not teach the "
        r"beginnings of a code; use sch, or set model\.head\.nested=false"
    )
    with pytest.raises(RecipeError, match=said):
        network(_with({"name": "greedyhash"}, nested=True), _pictures(fall=False), seed=0)


@pytest.mark.parametrize(
    "loss", [{"name": "csq"}, {"name": "classification"}, {"name": "sch", "classification": 0.0}]
)
def test_classes_that_the_loss_does_not_teach_are_not_weighed(loss: dict[str, object]) -> None:
    said = (
        rf"recipe key model\.head\.posterior is true, but the loss '{loss['name']}' with its "
        "options does not teach the class head, which would weigh classes by chance; use sch with "
        r"classification above 0, or set model\.head\.posterior=false$"
    )
    with pytest.raises(RecipeError, match=said):
        network(_with(loss, posterior=True), _pictures(fall=False), seed=0)


@pytest.mark.parametrize("loss", [{"name": "csq"}, {"name": "sch", "classification": 0.0}])
def test_a_gate_whose_classes_the_loss_does_not_teach_is_told_of(loss: dict[str, object]) -> None:
    recipe = _with(loss)
    _, built = network(recipe, _pictures(fall=False), seed=0)
    (line,) = class_head_lines(recipe, built)
    assert line.startswith(
        f"the loss '{loss['name']}' with its options does not teach the class head, so the gate "
    )
    gate = replace(recipe.gate, detectors=("knn", "energy"))
    said = (
        r"gate\.detectors names 'energy', which reads the class head, but the loss "
        rf"'{loss['name']}' with its options does not teach the class head; use sch with "
        "classification above 0, or leave the detector out"
    )
    with pytest.raises(RecipeError, match=said):
        class_head_lines(replace(recipe, gate=gate), built)


def test_a_gate_may_read_the_classes_that_the_loss_teaches() -> None:
    recipe = _with({"name": "sch"})
    recipe = replace(recipe, gate=replace(recipe.gate, detectors=("energy",)))
    _, built = network(recipe, _pictures(fall=False), seed=0)
    assert class_head_lines(recipe, built) == []


@pytest.mark.parametrize("loss", [{"name": "sch"}, {"name": "acir_published"}])
def test_classes_that_the_loss_teaches_may_be_weighed(loss: dict[str, object]) -> None:
    encoder, _ = network(_with(loss, posterior=True), _pictures(fall=False), seed=0)
    assert encoder.weighed == 1
