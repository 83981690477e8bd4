"""`acir train`: from a recipe and a source to a bundle."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acir import recipe as recipes
from acir.bundle import Bundle, write_bundle
from acir.data.loader import ImageSet
from acir.data.manifest import Manifest, Part
from acir.errors import UsageError
from acir.evaluation.model_card import model_card
from acir.evaluation.protocol import Evaluation, evaluate
from acir.gate import Gate
from acir.losses.base import Loss
from acir.models import stems
from acir.models.encoder import Encoder
from acir.models.evidence import encode_with
from acir.models.pretrained import is_url, load_stem
from acir.prep.pipeline import Prep
from acir.privacy.pseudonym import fresh_key
from acir.recipe import Recipe
from acir.sources.base import Source, SourceOptions, open_source
from acir.tensors import Evidence
from acir.training.trainer import CHECKPOINT, Fabric, Trainer, make_fabric
from acir.types import Progress, Split, counted, silent
from acir.workflows import calibrate, records
from acir.workflows.answer_sets import of_training
from acir.workflows.destination import refuse_not_utf8, refuse_unwritable
from acir.workflows.hardening import attack_for
from acir.workflows.learning import (
    Say,
    coded,
    describe,
    fitted_rankers,
    look,
    loss_for,
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
LEARNED: frozenset[Split] = frozenset({"train", "val"})  # validation chose epoch and ranker


@dataclass(frozen=True)
class _Run:
    """A run whose pictures are read.

    Attributes:
        recipe: As `settled` returns it.
        source: Read again for the gate.
        manifest: Which pictures there are.
        prep: How they are prepared.
        train: What is learned.
        val: What judges an epoch.
        progress: Shows how far long work is.
        say: Takes a line for a person.
    """

    recipe: Recipe
    source: Source
    manifest: Manifest
    prep: Prep
    train: ImageSet
    val: ImageSet
    progress: Progress
    say: Say


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
        StorageError: The folder cannot be written.
    """
    started = time.perf_counter()
    recipe = _possible(recipe_name, settings)
    fabric = make_fabric(device, recipe.training.precision)
    begun = {"recipe": recipes.to_dict(recipe), "data": data, "seed": seed}
    _refuse_other_run(out, begun, resume)
    source = open_source(data, SourceOptions(LEARNED, strict, download, fresh_key()))
    run = _read(source, recipe, progress, say)
    encoder, loss = network(run.recipe, run.train, seed)
    for line in calibrate.class_head_lines(run.recipe, loss):
        say(line)
    say(f"the network has {size(encoder) / 1e6:.2f} M parameters")
    if fabric.is_global_zero:  # two that write one file at a time lose it to each other
        records.write(out / RUN, begun)
    history = _trainer(run, encoder, loss, out, seed, fabric).fit(run.train, resume=resume)
    if not fabric.is_global_zero:  # one of several processes calibrates and writes for all
        return {}
    return _finished(run, encoder.cpu(), out, seed, history, started)


def _possible(recipe_name: str, settings: Mapping[str, str] | None) -> Recipe:
    """Load a recipe whose network, loss, detectors and ranker can be had and fit each other."""
    recipe = recipes.load(recipe_name, settings)
    loss = loss_for(recipe, (2, 2), 4)  # what it refuses of two classes, it would of any
    calibrate.require_detectors(recipe)
    calibrate.require_ranker(recipe)
    calibrate.class_head_lines(recipe, loss)  # refuses detectors that would read an untaught head
    stem = stems.made(recipe.model.stem)
    if recipe.model.pretrained and not is_url(recipe.model.pretrained):  # fetched once, not twice
        load_stem(stem, recipe.model.pretrained, recipe.model.pretrained_sha256)
    return recipe


