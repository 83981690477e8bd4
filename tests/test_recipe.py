"""Recipes: what ships can be loaded, what is written reads back, and every mistake is named."""

import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from acir import recipe
from acir.errors import RecipeError
from acir.recipe import Recipe, TrainingRecipe, from_dict, load, shipped, to_dict
from acir.recipe.reading import COMPONENTS
from acir.tables import Component, Range

# Reading


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_loads_and_reads_back(name: str) -> None:
    found = load(name)
    assert from_dict(to_dict(found)) == found


def test_the_tiny_recipe_ships() -> None:
    assert "tiny" in shipped()
    found = load("tiny")
    assert (found.prep.size, found.model.bits, found.loss.name) == (64, 32, "sch")
    assert found.model.stem.options == {"depth": 18, "width": 32, "small": True}


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_recipe_never_flips_unless_it_is_asked_to(name: str) -> None:
    augment = load(name).augment
    assert not augment.flip_horizontal
    assert not augment.flip_vertical


def test_an_empty_recipe_has_the_defaults() -> None:
    assert from_dict({}) == Recipe()


def test_a_recipe_is_read_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[training]\nepochs = 3\n[loss]\nname = "sch"\nstructure = 0.5\n')
    found = load(str(path))
    assert found.training.epochs == 3
    assert found.loss == Component("sch", {"structure": 0.5})


def test_what_is_left_out_keeps_its_default() -> None:
    found = from_dict({"training": {"epochs": 3}})
    assert found.training == dataclasses.replace(TrainingRecipe(), epochs=3)
    assert found.model == Recipe().model


def test_plain_values_survive_a_round_trip() -> None:
    table: dict[str, Any] = {
        "model": {
            "bits": 48,
            "stem": {"name": "other", "depth": 50, "names": ["a", "b"]},
            "decoder": {"on": False, "widths": [9, 8, 7]},
        },
        "gate": {"detectors": ["knn"], "unknown": 0.05},
        "training": {"precision": "bf16", "betas": [0.8, 0.9]},
    }
    found = from_dict(table)
    plain = to_dict(found)
    assert plain["model"]["stem"] == table["model"]["stem"]
    assert plain["model"]["decoder"] == table["model"]["decoder"]
    assert plain["gate"]["detectors"] == ["knn"]
    assert from_dict(plain) == found


def test_an_integer_stands_for_a_real_number() -> None:
    rate = from_dict({"training": {"weight_decay": 0}}).training.weight_decay
    assert (rate, type(rate)) == (0.0, float)


def test_a_number_stands_for_a_choice_of_that_name() -> None:
    assert from_dict({"training": {"precision": 32}}).training.precision == "32"


# Settings


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("training.epochs", "3", lambda r: r.training.epochs == 3),
        ("model.decoder.on", "false", lambda r: r.model.decoder.on is False),
        ("model.decoder.widths", "[3, 2, 1]", lambda r: r.model.decoder.widths == (3, 2, 1)),
        ("prep.channels", "grey", lambda r: r.prep.channels == "grey"),
        ("prep.channels", '"grey"', lambda r: r.prep.channels == "grey"),
        ("model.pretrained", "weights/a.pt", lambda r: r.model.pretrained == "weights/a.pt"),
        ("model.stem.depth", "34", lambda r: r.model.stem.options["depth"] == 34),
        ("loss.structure", "1.0", lambda r: r.loss.options["structure"] == 1.0),
        ("calibration.fraction", "0", lambda r: r.calibration.fraction == 0),
    ],
)
def test_a_setting_replaces_what_the_recipe_says(key: str, text: str, found: Any) -> None:  # noqa: ANN401 - a question to a recipe
    assert found(load("tiny", {key: text}))


def test_settings_leave_the_rest_alone() -> None:
    changed = load("tiny", {"training.epochs": "3"})
    restored = dataclasses.replace(changed, training=load("tiny").training)
    assert restored == load("tiny")


def test_a_key_cannot_be_set_through_a_value() -> None:
    with pytest.raises(
        RecipeError, match=r"cannot set prep.size.pixels: size is a value, not a table"
    ):
        load("tiny", {"prep.size.pixels": "3"})


def test_an_unknown_setting_is_refused_like_an_unknown_key() -> None:
    with pytest.raises(RecipeError, match=r"unknown recipe key 'training.epoch'; .*'epochs'\?"):
        load("tiny", {"training.epoch": "3"})


# Settings that name another component

