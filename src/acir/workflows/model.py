"""`acir model`: register, approve, list, roll back."""

from pathlib import Path
from typing import Any

from acir.bundle import load_bundle
from acir.errors import StorageError, UsageError
from acir.governance.models import FILE, Registered, Registry
from acir.workflows.recording import system_user


def register(registry: Path, name: str, model: Path) -> dict[str, Any]:
    """Make a bundle known under a name, with what it says of itself; return that.

    Raises:
        BundleError: It is missing, altered or of another version.
        UsageError: It is registered already.
        StorageError: The folder of the registry cannot be made or written.
        AuditError: It could not be recorded.
    """
    bundle = load_bundle(model)
    calibration = bundle.gate.calibration
    about = {
        "classes": list(bundle.class_names),
        "bits": bundle.encoder.bits,
        "trained_on": len(bundle.training),
        "calibrated_on": len(bundle.calibration),
        "calibrated_anew": dict(bundle.calibrated),
        "false_alarms_promised": calibration.promised,
    }
    try:
        registry.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {registry} ({error.strerror}); name one that can be written"
        ) from error
    with Registry(registry) as opened:
        opened.register(name, bundle.id, system_user(), about, bundle.card)
    return {"id": bundle.id, "name": name, **about}


def approve(registry: Path, start: str) -> dict[str, Any]:
    """Let a registered bundle serve; return what is known of it.

    Args:
        registry: Folder of the registry.
        start: Id of the bundle, or the beginning of it.

    Raises:
        UsageError: There is no registry, not exactly one such bundle, or it serves already.
        AuditError: It could not be recorded.
    """
    with existing(registry) as opened:
        return line(opened.approve(start, system_user()))


def roll_back(registry: Path, name: str) -> dict[str, Any]:
    """Let the bundle before serve again; return what is known of it.

    Raises:
        UsageError: There is no registry, or no bundle before it.
        AuditError: It could not be recorded.
    """
    with existing(registry) as opened:
        return line(opened.roll_back(name, system_user()))


def models(registry: Path) -> list[dict[str, Any]]:
    """Return all registered bundles, as plain values.

    Raises:
        UsageError: There is no registry.
    """
    with existing(registry) as opened:
        return [line(model) for model in opened.models()]


def line(model: Registered) -> dict[str, Any]:
    """Return the JSON object of a registered bundle, without its card."""
    return {
        "id": model.id,
        "name": model.name,
        "state": "in service" if model.in_service else "approved" if model.approved else "waiting",
        "by": model.by,
        "time": model.time.isoformat(timespec="seconds"),
        **model.about,
    }


def existing(registry: Path) -> Registry:
    """Open a registry.

    Raises:
        UsageError: There is none.
        StorageError: It cannot be read or written.
        AuditError: Its log cannot be used.
    """
    if not (registry / FILE).is_file():
        raise UsageError(f"there is no registry at {registry}; begin one with acir model register")
    return Registry(registry)
