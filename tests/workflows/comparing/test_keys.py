"""Keys of runs: a new recipe key leaves them as they are, anything that decides changes them."""

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from acir.recipe import FusionRecipe, ModelRecipe, Recipe, SearchRecipe, TrainingRecipe, to_dict
from acir.recipe import from_dict as recipe_from
from acir.tables import Component
from acir.workflows.comparing import keys
from acir.workflows.comparing.keys import beyond_defaults, is_recipe, run_key

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"
PICTURES = {"train": "0a", "val": "0b"}


def recipe() -> Recipe:
    return Recipe(
        model=ModelRecipe(bits=16, fusion=FusionRecipe(heads=2)),
        training=TrainingRecipe(betas=(0.9, 0.99)),
        search=SearchRecipe(mode="plain"),
    )


def test_the_defaults_are_beyond_nothing() -> None:
    assert beyond_defaults(Recipe()) == {}


def test_what_differs_is_kept_with_its_place() -> None:
    assert beyond_defaults(recipe()) == {
        "model": {"bits": 16, "fusion": {"heads": 2}},
        "training": {"betas": [0.9, 0.99]},
        "search": {"mode": "plain"},
    }


def test_what_differs_makes_the_recipe_again() -> None:
    assert recipe_from(beyond_defaults(recipe())) == recipe()


def test_a_component_is_one_value() -> None:
    # Its options have defaults of their own: one that is left out is not the recipe's.
    stem = Component("resnet", MappingProxyType({"depth": 18, "width": 32}))
    found = beyond_defaults(Recipe(model=ModelRecipe(stem=stem)))
    assert found == {"model": {"stem": {"name": "resnet", "depth": 18, "width": 32}}}


@dataclass(frozen=True)
class LaterTraining(TrainingRecipe):
    """Training as it may be one day."""

    noise: float = 0.0


def test_a_new_key_changes_no_key_of_a_run_unless_it_is_used() -> None:
    old = run_key(recipe(), 0, PICTURES)
    shared = {f.name: getattr(recipe().training, f.name) for f in fields(TrainingRecipe)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "Recipe", lambda: replace(Recipe(), training=LaterTraining()))
        later, used = (
            run_key(replace(recipe(), training=LaterTraining(**shared, noise=n)), 0, PICTURES)
            for n in (0.0, 0.5)
        )
    assert later == old
    assert used != old


def test_whatever_decides_a_run_changes_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        run_key(recipe(), 0, PICTURES),
        run_key(recipe(), 1, PICTURES),
        run_key(Recipe(), 0, PICTURES),
        run_key(recipe(), 0, {**PICTURES, "val": "0c"}),
        run_key(recipe(), 0, {"train": "0a"}),
    ]
    monkeypatch.setattr(keys, "version", lambda _: "99")
    found.append(run_key(recipe(), 0, PICTURES))
    monkeypatch.setattr(keys, "FORMAT", 99)
    found.append(run_key(recipe(), 0, PICTURES))
    assert len(set(found)) == len(found)


def test_a_recorded_recipe_without_a_newer_key_is_the_one_with_its_default() -> None:
    recorded = json.loads(json.dumps(to_dict(recipe())))
    del recorded["training"]["patience"]
    assert is_recipe(recorded, recipe())
    patient = replace(recipe(), training=replace(recipe().training, patience=3))
    assert not is_recipe(recorded, patient)


def test_the_gate_plays_no_part_in_a_comparison() -> None:
    other = replace(recipe(), gate=replace(recipe().gate, detectors=("knn",)))
    assert run_key(other, 0, {}) == run_key(recipe(), 0, {})
    assert is_recipe(json.loads(json.dumps(to_dict(other))), recipe())


def test_a_recorded_recipe_with_a_key_that_is_no_more_is_another() -> None:
    recorded = json.loads(json.dumps(to_dict(recipe())))
    assert is_recipe(recorded, recipe())
    recorded["training"]["momentum"] = 0.9
    assert not is_recipe(recorded, recipe())


def committed() -> list[Path]:
    found = sorted(RESULTS.glob("*/runs/*/*/*.json"))
    assert found
    return found


def test_committed_results_are_found_by_their_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    # If this fails because a default has changed: what was measured holds for the old one, so
    # raise FORMAT and measure again.
    for path in committed():
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if record["status"] == "done":
            monkeypatch.setattr(keys, "version", lambda _, own=record: own["versions"]["acir"])
            found = run_key(recipe_from(record["recipe"]), record["seed"], record["splits"])
            assert found == record["key"], path.name