OWN = """
[model]
stem = { name = "resnet", depth = 34, small = true }
[model.head]
name = "sign"
balance = false
[loss]
name = "sch"
structure = 0.5
quantisation = "cubic"
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return str(path)


@pytest.mark.parametrize(
    ("settings", "loss", "stem"),
    [
        (
            {},
            Component("sch", {"structure": 0.5, "quantisation": "cubic"}),
            Component("resnet", {"depth": 34, "small": True}),
        ),
        (
            {"loss.name": "csq", "model.stem.name": "other"},
            Component("csq"),
            Component("other"),
        ),
        (
            {"model.stem.depth": "3", "loss.margin": "0.3"}  # whichever comes first
            | {"model.stem.name": "other", "loss.name": "orthohash"},
            Component("orthohash", {"margin": 0.3}),
            Component("other", {"depth": 3}),
        ),
        (
            {"loss.name": "sch", "loss.structure": "0.1", "model.stem.name": '"resnet"'},
            Component("sch", {"structure": 0.1, "quantisation": "cubic"}),
            Component("resnet", {"depth": 34, "small": True}),
        ),
    ],
    ids=["as-it-is", "others", "others-with-options", "the-same"],
)
def test_naming_another_component_drops_the_options_of_the_one_in_the_recipe(
    own: str, settings: dict[str, str], loss: Component, stem: Component
) -> None:
    found = load(own, settings)
    assert (found.loss, found.model.stem) == (loss, stem)


def test_another_head_keeps_its_keys_since_every_head_has_the_same(own: str) -> None:
    head = load(own, {"model.head.name": "kan"}).model.head
    assert (head.name, head.balance) == ("kan", False)


def test_a_component_cannot_be_named_in_a_value(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('loss = "sch"\n')
    with pytest.raises(RecipeError, match=r"cannot set loss.name: loss is a value, not a table"):
        load(str(path), {"loss.name": "csq"})


def test_every_key_that_takes_a_component_is_known_as_one() -> None:
    keys = [
        f"{getattr(table, 'table', '')}.{key}".lstrip(".")
        for table in vars(recipe).values()
        if dataclasses.is_dataclass(table)
        for key, hint in get_type_hints(table).items()
        if hint is Component
    ]
    assert sorted(keys) == sorted(COMPONENTS)


# Mistakes


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(
        RecipeError, match=r"there is no recipe 'tinny'; give one of .*tiny.*Did you mean 'tiny'\?"
    ):
        load("tinny")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(RecipeError, match=r"there is no recipe at no/own\.toml; give a \.toml"):
        load("no/own.toml")


def test_broken_toml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("[training\nepochs = 3\n")
    with pytest.raises(RecipeError, match=r"own.toml is not valid TOML: .*line 1"):
        load(str(path))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"own.toml is not valid TOML"):
        load(str(path))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"trainin": {}}, r"unknown recipe key 'trainin'; known here: .*'training'\?"),
        (
            {"model": {"bit": 8}},
            r"unknown recipe key 'model.bit'; known here: bits, .*Did you mean 'bits'\?",
        ),
        (
            {"model": {"head": {"griid": 3}}},
            r"unknown recipe key 'model.head.griid'; known here: name, hidden, grid, balance, ",
        ),
        ({"model": {"table": "x"}}, "unknown recipe key 'model.table'"),
        ({"model": 3}, "recipe key model is 3, expected a table"),
        ({"model": {"head": "kan"}}, "recipe key model.head is 'kan', expected a table"),
        (
            {"training": {"epochs": "3"}},
            "recipe key training.epochs is '3', expected a value of type int",
        ),
        (
            {"training": {"epochs": 3.0}},
            "recipe key training.epochs is 3.0, expected a value of type int",
        ),
        (
            {"training": {"epochs": True}},
            "recipe key training.epochs is True, expected a value of type int",
        ),
        (
            {"augment": {"degrees": True}},
            "recipe key augment.degrees is True, expected a value of type float",
        ),
        (
            {"model": {"decoder": {"on": 1}}},
            "recipe key model.decoder.on is 1, expected a value of type bool",
        ),
        (
            {"model": {"pretrained": 5}},
            "recipe key model.pretrained is 5, expected a value of type str",
        ),
        ({"gate": {"detectors": "knn"}}, "recipe key gate.detectors is 'knn', expected a list"),
        (
            {"gate": {"detectors": [3]}},
            "recipe key gate.detectors is 3, expected a value of type str",
        ),
        ({"loss": "sch"}, "recipe key loss is 'sch', expected a table with a name"),
        ({"loss": {"structure": 1}}, "recipe key loss is .*, expected a table with a name"),
        ({"loss": {"name": 3}}, "recipe key loss is .*, expected a table with a name"),
        (
            {"model": {"head": {"name": "can"}}},
            r"model.head.name is 'can', expected one of kan, mlp, linear, sign\. Did .*'kan'\?",
        ),
        (
            {"training": {"precision": 16}},
            "recipe key training.precision is 16, expected one of 32, bf16",
        ),
        ({"training": {"epochs": 0}}, "recipe key training.epochs is 0, expected at least 1$"),
        (
            {"training": {"learning_rate": 0}},
            "recipe key training.learning_rate is 0.0, expected above 0$",
        ),
        (
            {"training": {"learning_rate": float("inf")}},
            "recipe key training.learning_rate is inf, expected a finite number, above 0$",
        ),
        (
            {"training": {"weight_decay": float("nan")}},
            "recipe key training.weight_decay is nan, expected a finite number, at least 0$",
        ),
        (
            {"augment": {"scale": 1.1}},
            "recipe key augment.scale is 1.1, expected above 0 and at most 1$",
        ),
        (
            {"augment": {"contrast": 1}},
            "recipe key augment.contrast is 1.0, expected at least 0 and below 1$",
        ),
        (
            {"calibration": {"fraction": 0.5}},
            "recipe key calibration.fraction is 0.5, expected at least 0 and at most 0.4$",
        ),
        (
            {"model": {"decoder": {"widths": [8, 0, 8]}}},
            "recipe key model.decoder.widths is 0, expected at least 1$",
        ),
        (
            {"training": {"betas": [0.9, 1.5]}},
            "recipe key training.betas is 1.5, expected at least 0 and below 1$",
        ),
        (
            {"model": {"bits": 12}},
            "recipe key model.bits is 12, expected a multiple of 8, such as 16$",
        ),
        (
            {"model": {"bits": 1}},
            "recipe key model.bits is 1, expected a multiple of 8, such as 8$",
        ),
        (
            {"gate": {"unknown": 0.1, "caution": 0.05}},
            "recipe key gate.caution is out of range, expected at least gate.unknown",
        ),
        (
            {"gate": {"detectors": []}},
            "recipe key gate.detectors is out of range, expected at least one detector",
        ),
        (
            {"training": {"betas": [0.9]}},
            "recipe key training.betas is out of range, expected two values",
        ),
        (
            {"model": {"decoder": {"widths": [8, 8]}}},
            "recipe key model.decoder.widths is out of range, expected three widths",
        ),
        (
            {"model": {"transformer": {"kept": 3, "depth": 2}}},
            "model.transformer.kept is out of range, expected at most model.transformer.depth",
        ),
        (
            {"model": {"scattering": {"on": True, "directions": 5}}},
            "model.scattering.directions is out of range, expected an even number",
        ),
        (
            {"prep": {"size": 28}, "model": {"scattering": {"on": True, "scales": 4}}},
            "model.scattering.scales is out of range, expected so few that prep.size halved as "
            "often less one stays at least 4",
        ),
        (
            {"model": {"transformer": {"heads": 3, "dim": 128}}},
            "model.transformer.heads is out of range, expected a divisor of model.transformer.dim",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key(table: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        from_dict(table)


def test_recipes_are_checked_however_they_are_made() -> None:
    with pytest.raises(RecipeError, match=r"training.epochs is -1, expected at least 1"):
        TrainingRecipe(epochs=-1)


# Ranges


@pytest.mark.parametrize(
    ("allowed", "words", "inside", "outside"),
    [
        (Range(1), "at least 1", [1, 2, 1e9], [0, 0.999, -1]),
        (Range(0, open_low=True), "above 0", [1e-9, 3], [0, -1]),
        (Range(0, 0.4), "at least 0 and at most 0.4", [0, 0.4], [-0.1, 0.41]),
        (Range(0, 1, open_high=True), "at least 0 and below 1", [0, 0.99], [1, 2]),
        (Range(0, 1, open_low=True), "above 0 and at most 1", [0.01, 1], [0, 1.01]),
    ],
)
def test_a_range_says_in_words_what_it_holds(
    allowed: Range, words: str, inside: list[float], outside: list[float]
) -> None:
    assert str(allowed) == words
    assert all(value in allowed for value in inside)
    assert not any(value in allowed for value in [*outside, float("nan"), float("inf")])


def test_every_number_of_a_recipe_has_a_range() -> None:
    tables = [
        t for t in vars(recipe).values() if dataclasses.is_dataclass(t) and hasattr(t, "table")
    ]
    assert len(tables) >= 10
    for table in tables:
        hints = get_type_hints(table, include_extras=True)
        bare = [key for key, hint in hints.items() if hint in (int, float)]
        assert not bare
