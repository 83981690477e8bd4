"""Convolutional stems; a file is a stem."""

from acir.models.stems.base import Stem
from acir.registry import find


def get(name: str) -> type[Stem]:
    """Return the component that the file `name` defines."""
    return find("acir.models.stems", Stem, name)
