"""Recipes from TOML and plain tables, and back."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from acir import tables
from acir.errors import RecipeError, suggestion
from acir.recipe.whole import Recipe

COMPONENTS = ("loss", "model.stem")  # keys whose table is a component with its options


def shipped() -> list[str]:
    """List the names of the recipes that come with the package.

    Example:
        >>> "tiny" in shipped()
        True
    """
    return sorted(
        Path(f.name).stem
        for f in files("acir").joinpath("recipes").iterdir()
        if f.name.endswith(".toml")
    )


def load(name_or_path: str, settings: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe by its shipped name or from a TOML file.

    Where settings name another component, what the recipe says of the options of its own is left
    out: they mean nothing to the other one, or something else.

    Args:
        name_or_path: A name that `shipped` lists, or the path of a `.toml` file.
        settings: Dotted keys and TOML values that replace what the recipe says, as in
            `{"training.epochs": "3"}`; a value that is not TOML is taken as text.

    Raises:
        RecipeError: No such recipe, broken TOML, an unknown key, a wrong type or range.
    """
    table = read(name_or_path)
    values = {key: _value(text) for key, text in (settings or {}).items()}
    for key in COMPONENTS:
        if f"{key}.name" in values:
            tables.choose(table, key, values[f"{key}.name"])
    for key, value in values.items():
        tables.put(table, key, value)
    return from_dict(table)


def read(name_or_path: str) -> dict[str, Any]:
    """Return the tables of a recipe as they are written, for `from_dict`.

    Raises:
        RecipeError: No such recipe, or broken TOML.
    """
    if Path(name_or_path).suffix == ".toml":
        return tables.read(Path(name_or_path), "recipe")
    if name_or_path not in shipped():
        raise RecipeError(
            f"there is no recipe {name_or_path!r}; give one of {', '.join(shipped())} or the path "
            f"of a .toml file.{suggestion(name_or_path, shipped())}"
        )
    file = files("acir").joinpath("recipes", f"{name_or_path}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def from_dict(table: Mapping[str, Any]) -> Recipe:
    """Turn plain tables, as TOML or JSON gives them, into a recipe.

    Raises:
        RecipeError: An unknown key, a wrong type or a value out of range.
    """
    return tables.build(Recipe, table)


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Turn a recipe into plain tables that `from_dict` reads back to an equal recipe."""
    return {key: tables.plain(value) for key, value in vars(recipe).items()}


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
