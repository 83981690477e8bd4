"""`acir train`: from a recipe and a source to a bundle."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from acir import losses, registry
from acir import recipe as recipes
from acir.bulk import encode_set
from acir.bundle import Bundle, write_bundle
from acir.data.loader import ImageSet, read_images
from acir.data.manifest import Manifest, read_manifest
from acir.errors import SourceError, UsageError
from acir.evaluation.model_card import model_card
from acir.evaluation.protocol import CodedSet, Evaluation, evaluate
from acir.losses.base import Loss
from acir.metrics.retrieval import mean_average_precision
from acir.models.encoder import Encoder
from acir.models.pretrained import load_stem
from acir.prep.pipeline import Prep
from acir.privacy.pseudonym import fresh_key
from acir.recipe import Recipe
from acir.sources.base import Source, SourceOptions, open_source
from acir.training.trainer import CHECKPOINT, Trainer, make_fabric
from acir.types import Progress, Split, counted, silent
from acir.workflows import calibrate
from acir.workflows.notes import skipped_lines

RUN = "run.json"
METRICS = "metrics.json"
BUNDLE = "bundle"
VALIDATION = 500  # pictures of train and of val each that are enough to compare epochs by
FINAL_QUERIES = 200  # validation queries that choose the ranker

Say = Callable[[str], None]


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
    calibrate.detectors(recipe)
    fabric = make_fabric(device, recipe.training.precision)
    run = {"recipe": recipes.to_dict(recipe), "data": data, "seed": seed}
    _refuse_other_run(out, run, resume)
    splits: frozenset[Split] = frozenset({"train", "val"})
    source = open_source(data, SourceOptions(splits, strict, download, fresh_key()))
    opened = _read(source, recipe, progress, say)
    encoder, loss = _network(recipe, opened, seed)
    say(f"the network has {_size(encoder) / 1e6:.2f} M parameters")
    _claim(out, run)
    trainer = Trainer(
        recipe=recipe,
        encoder=encoder,
        loss=loss,
        folder=out,
        seed=seed,
        fabric=fabric,
        validate=_validator(opened, say),
        progress=progress,
    )
    history = trainer.fit(opened.train, resume=resume)
    if not fabric.is_global_zero:  # one of several processes calibrates and writes for all
        return {}
    bundle, validation = _calibrated(recipe, opened, encoder.cpu(), progress, say)
    metrics = {
        **validation.to_dict(),
        "split": "val against train",
        "epochs": sum(row["stage"] == 1 for row in history),
        "parameters": _size(encoder),
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
    with progress("looking at the pictures", None) as tick:
        manifest = read_manifest(
            counted(source, tick), lambda: source.skipped, recipe.calibration.fraction
        )
    manifest.require_trainable()
    _require_validation(manifest)
    for line in describe(manifest):
        say(line)
    prep = Prep(recipe.prep.size, _keeps_colour(recipe, manifest))
    wanted = {row.id: manifest.part(row) for row in manifest.rows}
    wanted = {id_: part for id_, part in wanted.items() if part in ("train", "val")}
    with progress("reading the pictures", len(manifest.rows)) as tick:
        sets = read_images(counted(source, tick), wanted, prep, manifest.class_names)
    return _Data(source, manifest, prep, sets["train"], sets["val"])


def _require_validation(manifest: Manifest) -> None:
    trained_on = {row.pixel_hash for row in manifest.of("train")}
    if all(row.pixel_hash in trained_on for row in manifest.of("val")):
        raise SourceError(
            f"no picture is left to validate by among {len(manifest.rows)}, beside those that are "
            "trained on; give more pictures, or a folder `val` of others"
        )


def describe(manifest: Manifest) -> list[str]:
    """Say in a few lines what the data report found."""
    report = manifest.report()
    parts = ", ".join(f"{count} {part}" for part, count in sorted(report["pictures"].items()))
    lines = [
        f"{len(manifest.rows)} pictures of {len(manifest.class_names)} classes: {parts}",
        f"sizes {', '.join(report['sizes'])}; {report['colour']} in colour; "
        f"{report['duplicates']} duplicates, {report['in_two_splits']} of them across splits",
    ]
    if report["patients"] is None:
        lines.append("no patient is named, so leakage between splits cannot be excluded")
    return [*lines, *skipped_lines(manifest.skipped)]


def _keeps_colour(recipe: Recipe, manifest: Manifest) -> bool:
    if recipe.prep.channels == "auto":
        return any(row.is_colour for row in manifest.of("train"))
    return recipe.prep.channels == "colour"


def _network(recipe: Recipe, data: _Data, seed: int) -> tuple[Encoder, Loss]:
    torch.manual_seed(seed)
    encoder = Encoder(recipe.model, len(data.manifest.class_names))
    if recipe.model.pretrained:
        load_stem(encoder.stem, recipe.model.pretrained, recipe.model.pretrained_sha256)
    loss = registry.build(
        losses.get(recipe.loss.name),
        recipe.loss.options,
        class_counts=data.train.class_counts,
        bits=recipe.model.bits,
        pictures=len(data.train),
    )
    return encoder, loss


def _validator(data: _Data, say: Say) -> Callable[[Encoder], float]:
    gallery, queries = data.train.spread(VALIDATION), data.val.spread(VALIDATION)

    def validate(encoder: Encoder) -> float:
        query_codes, _ = encode_set(encoder, queries)
        gallery_codes, _ = encode_set(encoder, gallery)
        found = mean_average_precision(
            query_codes, queries.labels.numpy() > 0, gallery_codes, gallery.labels.numpy() > 0
        )
        say(f"validation mAP {found:.4f}")
        return found

    return validate


def _calibrated(
    recipe: Recipe, data: _Data, encoder: Encoder, progress: Progress, say: Say
) -> tuple[Bundle, Evaluation]:
    names = data.manifest.class_names
    gallery = _coded(encoder, data.train, data.manifest, "train")
    queries = _coded(encoder, data.val, data.manifest, "val").without(gallery)
    some = calibrate.spread(queries, FINAL_QUERIES)
    rankers = calibrate.fit_rankers(gallery, some)
    mode: str = recipe.search.mode
    if mode == "auto":
        mode = calibrate.favoured_mode(gallery, some, rankers, names)
    validation = evaluate(gallery, queries, class_names=names, ranker=rankers[mode], mode=mode)
    roles = calibrate.gate_parts(data.manifest, recipe.gate, recipe.prep.size)
    with progress("calibrating the gate", len(data.manifest.rows)) as tick:
        evidence = calibrate.collect_by_role(counted(data.source, tick), roles, encoder, data.prep)
    gate = calibrate.fit_gate(recipe, evidence, promise=data.manifest.fraction > 0)
    say(gate.promise_in_words())
    bundle = Bundle(
        recipe=recipe,
        class_names=names,
        prep=data.prep,
        encoder=encoder,
        gate=gate,
        rankers=rankers,
        mode=mode,
        calibration=frozenset(
            row.pixel_hash
            for row in data.manifest.rows
            if data.manifest.part(row).startswith("calibration")
        ),
        card="",
    )
    return bundle, validation


def _coded(encoder: Encoder, images: ImageSet, manifest: Manifest, part: str) -> CodedSet:
    codes, embeddings = encode_set(encoder, images)
    hashes = tuple(row.pixel_hash for row in manifest.rows if manifest.part(row) == part)
    return CodedSet(codes, embeddings, images.labels.numpy() > 0, hashes)


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
