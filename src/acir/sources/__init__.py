"""Where pictures come from; a file is a kind of source."""

from acir.registry import find
from acir.sources.base import FAMILY, Source


def get(name: str) -> type[Source]:
    """Return the component that the file `name` defines.

    Raises:
        ComponentError: There is no such component, or a library that it needs is missing.
    """
    return find(FAMILY, Source, name)
