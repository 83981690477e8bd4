"""What tells runs apart, such that a recipe may get new keys and old runs are still found.

A new key stands for something that was not there; its default says that it still is not. So a key
is made of what differs from the defaults. The other side of it: when a default changes, old keys
would say what is no longer so, and `FORMAT` must be raised.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from acir.errors import RecipeError
from acir.recipe import GateRecipe, Recipe, from_dict
from acir.tables import Table, plain
from acir.workflows.records import digest

FORMAT = 1


def run_key(recipe: Recipe, seed: int, pictures: Mapping[str, str]) -> str:
    """Tell runs apart by what decides them, this version of the package included.

    Args:
        recipe: The whole recipe.
        seed: The only source of chance.
        pictures: A digest of each part that the run may see.
    """
    asked = beyond_defaults(_compared(recipe))
    decides = {"recipe": asked, "seed": seed, "pictures": dict(pictures)}
    return digest({**decides, "format": FORMAT, "acir": version("acir")})


def beyond_defaults(recipe: Recipe) -> dict[str, Any]:
    """Return what of a recipe differs from the defaults; a component is one value.

    Example:
        >>> from acir.recipe import SearchRecipe
        >>> beyond_defaults(Recipe(search=SearchRecipe(mode="plain")))
        {'search': {'mode': 'plain'}}
    """
    return _beyond(recipe, Recipe())


def is_recipe(recorded: Mapping[str, Any], asked: Recipe) -> bool:
    """Whether a recipe in a record, which may lack newer keys, is the one that is asked for."""
    try:
        return _compared(from_dict(recorded)) == _compared(asked)
    except RecipeError:  # it has a key or a value that is no more
        return False


def _compared(recipe: Recipe) -> Recipe:
    """Leave out the gate, which no run of a comparison asks."""
    return replace(recipe, gate=GateRecipe())


def _beyond(tables: Recipe | Table, usual: Recipe | Table) -> dict[str, Any]:
    return {
        name: _beyond(value, getattr(usual, name)) if isinstance(value, Table) else plain(value)
        for name, value in vars(tables).items()
        if value != getattr(usual, name)
    }
