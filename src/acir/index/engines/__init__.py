"""Exact Hamming search; a file is an engine."""

from acir.index.engines.base import Engine
from acir.registry import find


def get(name: str) -> type[Engine]:
    """Return the component that the file `name` defines."""
    return find("acir.index.engines", Engine, name)
