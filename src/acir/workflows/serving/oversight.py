"""What those who run an index look after: is it whole, what could it not take, do queries drift."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acir.types import Skipped
from acir.workflows import index
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
