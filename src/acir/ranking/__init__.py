"""Orders of a shortlist; a file is a ranker."""

from acir.ranking.base import Ranker
from acir.registry import find

FAMILY = "acir.ranking"


def get(name: str) -> type[Ranker]:
    """Return the component that the file `name` defines.

    Raises:
        ComponentError: There is no such component, or a library that it needs is missing.
    """
    return find(FAMILY, Ranker, name)