def _refuse_other_run(out: Path, run: Mapping[str, Any], resume: bool) -> None:
    """Refuse a folder whose run this one would overwrite or could not go on with.

    A run that stopped before its first checkpoint is nothing to lose.
    """
    refuse_not_utf8(out)
    refuse_unwritable(out)
    begun = out / RUN
    if resume and begun.is_file():
        try:
            before = dict(json.loads(begun.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{begun} is not what a run writes ({error}); give another --out"
            ) from error
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


def _read(source: Source, recipe: Recipe, progress: Progress, say: Say) -> _Run:
    manifest = look(source, recipe.calibration.fraction, progress)
    require_learnable(manifest)
    for line in (*source.remarks, *describe(manifest)):
        say(line)
    prep = prep_for(recipe, manifest)
    sets = read_parts(source, manifest, prep, manifest.class_names, ("train", "val"), progress)
    recipe = settled(recipe, sets["train"], say)
    return _Run(recipe, source, manifest, prep, sets["train"], sets["val"], progress, say)


def _trainer(
    run: _Run, encoder: Encoder, loss: Loss, folder: Path, seed: int, fabric: Fabric
) -> Trainer:
    return Trainer(
        recipe=run.recipe,
        encoder=encoder,
        loss=loss,
        folder=folder,
        seed=seed,
        fabric=fabric,
        validate=validator(run.recipe.training, run.train, run.val, run.say),
        progress=run.progress,
        attack=attack_for(run.recipe.training, run.train),
    )


def _finished(
    run: _Run,
    encoder: Encoder,
    out: Path,
    seed: int,
    history: Sequence[Mapping[str, Any]],
    started: float,
) -> dict[str, Any]:
    """Calibrate what was learned, write it and what was measured; return the latter."""
    bundle, validation = _calibrated(run, encoder)
    metrics = {
        **validation.to_dict(),
        "split": "val against train",
        "epochs": sum(row["stage"] == 1 for row in history),
        "parameters": size(encoder),
        "calibration": vars(bundle.gate.calibration),
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 1),
    }
    card = model_card(run.recipe, run.manifest.report(), metrics)
    write_bundle(replace(bundle, card=card), out / BUNDLE)
    records.write(out / METRICS, metrics)
    return metrics


def _calibrated(run: _Run, encoder: Encoder) -> tuple[Bundle, Evaluation]:
    """Return the bundle, but for its card, and how good it is on validation."""
    names, manifest = run.manifest.class_names, run.manifest
    gallery = coded(encoder, run.train, _hashes(manifest, "train"))
    val = coded(encoder, run.val, _hashes(manifest, "val"))
    queries = val.without(gallery)
    rankers = fitted_rankers(run.recipe.search.mode, gallery, queries, names)
    validation = evaluate(
        gallery, queries, class_names=names, ranker=rankers.chosen, mode=rankers.mode
    )
    gate, evidence = _gate(run, encoder)
    run.say(gate.promise_in_words())
    sets = of_training(encoder, manifest, evidence, {"train": gallery, "val": val}, rankers.chosen)
    if sets is not None:
        run.say(sets.in_words())
    rows = manifest.rows
    bundle = Bundle(
        recipe=run.recipe,
        class_names=names,
        prep=run.prep,
        encoder=encoder,
        gate=gate,
        rankers=rankers.by_name,
        mode=rankers.mode,
        calibration=frozenset(
            row.pixel_hash for row in rows if manifest.part(row).startswith("calibration")
        ),
        training=frozenset(row.pixel_hash for row in rows if manifest.part(row) in LEARNED),
        card="",
        answer_sets=sets,
    )
    return bundle, validation


def _gate(run: _Run, encoder: Encoder) -> tuple[Gate, dict[str, Evidence]]:
    """Fit and calibrate the gate; return it with what it looked at, by its role."""
    roles = calibrate.gate_parts(run.manifest, run.recipe.gate, run.prep.size)
    with run.progress("calibrating the gate", len(run.manifest.rows)) as tick:
        pictures = counted(run.source, tick)
        evidence = calibrate.collect_by_role(pictures, roles, encoder, run.prep)
    promise = run.manifest.fraction > 0
    gate = calibrate.fit_gate(
        run.recipe,
        evidence,
        encode_with(encoder),
        promise=promise,
        groups=[row.draw for row in run.manifest.of("calibration_b")] if promise else None,
        progress=run.progress,
    )
    return gate, evidence


def _hashes(manifest: Manifest, part: Part) -> tuple[str, ...]:
    return tuple(row.pixel_hash for row in manifest.of(part))
