"""What those who run an index look after: is it whole, what was kept back, which models serve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acir.governance.audit import Actor
from acir.governance.models import Registered, Registry
from acir.types import Skipped
from acir.workflows import deid, index
from acir.workflows.drift import judged
from acir.workflows.serving.served import Served


@dataclass(frozen=True)
class Health:
    """The state of an index.

    Attributes:
        info: As `acir index info` gives it.
        problems: As `acir index verify` gives them; None where nobody asked.
        drift: As `acir drift` gives it; None for a model without calibration pictures.
        failed: Pictures that the index was given and could not take.
        model: What the bundle says of itself.
    """

    info: Mapping[str, Any]
    problems: Sequence[str] | None
    drift: Mapping[str, Any] | None
    failed: Sequence[Skipped]
    model: Mapping[str, Any]


def health(served: Served, verify: bool) -> Health:
    """Return the state of an index.

    Args:
        served: The index.
        verify: Whether to read every byte of it.
    """
    store, bundle = served.searcher.store, served.searcher.bundle
    calibration = bundle.gate.calibration
    return Health(
        info=index.info(served.folder),
        problems=index.verify(served.folder) if verify else None,
        drift=judged(store.traffic(), calibration) if calibration.n else None,
        failed=store.dead_letters(),
        model={
            "id": bundle.id,
            "classes": ", ".join(bundle.class_names),
            "trained_on": len(bundle.training),
            "calibrated_on": len(bundle.calibration),
            "promised": calibration.promised,
            "card": bundle.card,
        },
    )


def kept_back(out: Path) -> list[Skipped]:
    """Return the files that `acir deid` kept back from a folder, by their place among the files.

    Raises:
        UsageError: It has written nothing there.
    """
    return [Skipped(entry.file, entry.reason or "") for entry in deid.review(out)]


def models(registry: Path) -> list[Registered]:
    """Return all models of a registry.

    Raises:
        StorageError: It cannot be read.
    """
    with Registry(registry) as opened:
        return opened.models()


def approve(registry: Path, bundle: str, by: Actor) -> None:
    """Let a registered bundle serve.

    Raises:
        UsageError: There is none, or it serves already.
    """
    with Registry(registry) as opened:
        opened.approve(bundle, by)


def roll_back(registry: Path, name: str, seen: Sequence[str], by: Actor) -> None:
    """Let the bundle before the one that serves under a name serve again.

    Raises:
        UsageError: They are not the two that were seen: the one that serves and the one before.
    """
    with Registry(registry) as opened:
        opened.roll_back(name, by, seen)
