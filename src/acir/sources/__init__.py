"""Where pictures come from; a file is a kind of source."""

from acir.registry import find
from acir.sources.base import Source


def get(name: str) -> type[Source]:
    """Return the component that the file `name` defines."""
    return find("acir.sources", Source, name)
