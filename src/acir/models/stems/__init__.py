"""Convolutional stems; a file is a stem."""

from acir.models.stems.base import Stem
from acir.registry import build, find
from acir.tables import Component

FAMILY = "acir.models.stems"


def get(name: str) -> type[Stem]:
    """Return the component that the file `name` defines.

    Raises:
        ComponentError: There is no such component, or a library that it needs is missing.
    """
    return find(FAMILY, Stem, name)


def made(stem: Component) -> Stem:
    """Return the stem that a recipe names, with its options and fresh weights.

    Raises:
        ComponentError: There is no such stem.
        RecipeError: It has no such option or value.
    """
    return build(get(stem.name), stem.options)
