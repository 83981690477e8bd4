"""`acir stress`: what the gate does with pictures that are broken, foreign or only a little odd."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from acir.bulk import prepared_batches
from acir.bundle import Bundle, load_bundle
from acir.errors import UsageError
from acir.evaluation import stress_ablation, stress_reasons
from acir.evaluation.attack_page import with_attacks
from acir.evaluation.attack_scores import attack_dict, attack_summary
from acir.evaluation.attacked import Attacked, Budget
from acir.evaluation.report import write_page
from acir.evaluation.stress import Protocol, Stress
from acir.evaluation.stress_page import document
from acir.evaluation.stress_scores import to_dict
from acir.models.uprightness import have_an_up
from acir.privacy.pseudonym import fresh_key
from acir.robustness.inputs import suite
from acir.sources.base import Source, SourceOptions, open_source
from acir.types import ImageRecord, Progress, silent
from acir.workflows import records
from acir.workflows.destination import refuse_unwritable
from acir.workflows.notes import source_lines
from acir.workflows.stressing import attack_run
from acir.workflows.stressing.parts import LEAST_PICTURES, Parts, foreign_pictures, read_parts
from acir.workflows.stressing.trials import tried

__all__ = ["NUMBERS", "PAGE", "Budget", "is_oriented", "stress"]

NUMBERS, PAGE = "stress.json", "stress.html"


@dataclass(frozen=True)
class _Read:
    """The pictures of a stress test, and lines for a person about what could not be read."""

    source: Source
    parts: Parts
    foreign: Mapping[str, Sequence[ImageRecord]]
    notes: tuple[str, ...]


def stress(
    bundle_folder: Path,
    data: str,
    out: Path,
    *,
    ood: Sequence[str] = (),
    oriented: bool | None = None,
    limit: int = 400,
    attack: Budget | None = None,
    strict: bool = False,
    device: str = "cpu",
    progress: Progress = silent,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Corrupt test pictures, ask gate and baselines, write `out/stress.json` and `out/stress.html`.

    Nothing is written before all is done, but what each attack found, in `out/attacks`: a run that
    was stopped takes it up.

    Args:
        bundle_folder: The model.
        data: SOURCE that the model was trained on, with all its splits: clean pictures come from
            test, answers from train, the thresholds of the baselines from what calibrated the gate.
        out: Folder of the report.
        ood: SOURCEs of pictures of kinds that the model does not know.
        oriented: Whether the pictures have an up; None for what `is_oriented` says.
        limit: Most test pictures that are corrupted, and most of each unknown source; of the test
            split ten times as many are judged as they are.
        attack: How hard the model is attacked too; None for not at all.
        strict: Whether an unreadable picture is an error.
        device: Where the network is to run.
        progress: Shows how far the work is.
        say: Takes a line for a person.

    Returns:
        `summary` of the JSON object.

    Raises:
        UsageError: The bundle, a source, the limit or the folder cannot be used.
        StorageError: The report cannot be written.
    """
    _refuse_misuse(data, out, limit)
    bundle = load_bundle(bundle_folder, device)
    read = _read(bundle, data, ood, limit, SourceOptions(strict=strict, key=fresh_key()), progress)
    for line in read.notes:
        say(line)
    oriented = is_oriented(bundle, read.parts.changed) if oriented is None else oriented
    found = tried(bundle, read.source, read.parts, read.foreign, suite(oriented), progress)
    protocol = _protocol(bundle, data, oriented, limit, read, found.thresholds)
    attacked = _attacked(bundle, read, attack, out, progress)
    return _written(out, Stress(protocol, found.clean, found.trials), attacked)


def is_oriented(bundle: Bundle, pictures: Sequence[ImageRecord]) -> bool:
    """Whether pictures have an up: by what training did, else by the pictures themselves.

    They have none where training turned or flipped them, or where it found none and so gave the
    scattering the symmetry of the square. A network without scattering says nothing, so the
    pictures are looked at as training would have done.
    """
    augment, scattering = bundle.recipe.augment, bundle.recipe.model.scattering
    if augment.quarter_turns or augment.flip_horizontal or augment.flip_vertical:
        return False
    if scattering.on:
        return scattering.symmetry != "square"
    images = [images for _, images in prepared_batches(pictures, bundle.prep)]
    return have_an_up(torch.cat(images), scattering)


def _refuse_misuse(data: str, out: Path, limit: int) -> None:
    if "#" in data and not Path(data).exists():
        raise UsageError(
            f"a stress test needs all splits of a source, but {data} names one; leave it out"
        )
    refuse_unwritable(out)
    if limit < LEAST_PICTURES:
        raise UsageError(
            f"the limit is {limit}, expected at least {LEAST_PICTURES}, as some corruptions mix "
            "that many pictures"
        )


def _shown(text: str) -> str:
    """Return a SOURCE for a report; a place outside the working directory keeps its last name."""
    return Path(text).name if Path(text).is_absolute() else text


def _named(texts: Sequence[str]) -> dict[str, str]:
    """Return SOURCEs by what a report calls them; further ones of one name are numbered.

    Example:
        >>> _named(["/a/brain", "/b/brain"])
        {'brain': '/a/brain', 'brain (2)': '/b/brain'}
    """
    named: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        name, others = _shown(text), sum(_shown(other) == _shown(text) for other in named.values())
        named[f"{name} ({others + 1})" if others else name] = text
    return named


def _read(
    bundle: Bundle,
    data: str,
    ood: Sequence[str],
    limit: int,
    options: SourceOptions,
    progress: Progress,
) -> _Read:
    # All are opened first: a misspelt one must not stop the work half way.
    unknown = {name: open_source(text, options) for name, text in _named(ood).items()}
    source = open_source(data, options)
    parts = read_parts(source, bundle, limit, progress)
    foreign = {name: foreign_pictures(one, name, parts, limit) for name, one in unknown.items()}
    skipped = (source_lines(one) for one in (source, *unknown.values()))
    return _Read(source, parts, foreign, tuple(chain.from_iterable(skipped)))


def _protocol(
    bundle: Bundle,
    data: str,
    oriented: bool,
    limit: int,
    read: _Read,
    thresholds: Mapping[str, float],
) -> Protocol:
    return Protocol(
        bundle=bundle.id,
        data=_shown(data),
        ood=tuple(read.foreign),
        oriented=oriented,
        limit=limit,
        detectors=tuple(bundle.gate.detectors),
        training=len(read.parts.gallery),
        calibration=bundle.gate.calibration,
        promise=bundle.gate.promise_in_words(),
        thresholds=thresholds,
        calibration_pictures=len(read.parts.calibration.errors),
    )


def _attacked(
    bundle: Bundle, read: _Read, budget: Budget | None, out: Path, progress: Progress
) -> Attacked | None:
    if budget is None:
        return None
    folder = out / attack_run.FOLDER
    return attack_run.attacked(bundle, read.source, read.parts, budget, folder, progress)


def _written(out: Path, found: Stress, attacked: Attacked | None) -> dict[str, Any]:
    """Write numbers and page; return the summary."""
    page = document(found)
    numbers = {
        **to_dict(found),
        "reasons": stress_reasons.to_dict(found),
        "ablation": stress_ablation.to_rows(found),
    }
    if attacked is not None:
        page = with_attacks(page, attacked)
        numbers["summary"]["attack"] = attack_summary(attacked)
        numbers["attack"] = attack_dict(attacked)
    records.write(out / NUMBERS, numbers)
    write_page(out / PAGE, page)
    return dict(numbers["summary"])
