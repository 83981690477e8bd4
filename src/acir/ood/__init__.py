"""Detectors of what the model does not know; a file is a detector."""

from collections.abc import Iterable

from acir.ood.base import Detector
from acir.registry import build, find
from acir.tensors import Encode

FAMILY = "acir.ood"


def get(name: str) -> type[Detector]:
    """Return the component that the file `name` defines.

    Raises:
        ComponentError: There is no such component, or a library that it needs is missing.
    """
    return find(FAMILY, Detector, name)


def fresh(names: Iterable[str], encode: Encode) -> dict[str, Detector]:
    """Return detectors that are not fitted, by name and in this order.

    Args:
        names: Components of this family.
        encode: Handed to those that must encode again.

    Raises:
        ComponentError: There is no such detector.
    """
    found = {name: get(name) for name in names}
    return {name: build(kind, {}, encode=encode) for name, kind in found.items()}
