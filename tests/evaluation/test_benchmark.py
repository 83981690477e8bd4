"""A benchmark is read and checked; what decides a run is laid down in a fixed order."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from acir.errors import RecipeError
from acir.evaluation.benchmark import Benchmark, selected, with_sources
from acir.evaluation.benchmark_file import load
from acir.models.encoder import Encoder

SHIPPED = Path(__file__).parents[2] / "benchmarks" / "small.toml"

Read = Callable[..., Benchmark]


def test_the_shipped_benchmark_loads() -> None:
    found = load(SHIPPED)
    assert {d.name for d in found.data} == {"blood", "pneumonia", "breast", "hard"}
    assert len(found.method) == 10
    assert found.bits == (16, 32, 64)
    assert {len(method.trials) for method in found.method} == {4}


def test_the_benchmark_of_the_documentation_loads(tmp_path: Path) -> None:
    page = (SHIPPED.parents[1] / "docs" / "how-to" / "compare.md").read_text(encoding="utf-8")
    path = tmp_path / "bench.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    assert [method.name for method in load(path).method] == ["acir", "csq"]


def test_names_titles_and_draws_are_read(read: Read) -> None:
    found = read()
    assert [m.title for m in found.method] == ["ACIR", ""]
    draw = found.data[0].draw
    assert draw is not None
    assert (draw.per_class, draw.imbalance, draw.seed) == (60, 10.0, 1)
    assert found.data[1].draw is None
    assert (found.floor[0].name, found.floor[0].of) == ("itq", "csq")


# What decides a run


def test_the_data_set_comes_after_what_is_shared(read: Read) -> None:
    found = read()
    cells, chest = (found.recipe_for(data, found.method[0], 16) for data in found.data)
    assert (cells.training.epochs, chest.training.epochs) == (2, 2)
    assert (cells.augment.degrees, chest.augment.degrees) == (5.0, 3.0)
    assert (cells.prep.size, chest.prep.size) == (32, 64)  # 64 is the recipe's own


def test_the_method_comes_after_the_data_set_and_tuning_last(read: Read) -> None:
    found = read()
    method = found.method[0]
    plain, tuned = (found.recipe_for(found.data[0], method, 16, t) for t in ({}, method.trials[1]))
    assert plain.model.head.name == "linear"
    assert (plain.loss.options["structure"], tuned.loss.options["structure"]) == (0.25, 0.5)


def test_a_loss_keeps_no_option_of_the_recipe(read: Read) -> None:
    found = read()  # the recipe `tiny` sets `structure` of its own loss
    assert found.recipe_for(found.data[0], found.method[1], 16).loss.options == {}


def test_the_length_is_the_benchmarks_and_no_decoder_is_built(read: Read) -> None:
    found = read()
    recipe = found.recipe_for(found.data[0], found.method[0], 64)
    assert recipe.model.bits == 64
    assert not recipe.model.decoder.on


@pytest.mark.parametrize(
    ("bits", "tuned_at"), [("[16, 32, 64]", 32), ("[8, 16, 64]", 16), ("[16]", 16)]
)
def test_tuning_is_at_32_bits_or_at_the_middle(read: Read, bits: str, tuned_at: int) -> None:
    assert read(("[16, 32, 64]", bits)).tuning_bits == tuned_at


# Parts


def test_a_part_keeps_the_floors_of_its_methods(read: Read) -> None:
    part = selected(read(), {"data": ["cells"], "method": ["csq"], "bits": ["64"], "seed": ["1"]})
    assert [d.name for d in part.data] == ["cells"]
    assert [m.name for m in part.method] == ["csq"]
    assert (part.bits, part.seeds) == ((64,), (1,))
    assert len(part.floor) == 1
    assert selected(read(), {"method": ["acir"]}).floor == ()


def test_no_part_is_the_whole(read: Read) -> None:
    assert selected(read(), {}) == read()


def test_data_may_lie_elsewhere(read: Read) -> None:
    moved = with_sources(read(), {"chest": "phantom:9"})
    assert [d.source for d in moved.data] == ["cells.zip", "phantom:9"]


@pytest.mark.parametrize(
    ("only", "said"),
    [
        ({"sets": ["cells"]}, "'sets' is no part of a benchmark, expected one of data, method"),
        ({"data": ["cell"]}, r"'cell' is no data of the benchmark, .* Did you mean 'cells'\?"),
        ({"bits": ["8"]}, "'8' is no bits of the benchmark, expected one of 16, 32, 64"),
    ],
)
def test_an_unknown_part_is_refused(read: Read, only: dict[str, list[str]], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        selected(read(), only)


def test_unknown_data_has_no_other_place(read: Read) -> None:
    with pytest.raises(RecipeError, match=r"'cell' is no data of the benchmark"):
        with_sources(read(), {"cell": "phantom:9"})


# Mistakes


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("seeds =", "seed =", r"unknown benchmark key 'seed'; .* Did you mean 'seeds'\?"),
        ("source =", "sorce =", r"unknown benchmark key 'data.sorce'; .* 'source'\?"),
        ('title = "Two"', "", "benchmark key title is missing; add it"),
        ("[16, 32, 64]", "[0]", "benchmark key bits is 0, expected at least 1"),
        ("[16, 32, 64]", "[]", "benchmark key bits is empty, expected at least one"),
        ("[16, 32, 64]", "[12]", "recipe key model.bits is 12, expected a multiple of 8"),
        ("[0, 1]", "[1, 1]", "benchmark key seeds has 1 twice; give each its own name"),
        ('"csq"', '"acir"', "benchmark key method has acir twice"),
        ('"chest"', '"Chest X"', "benchmark key data has the name 'Chest X', expected small"),
        ('ours = "acir"', 'ours = "asir"', r"'asir' is no method .* Did you mean 'acir'\?"),
        ('of = "csq"', 'of = "cse"', r"'cse' is no method of the benchmark"),
        ('name = "itq"', 'name = "pca"', "benchmark key floor.name is 'pca', expected one of itq"),
        ("epochs = 2", "epoch = 2", r"unknown recipe key 'training.epoch'; .*'epochs'\?"),
        ('"prep.size" = 32', '"prep.size" = 3', "recipe key prep.size is 3, expected at least 16"),
        ("0.01", '"x"', "recipe key training.learning_rate is 'x', expected a value of type float"),
    ],
)
def test_a_mistake_is_named(read: Read, before: str, after: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        read((before, after))


def test_a_floor_needs_a_name_of_its_own(read: Read) -> None:
    with pytest.raises(RecipeError, match="'itq' names a method and a floor; rename the method"):
        read(('name = "csq"', 'name = "itq"'), ('of = "csq"', 'of = "itq"'))


def test_a_benchmark_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=re.escape(f"no benchmark at {tmp_path / 'x.toml'}")):
        load(tmp_path / "x.toml")


def test_broken_toml_is_refused(read: Read) -> None:
    with pytest.raises(RecipeError, match=r"bench.toml is not valid TOML"):
        read(("title =", "title"))


def test_the_ablation_starts_from_the_acir_of_the_comparison() -> None:
    shipped, ablation = load(SHIPPED), load(SHIPPED.with_name("ablation.toml"))
    ours, whole = (next(m for m in b.method if m.name == "acir") for b in (shipped, ablation))
    tuned = {"training.learning_rate": 0.004, "model.head.balance": False}
    for ours_data, data in zip(shipped.data, ablation.data, strict=True):
        wanted = shipped.recipe_for(ours_data, ours, 32, tuned)
        assert ablation.recipe_for(data, whole, 32) == wanted


def test_every_variant_of_the_ablation_is_another_network_or_loss() -> None:
    ablation = load(SHIPPED.with_name("ablation.toml"))
    recipes = [ablation.recipe_for(ablation.data[0], method, 32) for method in ablation.method]
    assert len({str((recipe.model, recipe.loss)) for recipe in recipes}) == len(ablation.method)
    for recipe in recipes:
        Encoder(recipe.model, classes=8)
