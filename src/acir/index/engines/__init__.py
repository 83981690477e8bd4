"""Exact Hamming search; a file is an engine."""

from acir.index.engines.base import Engine
from acir.registry import find

FAMILY = "acir.index.engines"


def get(name: str) -> type[Engine]:
    """Return the component that the file `name` defines.

    Raises:
        ComponentError: There is no such component, or a library that it needs is missing.
    """
    return find(FAMILY, Engine, name)
