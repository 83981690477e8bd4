"""Training losses; a file is a loss."""

from acir.losses.base import Loss
from acir.registry import find

FAMILY = "acir.losses"


def get(name: str) -> type[Loss]:
    """Return the component that the file `name` defines.

    Raises:
        ComponentError: There is no such component, or a library that it needs is missing.
    """
    return find(FAMILY, Loss, name)
