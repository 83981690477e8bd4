"""Training losses; a file is a loss."""

from acir.losses.base import Loss
from acir.registry import find


def get(name: str) -> type[Loss]:
    """Return the component that the file `name` defines."""
    return find("acir.losses", Loss, name)
