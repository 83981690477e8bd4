"""`acir doctor`: what is here, what is missing and how to get it."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.util import find_spec
from typing import Any

from acir import recipe as recipes
from acir import registry
from acir.pacs.codecs import decodable

EXTRA_MARK = "extra == "
FAMILIES = (
    "acir.sources",
    "acir.models.stems",
    "acir.losses",
    "acir.ood",
    "acir.index.engines",
    "acir.ranking",
)


@dataclass(frozen=True)
class Package:
    """A library that acir uses."""

    name: str
    version: str | None
    extra: str | None


def doctor() -> dict[str, Any]:
    """Return versions, devices, components and what is missing, as plain values."""
    packages = [_package(text) for text in requires("acir") or []]
    return {
        "acir": version("acir"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "devices": _devices(),
        "packages": {p.name: p.version for p in packages},
        "extras": {
            extra: all(p.version for p in packages if p.extra == extra)
            for extra in metadata("acir").get_all("Provides-Extra") or []
        },
        "dicom": decodable(),
        "components": {family: registry.names(family) for family in FAMILIES},
        "recipes": recipes.shipped(),
        "missing": [_advice(p) for p in packages if p.version is None],
    }


def _package(requirement: str) -> Package:
    text, _, marker = requirement.partition(";")
    name = text.strip().split("[")[0]
    for sign in "<>=!~ ":
        name = name.split(sign)[0]
    extra = marker.partition(EXTRA_MARK)[2].strip().strip("'\"") or None
    try:
        return Package(name, version(name), extra)
    except PackageNotFoundError:
        return Package(name, None, extra)


def _devices() -> list[str]:
    if find_spec("torch") is None:
        return []
    import torch  # noqa: PLC0415 - torch loads slowly, and only this verb's answer needs it

    return ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]


def _advice(package: Package) -> str:
    wanted = f"acir[{package.extra}]" if package.extra else package.name
    return f"{package.name} is not installed; get it with: pip install '{wanted}'"
