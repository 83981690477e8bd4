"""Retrieve similar medical images, and know when not to answer.

The public names are resolved on first use, so that importing one light module of
the package never loads torch.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what a type checker is to know of the names that are resolved on first use
    from acir.types import Answer, Hit, Verdict
    from acir.workflows.search import load, open_index

__version__ = version("acir")

_HOMES = {
    "Answer": "acir.types",
    "Hit": "acir.types",
    "Verdict": "acir.types",
    "load": "acir.workflows.search",
    "open_index": "acir.workflows.search",
}

__all__ = ["Answer", "Hit", "Verdict", "__version__", "load", "open_index"]


def __getattr__(name: str) -> object:
    """Import a public name from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'acir' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names too that were not used yet, which a shell completes."""
    return sorted({*globals(), *__all__})
