"""`acir model` with a bundle that was trained."""

from pathlib import Path

from acir.bundle import load_bundle
from made_model import acir


def test_a_bundle_is_registered_approved_and_listed(bundle: Path, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    words = ("--registry", registry, "--model", bundle, "--json")
    line = acir("model", "register", "cells", *words).line()
    loaded = load_bundle(bundle)
    assert line["id"] == loaded.id
    assert line["classes"] == list(loaded.class_names)
    assert line["trained_on"] == len(loaded.training)
    (listed,) = acir("model", "list", "--registry", registry, "--json").lines()
    assert listed["state"] == "waiting"
    approved = acir("model", "approve", loaded.id[:8], "--registry", registry, "--json").line()
    assert approved["state"] == "in service"
    assert "in service" in acir("model", "list", "--registry", registry).out
    refused = acir("model", "rollback", "cells", "--registry", registry).refusal()
    assert refused.startswith("there is no earlier model of cells to go back to")


def test_a_registry_that_is_not_there_is_refused(bundle: Path, tmp_path: Path) -> None:
    said = f"there is no registry at {tmp_path}; begin one with acir model register"
    assert acir("model", "list", "--registry", tmp_path).refusal() == said
    (tmp_path / "file").touch()
    outcome = acir("model", "register", "cells", "--registry", tmp_path / "file", "--model", bundle)
    assert outcome.code == 1
    assert "cannot make the folder" in outcome.err
