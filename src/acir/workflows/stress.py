"""`acir stress`: what the gate does with pictures that are broken, foreign or only a little odd."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from acir.bundle import Bundle, load_bundle
from acir.errors import UsageError
from acir.evaluation import stress_ablation, stress_baselines, stress_reasons
from acir.evaluation.attack_page import with_attacks
from acir.evaluation.attack_scores import attack_dict, attack_summary
from acir.evaluation.attacked import Budget
from acir.evaluation.protocol import CodedSet
from acir.evaluation.report import write_page
from acir.evaluation.retrieved import first_hits
from acir.evaluation.stress import UNKNOWN_SET, Clean, Protocol, Stress, Trial
from acir.evaluation.stress_baselines import Scorer, Traits
from acir.evaluation.stress_page import document
from acir.evaluation.stress_scores import to_dict
from acir.privacy.pseudonym import fresh_key
from acir.recipe import Recipe
from acir.robustness.corruption import SEVERITIES, Corruption
from acir.robustness.inputs import suite
from acir.sources.base import SourceOptions, open_source
from acir.types import ImageRecord, Progress, silent
from acir.workflows.comparing import records as files
from acir.workflows.notes import skipped_lines
from acir.workflows.stressing import attack_run
from acir.workflows.stressing.copies import Copies, learned_from_copies
from acir.workflows.stressing.judging import Judge
from acir.workflows.stressing.parts import LEAST_PICTURES, Parts, foreign_pictures, read_parts
from acir.workflows.stressing.pictures import Corrupter

NUMBERS, PAGE = "stress.json", "stress.html"


def stress(
    bundle_folder: Path,
    data: str,
    out: Path,
    *,
    ood: Sequence[str] = (),
    oriented: bool | None = None,
    limit: int = 400,
    attacks: bool = False,
    attack_pictures: int = 256,
    attack_steps: int = 100,
    attack_restarts: int = 3,
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
        oriented: Whether the pictures have an up; None to read it off the bundle's recipe.
        limit: Most pictures of the test split, and of each unknown source.
        attacks: Whether the model is attacked too.
        attack_pictures: Most test pictures that are attacked.
        attack_steps: Of one search for an attacked picture.
        attack_restarts: Searches from different starts.
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
    budget = Budget(pictures=attack_pictures, steps=attack_steps, restarts=attack_restarts)
    bundle = load_bundle(bundle_folder, device)
    options = SourceOptions(strict=strict, key=fresh_key())
    # All are opened first: a misspelt one must not stop the work half way.
    unknown = {name: open_source(text, options) for name, text in _named(ood).items()}
    if oriented is None:
        oriented = is_oriented(bundle.recipe)
    source = open_source(data, options)
    parts = read_parts(source, bundle, limit, progress)
    foreign = {name: foreign_pictures(one, name, parts, limit) for name, one in unknown.items()}
    for each in (source, *unknown.values()):
        for line in skipped_lines(each.skipped):
            say(line)
    baselines = stress_baselines.fit(parts.training, decoder=bundle.encoder.decoder is not None)
    judge = Judge(bundle, baselines)
    copies = learned_from_copies(source, bundle, parts, progress)
    clean = _clean(judge, copies, parts)
    trials = [
        *_corrupted(judge, copies, parts.test, suite(oriented), progress),
        *(_foreign(judge, copies, text, pictures) for text, pictures in foreign.items()),
    ]
    protocol = Protocol(
        bundle=bundle.id,
        data=_shown(data),
        ood=tuple(unknown),
        oriented=oriented,
        limit=limit,
        detectors=tuple(bundle.gate.detectors),
        training=len(parts.gallery),
        calibration=bundle.gate.calibration,
        promise=bundle.gate.promise_in_words(),
        thresholds=_thresholds(bundle, baselines, parts.calibration),
        calibration_pictures=len(parts.calibration.errors),
    )
    found = Stress(protocol, clean, tuple(trials))
    page, numbers = document(found), _numbers(found)
    if attacks:
        folder = out / attack_run.FOLDER
        attacked = attack_run.attacked(bundle, source, parts, budget, folder, progress)
        page = with_attacks(page, attacked)
        numbers["summary"]["attack"] = attack_summary(attacked)
        numbers["attack"] = attack_dict(attacked)
    files.write(out / NUMBERS, numbers)
    write_page(out / PAGE, page)
    return dict(numbers["summary"])


def _numbers(found: Stress) -> dict[str, Any]:
    return {
        **to_dict(found),
        "reasons": stress_reasons.to_dict(found),
        "ablation": stress_ablation.to_rows(found),
    }


def is_oriented(recipe: Recipe) -> bool:
    """Whether training took the pictures to have an up.

    It did not where it turned or flipped them, or where it found none and so gave the scattering
    the symmetry of the square.

    Example:
        >>> is_oriented(Recipe())
        True
    """
    augment = recipe.augment
    turned = augment.quarter_turns or augment.flip_horizontal or augment.flip_vertical
    scattering = recipe.model.scattering
    return not (turned or (scattering.on and scattering.symmetry == "square"))


def _refuse_misuse(data: str, out: Path, limit: int) -> None:
    if "#" in data and not Path(data).exists():
        raise UsageError(
            f"a stress test needs all splits of a source, but {data} names one; leave it out"
        )
    nearest = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise UsageError(f"{nearest} is a file; give a folder as --out")
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


def _clean(judge: Judge, copies: Copies, parts: Parts) -> Clean:
    judged, codes, embeddings = judge.coded(parts.test)
    hashes = tuple(record.pixel_hash for record in parts.test)
    asked = CodedSet(codes, embeddings, parts.labels, hashes)
    best = first_hits(parts.gallery, asked, judge.bundle.rankers[judge.bundle.mode])
    shared = (parts.labels & parts.gallery.labels[best]).any(axis=1)
    return Clean(
        ids=tuple(record.id for record in parts.test),
        labels=tuple(record.labels for record in parts.test),
        wrong=~shared,
        judged=judged,
        equalised=copies(parts.test),
    )


def _corrupted(
    judge: Judge,
    copies: Copies,
    pictures: Sequence[ImageRecord],
    corruptions: Sequence[Corruption],
    progress: Progress,
) -> Iterator[Trial]:
    """Judge every corruption at each of its severities; one without degrees has the first alone."""
    cells = [(c, s) for c in corruptions for s in (SEVERITIES if c.graded else SEVERITIES[:1])]
    corrupter = Corrupter(pictures, judge.bundle.prep.size)
    with progress("corrupting and judging", len(cells) * len(pictures)) as tick:
        for corruption, severity in cells:
            changed = corrupter(corruption, severity)
            judged = judge(changed)
            tier = corruption.tier(severity)
            yield Trial(
                kind=corruption.name,
                group=corruption.group,
                severity=severity,
                tier=tier,
                about=corruption.reason,
                judged=judged,
                equalised=copies(changed),
                specimen=judge.worst(changed, judged, tier),
            )
            tick(len(pictures))


def _foreign(judge: Judge, copies: Copies, text: str, records: Sequence[ImageRecord]) -> Trial:
    judged = judge(records)
    return Trial(
        kind=text,
        group=UNKNOWN_SET,
        severity=None,
        tier="reject",
        about="the picture is of a kind that the model does not know",
        judged=judged,
        equalised=copies(records),
        specimen=judge.worst(records, judged, "reject"),
    )


def _thresholds(
    bundle: Bundle, baselines: dict[str, Scorer], calibration: Traits
) -> dict[str, float]:
    """Give each baseline the quantile of the gate: as large a share of calibration lies above.

    The gate flags above the r-th largest of n; the share of ordinary pictures that it expects there
    is r / (n + 1), and so it is for the baselines.
    """
    gate = bundle.gate.calibration
    n = len(calibration.errors)
    rank = max(1, gate.r * (n + 1) // (gate.n + 1))
    return {name: float(np.sort(score(calibration))[-rank]) for name, score in baselines.items()}
