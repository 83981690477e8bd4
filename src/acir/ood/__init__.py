"""Detectors of what the model does not know; a file is a detector."""

from acir.ood.base import Detector
from acir.registry import find


def get(name: str) -> type[Detector]:
    """Return the component that the file `name` defines."""
    return find("acir.ood", Detector, name)
