"""`acir train`: from a recipe and a source to a bundle."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acir import recipe as recipes
from acir import registry
from acir.bundle import Bundle, encode_with, write_bundle
from acir.data.loader import ImageSet
from acir.data.manifest import Manifest, Part
from acir.errors import UsageError
from acir.evaluation.model_card import model_card
from acir.evaluation.protocol import Evaluation, evaluate
from acir.losses.base import Loss
from acir.models.encoder import Encoder
from acir.prep.pipeline import Prep
from acir.privacy.pseudonym import fresh_key
from acir.recipe import Recipe
from acir.sources.base import Source, SourceOptions, open_source
from acir.training.trainer import CHECKPOINT, Trainer, make_fabric
from acir.types import Progress, Split, counted, silent
from acir.workflows import calibrate
from acir.workflows.answer_sets import of_training
from acir.workflows.hardening import attack_for
from acir.workflows.learning import (
    Say,
    coded,
    describe,
    fitted_rankers,
    look,
    network,
    prep_for,
    read_parts,
    require_learnable,
    settled,
    size,
    validator,
)

RUN = "run.json"
METRICS = "metrics.json"
BUNDLE = "bundle"
LEARNED = ("train", "val")  # validation chose the epoch and the ranker


@dataclass(frozen=True)
class _Data:
    """The pictures of a run."""

    source: Source
    manifest: Manifest
    prep: Prep
    train: ImageSet
    val: ImageSet


def train(
    recipe_name: str,
    *,
    data: str,
    out: Path,
    settings: Mapping[str, str] | None = None,
    seed: int = 0,
    resume: bool = False,
    device: str = "auto",
    download: bool = False,
    strict: bool = False,
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Train a model, calibrate it and write `out/bundle`, `out/log.csv` and `out/metrics.json`.

    Args:
        recipe_name: A shipped recipe or the path of a TOML file.
        data: SOURCE; its test split is never opened.
        out: Folder of the run.
        settings: Dotted recipe keys to replace, as text.
        seed: The only source of chance.
        resume: Go on from the last epoch that `out` holds.
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        download: Whether an official file may be fetched.
        strict: Whether an unreadable picture is an error.
        progress: Shows how far long work is.
        say: Takes a line for a person.

    Returns:
        The content of `metrics.json`; nothing in other processes than the first.

    Raises:
        UsageError: The recipe, the source or the folder cannot be used as asked.
    """
    started = time.perf_counter()
    recipe = recipes.load(recipe_name, settings)
    registry.find("acir.losses", Loss, recipe.loss.name)
    calibrate.require_detectors(recipe)
    fabric = make_fabric(device, recipe.training.precision)
    run = {"recipe": recipes.to_dict(recipe), "data": data, "seed": seed}
    _refuse_other_run(out, run, resume)
    splits: frozenset[Split] = frozenset({"train", "val"})
    source = open_source(data, SourceOptions(splits, strict, download, fresh_key()))
    opened = _read(source, recipe, progress, say)
    recipe = settled(recipe, opened.train, say)
    encoder, loss = network(recipe, opened.train, seed)
    say(f"the network has {size(encoder) / 1e6:.2f} M parameters")
    _claim(out, run)
    trainer = Trainer(
        recipe=recipe,
        encoder=encoder,
        loss=loss,
        folder=out,
        seed=seed,
        fabric=fabric,
        validate=validator(recipe.training, opened.train, opened.val, say),
        progress=progress,
        attack=attack_for(recipe.training, opened.train),
    )
    history = trainer.fit(opened.train, resume=resume)
    if not fabric.is_global_zero:  # one of several processes calibrates and writes for all
        return {}
    bundle, validation = _calibrated(recipe, opened, encoder.cpu(), progress, say)
    metrics = {
        **validation.to_dict(),
        "split": "val against train",
        "epochs": sum(row["stage"] == 1 for row in history),
        "parameters": size(encoder),
        "calibration": vars(bundle.gate.calibration),
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 1),
    }
    card = model_card(recipe, opened.manifest.report(), metrics)
    write_bundle(replace(bundle, card=card), out / BUNDLE)
    (out / METRICS).write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    return metrics


def _refuse_other_run(out: Path, run: Mapping[str, Any], resume: bool) -> None:
    """Refuse a folder whose run this one would overwrite or could not go on with.

    A run that stopped before its first checkpoint is nothing to lose.
    """
    nearest = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise UsageError(f"{nearest} is a file; give a folder as --out")
    begun = out / RUN
    if resume and begun.is_file():
        before = json.loads(begun.read_text(encoding="utf-8"))
        changed = [key for key in run if before.get(key) != run[key]]
        if changed:
            raise UsageError(
                f"{out} was begun with another {' and '.join(changed)}; resume with the same "
                "recipe, settings, data and seed, or give another --out"
            )
    elif (out / CHECKPOINT).exists() or (out / BUNDLE).exists():
        raise UsageError(
            f"{out} holds a run already; go on with it by --resume or give another --out"
        )


def _claim(out: Path, run: Mapping[str, Any]) -> None:
    """Take a folder for this run."""
    out.mkdir(parents=True, exist_ok=True)
    _write_json(out / RUN, run)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file whole or, on a full disk, not at all."""
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def _read(source: Source, recipe: Recipe, progress: Progress, say: Say) -> _Data:
    manifest = look(source, recipe.calibration.fraction, progress)
    require_learnable(manifest)
    for line in describe(manifest):
        say(line)
    prep = prep_for(recipe, manifest)
    sets = read_parts(source, manifest, prep, manifest.class_names, ("train", "val"), progress)
    return _Data(source, manifest, prep, sets["train"], sets["val"])


def _calibrated(
    recipe: Recipe, data: _Data, encoder: Encoder, progress: Progress, say: Say
) -> tuple[Bundle, Evaluation]:
    names = data.manifest.class_names
    gallery = coded(encoder, data.train, _hashes(data.manifest, "train"))
    val = coded(encoder, data.val, _hashes(data.manifest, "val"))
    queries = val.without(gallery)
    rankers = fitted_rankers(recipe.search.mode, gallery, queries, names)
    validation = evaluate(
        gallery, queries, class_names=names, ranker=rankers.chosen, mode=rankers.mode
    )
    roles = calibrate.gate_parts(data.manifest, recipe.gate, recipe.prep.size)
    with progress("calibrating the gate", len(data.manifest.rows)) as tick:
        evidence = calibrate.collect_by_role(counted(data.source, tick), roles, encoder, data.prep)
    gate = calibrate.fit_gate(
        recipe, evidence, encode_with(encoder), promise=data.manifest.fraction > 0
    )
    say(gate.promise_in_words())
    sets = of_training(
        encoder, data.manifest, evidence, {"train": gallery, "val": val}, rankers.chosen
    )
    if sets is not None:
        say(sets.in_words())
    bundle = Bundle(
        recipe=recipe,
        class_names=names,
        prep=data.prep,
        encoder=encoder,
        gate=gate,
        rankers=rankers.by_name,
        mode=rankers.mode,
        calibration=frozenset(
            row.pixel_hash
            for row in data.manifest.rows
            if data.manifest.part(row).startswith("calibration")
        ),
        training=frozenset(
            row.pixel_hash for row in data.manifest.rows if data.manifest.part(row) in LEARNED
        ),
        card="",
        answer_sets=sets,
    )
    return bundle, validation


def _hashes(manifest: Manifest, part: Part) -> tuple[str, ...]:
    return tuple(row.pixel_hash for row in manifest.of(part))
