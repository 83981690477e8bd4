"""Convolutional stems; a file is a stem."""

from acir.models.stems.base import Stem
from acir.registry import find

FAMILY = "acir.models.stems"


def get(name: str) -> type[Stem]:
    """Return the component that the file `name` defines.

    Raises:
        ComponentError: There is no such component, or a library that it needs is missing.
    """
    return find(FAMILY, Stem, name)
